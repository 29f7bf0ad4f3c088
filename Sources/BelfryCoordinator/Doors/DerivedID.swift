internal import BelfryCore
internal import BelfryIdentity

/// Job ids that are made of something else, so that the same thing is the same job: SHA-256 in hex.
enum DerivedID {
  /// Of a foreign message whose own id counts; people number their messages from 1 on every queue.
  static func foreign(queue: String, messageID: String) -> JobID { make([queue, messageID]) }

  /// Under which an attachment is kept: a queue's name may be what no id can be.
  static func attachment(of queue: String) -> String { make(["", "attachment", queue]).text }

  static func keyed(_ lane: Lane, key: String) -> JobID {
    make(["", "idempotency-key", lane.text, key])
  }

  /// Of a dead job's retry: asked for twice, it is made once.
  static func retry(of job: JobID) -> JobID { make(["", "retry", job.text]) }

  static func firing(of schedule: String, at time: WallTime) -> JobID {
    make(["", "schedule", schedule, "\(time.milliseconds)"])
  }

  /// No part but the last may hold a zero; a queue's name is never empty, so no two uses meet.
  private static func make(_ parts: [String]) -> JobID {
    let digest = Digest.sha256(Array(parts.map { Array($0.utf8) }.joined(separator: [0])))
    let digits = Array("0123456789abcdef".utf8)
    let text = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return JobID(trusted: String(decoding: text, as: UTF8.self))
  }
}
