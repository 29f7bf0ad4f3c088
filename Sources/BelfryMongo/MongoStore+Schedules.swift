package import BelfryCore

extension MongoStore: ScheduleStore {
  private static let staleAfter = Duration.seconds(10)
  /// Longer than anybody could still fire the same time again.
  private static let firingsKept = Duration.seconds(7 * 86_400)

  package func putSchedule(_ schedule: Schedule) async -> StoreProblem? {
    await perform([ScheduleDocument.put(schedule)])
  }

  package func schedules() async -> Result<[Schedule], StoreProblem> {
    await read("schedules", ControlQueries.everything, batch: 1_000) { documents in
      documents.compactMap { try? ScheduleDocument.decode($0) }.sorted { $0.name < $1.name }
    }
  }

  package func removeSchedule(_ name: String) async -> Result<Bool, StoreProblem> {
    await call { [database] client throws(MongoFailure) in
      try client.command(database, ScheduleDocument.remove(name))["n"]?.int == 1
    }.mapError { self.problem($0) }
  }

  package func openFiring(
    _ name: String, due: WallTime, at now: WallTime
  ) async -> InsertAnswer {
    await insertAll([due], into: "firings") {
      ScheduleDocument.firing(name, due: $0, at: now)
    }[0]
  }

  package func closeFiring(
    _ name: String, due: WallTime, job: JobID?, at now: WallTime
  ) async -> StoreProblem? {
    // The schedule first: if the second write fails, the firing is met again and closed then.
    await perform([
      ScheduleDocument.remember(name, due: due, job: job),
      ScheduleDocument.close(name, due: due),
      ScheduleDocument.dropOld(before: now - Self.firingsKept),
    ])
  }

  package func staleFirings(at now: WallTime) async -> [(name: String, due: WallTime)]? {
    let found = await read(
      "firings", ScheduleDocument.stale(before: now - Self.staleAfter), batch: 100,
      options: {
        $0.document("sort") { $0.int("opened", -1) }
        $0.int("limit", 1_000)
      }
    ) { documents in
      documents.compactMap { document -> (name: String, due: WallTime)? in
        guard let name = document["schedule"]?.string, let due = document["due"]?.wallTime
        else { return nil }
        return (name, due)
      }
    }
    return try? found.get()  // Not answered is nil.
  }
}
