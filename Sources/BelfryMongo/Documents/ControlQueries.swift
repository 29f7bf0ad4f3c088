internal import BelfryCore

/// The documents of `cancels` and `lanes`, and the queries on them and on outcomes.
enum ControlQueries {
  static let everything = BSONWriter.document { _ in }

  // MARK: cancels

  /// Written by the server's clock, so that one mark serves all coordinators.
  static func addCancel(_ job: JobID, by: String) -> [UInt8] {
    update("cancels", upsert: true, where: { $0.string("_id", job.text) }) {
      // A text in a pipeline would be a path if it began with a dollar.
      $0.document("by") { $0.string("$literal", by) }
      $0.string("at", "$$NOW")
      $0.bool("withdrawn", false)
    }
  }

  /// A delayed job that is cancelled is due now: its message is met, and its outcome announced, while the
  /// cancel is still heeded.
  static func makeDue(_ job: JobID) -> [UInt8] {
    update(
      "later", upsert: false,
      where: {
        $0.string("job", job.text)
        $0.string("what", OwedPublish.What.job.rawValue)
      }
    ) { $0.string("due", "$$NOW") }
  }

  static func withdraw(_ jobs: [JobID]) -> [UInt8] {
    update(
      "cancels", upsert: false,
      where: { $0.document("_id") { $0.strings("$in", jobs.map(\.text)) } }
    ) {
      $0.string("at", "$$NOW")
      $0.bool("withdrawn", true)
    }
  }

  static func cancels(since mark: CancelMark?) -> [UInt8] {
    BSONWriter.document {
      guard let mark else { return }
      $0.document("at") { $0.date("$gte", milliseconds: mark.time.milliseconds) }
    }
  }

  static let dropOldCancels = delete("cancels") { writeOlder("$at", .seconds(7 * 86_400), to: &$0) }

  /// By the server's clock, of a date or a timestamp.
  static func writeOlder(_ field: String, _ age: Duration, to writer: inout BSONWriter) {
    writer.document("$expr") {
      $0.values("$lt", 0..<2) { writer, key, index in
        guard index == 1 else { return writer.document(key) { $0.string("$toDate", field) } }
        writer.document(key) {
          $0.values("$subtract", 0..<2) { writer, key, index in
            guard index == 1 else { return writer.string(key, "$$NOW") }
            writer.int64(key, age.millisecondsClamped)
          }
        }
      }
    }
  }

  // MARK: lanes

  static let paused = BSONWriter.document { $0.bool("paused", true) }

  static func setPause(_ pause: LanePause?, of lane: Lane) -> [UInt8] {
    guard let pause else { return delete("lanes") { $0.string("_id", lane.text) } }
    return update("lanes", upsert: true, where: { $0.string("_id", lane.text) }) {
      $0.bool("paused", true)
      $0.document("by") { $0.string("$literal", pause.by) }
      $0.document("reason") { $0.string("$literal", pause.reason) }
      $0.date("since", pause.since)
    }
  }

  static func pause(_ document: BSONDocument) throws(BSONError) -> LanePause {
    LanePause(
      lane: try document.require("_id") { $0.string.flatMap { Lane($0) } },
      by: try document.optional("by") { $0.string } ?? "",
      reason: try document.optional("reason") { $0.string } ?? "",
      since: try document.optional("since") { $0.wallTime } ?? WallTime(milliseconds: 0))
  }

  // MARK: outcomes

  static func outcomes(_ filter: OutcomeFilter, deadOnly: Bool = false) -> [UInt8] {
    BSONWriter.document {
      writeID(filter, "_id", to: &$0)
      if !filter.states.isEmpty {
        $0.document("state") { $0.strings("$in", filter.states.map(\.rawValue)) }
      }
      $0.string("kind", filter.kind?.text)
      $0.string("lane", filter.lane?.text)
      $0.string("worker", filter.worker?.text)
      if !filter.requires.isEmpty {
        $0.document("requires") { $0.strings("$all", filter.requires.map(\.description)) }
      }
      if filter.since != nil || filter.until != nil {
        $0.document("finishedAt") {
          $0.date("$gte", filter.since)
          $0.date("$lt", filter.until)
        }
      }
      if deadOnly { $0.document("job") { $0.bool("$exists", true) } }
    }
  }

  /// Ids are ASCII, so those that begin with a text lie between it and the text with a DEL behind it.
  private static func writeID(
    _ filter: OutcomeFilter, _ key: String, to writer: inout BSONWriter
  ) {
    guard !filter.ids.isEmpty || !filter.idPrefix.isEmpty else { return }
    writer.document(key) {
      if !filter.ids.isEmpty { $0.strings("$in", filter.ids.map(\.text)) }
      if !filter.idPrefix.isEmpty {
        $0.string("$gte", filter.idPrefix)
        $0.string("$lt", filter.idPrefix + "\u{7F}")
      }
    }
  }

  static func delayed(_ filter: OutcomeFilter) -> [UInt8] {
    BSONWriter.document {
      $0.string("what", OwedPublish.What.job.rawValue)
      writeID(filter, "job", to: &$0)
      $0.string("properties.type", filter.kind?.text)
      if let lane = filter.lane {
        $0.document("key") { $0.strings("$in", QueueTopology.keys(lane)) }
      }
    }
  }

  static func deleteOutcomes(_ ids: [String]) -> [UInt8] {
    delete("outcomes") { $0.document("_id") { $0.strings("$in", ids) } }
  }

  static func deleteOutcomes(_ ids: [String], olderThan age: Duration) -> [UInt8] {
    delete("outcomes") {
      $0.document("_id") { $0.strings("$in", ids) }
      writeOlder("$recordedAt", age, to: &$0)
    }
  }

  // MARK: commands

  static func delete(_ collection: String, _ filter: @escaping (inout BSONWriter) -> Void)
    -> [UInt8]
  {
    BSONWriter.document {
      $0.string("delete", collection)
      $0.array("deletes", CollectionOfOne(())) { delete, _ in
        delete.document("q", filter)
        delete.int("limit", 0)
      }
      $0.writeConcern()
    }
  }

  static func update(
    _ collection: String, upsert: Bool, where filter: @escaping (inout BSONWriter) -> Void,
    set fields: @escaping (inout BSONWriter) -> Void
  ) -> [UInt8] {
    BSONWriter.document {
      $0.string("update", collection)
      $0.array("updates", CollectionOfOne(())) { update, _ in
        update.document("q", filter)
        update.array("u", CollectionOfOne(())) { stage, _ in stage.document("$set", fields) }
        update.bool("upsert", upsert)
        update.bool("multi", !upsert)
      }
      $0.writeConcern()
    }
  }
}
