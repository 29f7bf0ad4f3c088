internal import BelfryCore

/// Schedules and their firings as documents of `schedules` and `firings`, and the queries on them.
enum ScheduleDocument {
  private static let placeholder = JobID(trusted: "schedule")

  /// Replaces what there is of that name, but for what it has fired.
  static func put(_ schedule: Schedule) -> [UInt8] {
    let job = schedule.job
    return ControlQueries.update(
      "schedules", upsert: true, where: { $0.string("_id", schedule.name) }
    ) {
      // A text in a pipeline would be a path if it began with a dollar.
      $0.document("cron") { $0.string("$literal", schedule.cron.text) }
      $0.document("timeZone") { $0.string("$literal", schedule.timeZone) }
      $0.string("misfire", schedule.misfire.rawValue)
      $0.bool("paused", schedule.isPaused)
      $0.date("since", schedule.since)
      $0.document("kind") { $0.string("$literal", job.kind.text) }
      $0.document("lane") { $0.string("$literal", job.lane.text) }
      $0.document("requires") { $0.strings("$literal", job.requires.map(\.description)) }
      $0.document("job") { $0.document("$literal") { JobDocument.write(job, to: &$0) } }
      $0.int("v", 1)
    }
  }

  static func decode(_ document: BSONDocument) throws(BSONError) -> Schedule {
    guard let job = try document.document("job") else {
      throw BSONError("field \"job\" is missing")
    }
    return Schedule(
      name: try document.require("_id") { $0.string },
      cron: try document.require("cron") { $0.string.flatMap { try? CronExpression($0) } },
      timeZone: try document.require("timeZone") { $0.string },
      misfire: try document.require("misfire") { $0.string.flatMap(Schedule.Misfire.init) },
      job: try JobDocument.read(
        job, id: placeholder, kind: try document.require("kind") { $0.string.flatMap { Kind($0) } },
        lane: try document.require("lane") { $0.string.flatMap { Lane($0) } },
        requires: try JobDocument.labels(document)),
      isPaused: try document.require("paused") { $0.bool },
      since: try document.require("since") { $0.wallTime },
      last: try document.optional("last") { $0.wallTime },
      lastJob: try document.optional("lastJob") { $0.string.flatMap { JobID($0) } })
  }

  static func remove(_ name: String) -> [UInt8] {
    ControlQueries.delete("schedules") { $0.string("_id", name) }
  }

  // MARK: firings

  /// By our clock: only a firing's age is judged by it.
  static func firing(_ name: String, due: WallTime, at now: WallTime) -> [UInt8] {
    BSONWriter.document {
      $0.string("_id", id(name, due))
      $0.string("schedule", name)
      $0.date("due", due)
      $0.date("opened", now)
      $0.bool("closed", false)
    }
  }

  static func close(_ name: String, due: WallTime) -> [UInt8] {
    ControlQueries.update("firings", upsert: false, where: { $0.string("_id", id(name, due)) }) {
      $0.bool("closed", true)
    }
  }

  /// The schedule remembers the latest time that was dealt with.
  static func remember(_ name: String, due: WallTime, job: JobID?) -> [UInt8] {
    ControlQueries.update(
      "schedules", upsert: false,
      where: {
        $0.string("_id", name)
        // A missing field is less than any date.
        $0.document("$expr") {
          $0.values("$lt", 0..<2) { writer, key, index in
            if index == 0 {
              writer.string(key, "$last")
            } else {
              writer.date(key, milliseconds: due.milliseconds)
            }
          }
        }
      }
    ) {
      $0.date("last", due)
      if let job { $0.string("lastJob", job.text) }
    }
  }

  static func stale(before: WallTime) -> [UInt8] {
    BSONWriter.document {
      $0.bool("closed", false)
      $0.document("opened") { $0.date("$lt", before) }
    }
  }

  static func dropOld(before: WallTime) -> [UInt8] {
    ControlQueries.delete("firings") {
      $0.document("opened") { $0.date("$lt", before) }
    }
  }

  private static func id(_ name: String, _ due: WallTime) -> String {
    "\(name)/\(due.milliseconds)"
  }
}
