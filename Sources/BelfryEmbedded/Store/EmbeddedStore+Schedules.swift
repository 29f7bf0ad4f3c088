package import BelfryCore

extension EmbeddedStore: ScheduleStore {
  private static let staleAfter = Duration.seconds(10)
  /// Longer than anybody could still fire the same time again.
  private static let firingsKept = Duration.seconds(7 * 86_400)
  private static let placeholder = JobID(trusted: "schedule")

  package func putSchedule(_ schedule: Schedule) async -> StoreProblem? {
    await write { database throws(SQLiteFailure) in
      let job = schedule.job
      try database.run(
        """
        INSERT INTO schedules
          (name, cron, time_zone, misfire, is_paused, since, kind, lane, requires, job)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT (name) DO UPDATE SET cron = ?2, time_zone = ?3, misfire = ?4, is_paused = ?5,
          since = ?6, kind = ?7, lane = ?8, requires = ?9, job = ?10
        """,
        .text(schedule.name), .text(schedule.cron.text), .text(schedule.timeZone),
        .text(schedule.misfire.rawValue), .int(schedule.isPaused ? 1 : 0),
        .int(schedule.since.milliseconds), .text(job.kind.text), .text(job.lane.text),
        .text(job.requires.map(\.description).joined(separator: ",")), .bytes(JobRow.pack(job)))
    }
  }

  package func schedules() async -> Result<[Schedule], StoreProblem> {
    await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var schedules: [Schedule] = []
      try database.rows(
        """
        SELECT name, cron, time_zone, misfire, is_paused, since, kind, lane, requires, job, last,
          last_job
        FROM schedules ORDER BY name
        """, []
      ) { row throws(SQLiteFailure) in
        schedules.append(try Self.read(row))
        return true
      }
      return schedules
    }.mapError(engine.problem)
  }

  private static func read(_ row: Statement) throws(SQLiteFailure) -> Schedule {
    guard let cron = try? CronExpression(row.text(1)),  // Checked when it was put there.
      let misfire = Schedule.Misfire(rawValue: row.text(3)), let kind = Kind(row.text(6)),
      let lane = Lane(row.text(7)), let requires = Label.list(row.text(8))
    else { throw Unpacker.damaged }
    return Schedule(
      name: row.text(0), cron: cron, timeZone: row.text(2), misfire: misfire,
      job: try JobRow.unpack(
        row.bytes(9), id: placeholder, kind: kind, lane: lane, requires: requires),
      isPaused: row.int(4) != 0, since: WallTime(milliseconds: row.int(5)),
      last: row.optionalInt(10).map { WallTime(milliseconds: $0) },
      lastJob: row.optionalText(11).flatMap { JobID($0) })
  }

  package func removeSchedule(_ name: String) async -> Result<Bool, StoreProblem> {
    await engine.perform(isSynced: true) { database throws(SQLiteFailure) in
      try database.run("DELETE FROM schedules WHERE name = ?1", .text(name))
      return database.changes == 1
    }.mapError(engine.problem)
  }

  package func openFiring(
    _ name: String, due: WallTime, at now: WallTime
  ) async -> InsertAnswer {
    await insertAll([name], size: { _ in 0 }) { database, name throws(SQLiteFailure) in
      try database.run(
        "INSERT OR IGNORE INTO firings (schedule, due, opened, is_closed) VALUES (?1, ?2, ?3, 0)",
        .text(name), .int(due.milliseconds), .int(now.milliseconds))
      return database.changes == 1 ? .inserted : .duplicate
    }[0]
  }

  package func closeFiring(
    _ name: String, due: WallTime, job: JobID?, at now: WallTime
  ) async -> StoreProblem? {
    await write { database throws(SQLiteFailure) in
      try database.run(
        """
        UPDATE schedules SET last = ?2, last_job = coalesce(?3, last_job)
        WHERE name = ?1 AND (last IS NULL OR last <= ?2)
        """, .text(name), .int(due.milliseconds), .text(job?.text))
      try database.run(
        "UPDATE firings SET is_closed = 1 WHERE schedule = ?1 AND due = ?2", .text(name),
        .int(due.milliseconds))
      try database.run(
        "DELETE FROM firings WHERE opened < ?1", .int((now - Self.firingsKept).milliseconds))
    }
  }

  package func staleFirings(at now: WallTime) async -> [(name: String, due: WallTime)]? {
    let found = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var found: [(name: String, due: WallTime)] = []
      try database.rows(
        """
        SELECT schedule, due FROM firings WHERE NOT is_closed AND opened <= ?1
        ORDER BY schedule, due LIMIT 1000
        """, [.int((now - Self.staleAfter).milliseconds)]
      ) { row in
        found.append((row.text(0), WallTime(milliseconds: row.int(1))))
        return true
      }
      return found
    }
    return try? found.get()  // Not answered is nil.
  }
}
