internal import BelfryCore

/// A chunk of a result as a document of collection `results`:
/// `{_id: {job, assignment, n}, at, bytes}`. The order of the fields of `_id` is part of it: that is how
/// MongoDB compares documents.
enum ChunkDocument {
  static func encode(_ chunk: ResultChunk) -> [UInt8] {
    BSONWriter.document(capacity: 256 + chunk.bytes.size) {
      write(chunk.id, "_id", to: &$0)
      // The server's time.
      $0.timestamp("at", seconds: 0)
      $0.binary("bytes", chunk.bytes.bytes)
    }
  }

  static func id(_ document: BSONDocument) throws(BSONError) -> ChunkID? {
    guard let id = try document.document("_id") else { return nil }
    return ChunkID(
      job: try id.require("job") { $0.string.flatMap { JobID($0) } },
      assignment: try id.require("assignment") { $0.string.flatMap { AssignmentID($0) } },
      number: try id.require("n") { $0.int })
  }

  static func filter(_ id: ChunkID) -> [UInt8] {
    BSONWriter.document { write(id, "_id", to: &$0) }
  }

  /// Those kept before a time, as the server told it.
  static func old(before time: WallTime) -> [UInt8] {
    BSONWriter.document {
      $0.document("at") { $0.timestamp("$lt", seconds: time.milliseconds / 1_000) }
    }
  }

  /// All chunks of these results.
  /// - Parameter age: only those that are older by the server's clock as well.
  static func delete(_ results: [ResultName], olderThan age: Duration? = nil) -> [UInt8] {
    BSONWriter.document {
      $0.string("delete", "results")
      $0.array("deletes", results) { delete, result in
        delete.document("q") {
          $0.document("_id") {
            write(
              ChunkID(job: result.job, assignment: result.assignment, number: 0), "$gte", to: &$0)
            write(
              ChunkID(job: result.job, assignment: result.assignment, number: .max), "$lte",
              to: &$0)
          }
          if let age { ControlQueries.writeOlder("$at", age, to: &$0) }
        }
        delete.int("limit", 0)
      }
      $0.writeConcern()
    }
  }

  private static func write(_ id: ChunkID, _ key: String, to writer: inout BSONWriter) {
    writer.document(key) {
      $0.string("job", id.job.text)
      $0.string("assignment", id.assignment.description)
      $0.int("n", id.number)
    }
  }
}

/// Whose chunks: one attempt's of a job.
struct ResultName: Hashable, Sendable {
  let job: JobID
  let assignment: AssignmentID
}
