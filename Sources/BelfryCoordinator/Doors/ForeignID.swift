internal import BelfryCore
internal import BelfryIdentity

/// The job id of a foreign message whose own id counts: SHA-256(queue, 0, message-id) in hex, since
/// people number their messages from 1 on every queue.
enum ForeignID {
  static func make(queue: String, messageID: String) -> JobID {
    let digest = Digest.sha256(Array(queue.utf8) + [0] + Array(messageID.utf8))
    let digits = Array("0123456789abcdef".utf8)
    let text = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return JobID(trusted: String(decoding: text, as: UTF8.self))
  }
}
