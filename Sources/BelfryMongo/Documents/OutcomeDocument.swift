internal import BelfryCore

/// An outcome as a document of collection `outcomes`, and back. Absent fields are left out.
enum OutcomeDocument {
  /// Raised when a reader of the old version could take a document for what it is not.
  static let version = 1

  static func encode(_ outcome: Outcome) -> [UInt8] {
    let size =
      (outcome.result?.bytes.size ?? 0) + (outcome.job?.payload.size ?? 0) + outcome.history.count
      * 256
    return BSONWriter.document(capacity: 640 + size) {
      $0.string("_id", outcome.id.text)
      $0.string("state", outcome.state.rawValue)
      $0.stringUnlessEmpty("reason", outcome.reason)
      $0.string("kind", outcome.kind?.text)
      $0.string("lane", outcome.lane.text)
      $0.int("attempt", outcome.attempt)
      $0.int("tries", outcome.tries)
      $0.int("losses", outcome.losses)
      $0.string("assignment", outcome.assignment?.description)
      $0.string("worker", outcome.worker?.text)
      $0.date("submittedAt", outcome.submittedAt)
      $0.date("startedAt", outcome.startedAt)
      $0.date("finishedAt", outcome.finishedAt)
      if let result = outcome.result { write(result, to: &$0) }
      if let error = outcome.error { write(error, to: &$0) }
      if !outcome.history.isEmpty {
        $0.array("history", outcome.history) { write($1, to: &$0) }
      }
      $0.string("retryOf", outcome.retryOf?.text)
      if !outcome.requires.isEmpty { $0.strings("requires", outcome.requires.map(\.description)) }
      if let job = outcome.job { $0.document("job") { JobDocument.write(job, to: &$0) } }
      // By the server's clock: a worker's may be wrong, and keeping outcomes must not depend on it.
      $0.timestamp("recordedAt", seconds: 0)
      $0.int("v", version)
    }
  }

  static func decode(_ document: BSONDocument) throws(BSONError) -> Outcome {
    let version = try document.require("v") { $0.int }
    guard version <= Self.version else {
      throw BSONError(
        "it was written by a newer Belfry (v \(version), this one knows \(Self.version))")
    }
    var outcome = Outcome(
      id: try document.require("_id") { $0.string.flatMap { JobID($0) } },
      state: try document.require("state") { $0.string.flatMap(Outcome.State.init) },
      reason: try document.optional("reason") { $0.string } ?? "",
      kind: try document.optional("kind") { $0.string.flatMap { Kind($0) } },
      lane: try document.require("lane") { $0.string.flatMap { Lane($0) } },
      attempt: try document.require("attempt") { $0.int },
      tries: try document.require("tries") { $0.int },
      losses: try document.require("losses") { $0.int },
      assignment: try document.optional("assignment") { $0.string.flatMap { AssignmentID($0) } },
      worker: try document.optional("worker") { $0.string.flatMap { NodeName($0) } },
      submittedAt: try document.optional("submittedAt") { $0.wallTime },
      startedAt: try document.optional("startedAt") { $0.wallTime },
      finishedAt: try document.require("finishedAt") { $0.wallTime },
      result: try readResult(document), error: try readError(document),
      history: try readHistory(document),
      retryOf: try document.optional("retryOf") { $0.string.flatMap { JobID($0) } },
      requires: try JobDocument.labels(document))
    if let kind = outcome.kind, let job = try document.document("job") {
      outcome.job = try JobDocument.read(
        job, id: outcome.id, kind: kind, lane: outcome.lane, submittedAt: outcome.submittedAt,
        requires: outcome.requires, retryOf: outcome.retryOf)
    }
    return outcome
  }

  private static func write(_ result: JobResult, to writer: inout BSONWriter) {
    writer.document("result") {
      $0.string("contentType", result.contentType)
      if let chunks = result.chunks {
        $0.int("chunks", chunks.count)
      } else {
        $0.binary("bytes", result.bytes.bytes)
      }
      $0.int("size", result.size)
    }
  }

  private static func readResult(_ document: BSONDocument) throws(BSONError) -> JobResult? {
    guard let result = try document.document("result") else { return nil }
    let contentType = try result.require("contentType") { $0.string }
    guard let count = try result.optional("chunks", { $0.int }) else {
      return JobResult(
        contentType: contentType, bytes: Payload(try result.require("bytes") { $0.binary }))
    }
    let size = try result.require("size") { $0.int }
    return JobResult(contentType: contentType, chunks: ResultChunks(count: count, size: size))
  }

  private static func write(_ error: JobError, to writer: inout BSONWriter) {
    writer.document("error") {
      $0.string("code", error.code)
      $0.string("message", error.message)
      $0.stringUnlessEmpty("stderr", error.stderr)
    }
  }

  private static func readError(_ document: BSONDocument) throws(BSONError) -> JobError? {
    guard let error = try document.document("error") else { return nil }
    return JobError(
      code: try error.require("code") { $0.string },
      message: try error.require("message") { $0.string },
      stderr: try error.optional("stderr") { $0.string } ?? "")
  }

  private static func write(_ line: HistoryLine, to writer: inout BSONWriter) {
    writer.string("assignment", line.assignment.description)
    writer.int("attempt", line.attempt)
    writer.string("what", line.what.rawValue)
    writer.string("worker", line.worker.text)
    writer.string("boot", line.boot.description)
    // Both speak of losses; elsewhere they are written only when they say something.
    if line.what == .lost || !line.started { writer.bool("started", line.started) }
    if line.what == .lost || line.beside { writer.bool("beside", line.beside) }
    writer.date("at", line.at)
    writer.stringUnlessEmpty("code", line.code)
    writer.stringUnlessEmpty("message", line.message)
    writer.stringUnlessEmpty("stderr", line.stderr)
  }

  private static func readHistory(_ document: BSONDocument) throws(BSONError) -> [HistoryLine] {
    var lines: [HistoryLine] = []
    for line in try document.documents("history") {
      lines.append(
        HistoryLine(
          assignment: try line.require("assignment") { $0.string.flatMap { AssignmentID($0) } },
          attempt: try line.require("attempt") { $0.int },
          what: try line.require("what") { $0.string.flatMap(HistoryLine.What.init) },
          worker: try line.require("worker") { $0.string.flatMap { NodeName($0) } },
          boot: try line.require("boot") { $0.string.flatMap { BootID($0) } },
          started: try line.optional("started") { $0.bool } ?? true,
          beside: try line.optional("beside") { $0.bool } ?? false,
          at: try line.require("at") { $0.wallTime },
          code: try line.optional("code") { $0.string } ?? "",
          message: try line.optional("message") { $0.string } ?? "",
          stderr: try line.optional("stderr") { $0.string } ?? ""))
    }
    return lines
  }
}

extension BSONWriter {
  mutating func date(_ key: String, _ time: WallTime?) {
    if let time { date(key, milliseconds: time.milliseconds) }
  }
}

extension BSONValue {
  var wallTime: WallTime? { date.map { WallTime(milliseconds: $0) } }
}
