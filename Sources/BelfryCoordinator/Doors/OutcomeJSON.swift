internal import BelfryCore
internal import Foundation

/// An outcome as people's programs read it from `belfry.events`: the names of the document in
/// MongoDB, `id` for `_id`, RFC 3339 times, the result in base64 up to 64 KiB, else its size alone, and
/// in how many chunks it is kept.
enum OutcomeJSON {
  static let resultBytesMax = 64 << 10

  static func encode(_ outcome: Outcome) -> [UInt8] {
    var json = JSONText()
    json.object { json in
      json.field("id", outcome.id.text)
      json.field("state", outcome.state.rawValue)
      json.field("reason", outcome.reason)
      if let kind = outcome.kind { json.field("kind", kind.text) }
      json.field("lane", outcome.lane.text)
      json.field("attempt", outcome.attempt)
      json.field("tries", outcome.tries)
      json.field("losses", outcome.losses)
      if let assignment = outcome.assignment { json.field("assignment", assignment.description) }
      if let worker = outcome.worker { json.field("worker", worker.text) }
      if let time = outcome.submittedAt { json.field("submittedAt", RFC3339.text(time)) }
      if let time = outcome.startedAt { json.field("startedAt", RFC3339.text(time)) }
      json.field("finishedAt", RFC3339.text(outcome.finishedAt))
      if let result = outcome.result { json.object("result") { write(result, &$0) } }
      if let error = outcome.error { json.object("error") { write(error, &$0) } }
      if !outcome.history.isEmpty { json.array("history", outcome.history) { write($1, &$0) } }
      if let retryOf = outcome.retryOf { json.field("retryOf", retryOf.text) }
      if !outcome.requires.isEmpty {
        json.array("requires", outcome.requires) { $0.element($1.description) }
      }
      json.field("v", 1)
    }
    return json.bytes
  }

  private static func write(_ result: JobResult, _ json: inout JSONText) {
    json.field("contentType", result.contentType)
    if let chunks = result.chunks {
      json.field("chunks", chunks.count)
    } else if result.size <= resultBytesMax {
      json.field("bytes", Data(result.bytes.bytes).base64EncodedString())
    }
    json.field("size", result.size)
  }

  private static func write(_ error: JobError, _ json: inout JSONText) {
    json.field("code", error.code)
    json.field("message", error.message)
    if !error.stderr.isEmpty { json.field("stderr", error.stderr) }
  }

  private static func write(_ line: HistoryLine, _ json: inout JSONText) {
    json.object { json in
      json.field("assignment", line.assignment.description)
      json.field("attempt", line.attempt)
      json.field("what", line.what.rawValue)
      json.field("worker", line.worker.text)
      json.field("boot", line.boot.description)
      json.field("at", RFC3339.text(line.at))
      if !line.code.isEmpty { json.field("code", line.code) }
      if !line.message.isEmpty { json.field("message", line.message) }
      if !line.stderr.isEmpty { json.field("stderr", line.stderr) }
    }
  }
}
