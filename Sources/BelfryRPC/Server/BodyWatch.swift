internal import BelfryNet
internal import NIOCore

/// Notices a request that comes too slowly: a long pause, or too few bytes a second.
struct BodyWatch {
  private let beganAt: NIODeadline
  private let beganWith: Int
  private var bytes: Int
  private var changedAt: NIODeadline

  init(bytes: Int, now: NIODeadline) {
    (beganAt, changedAt) = (now, now)
    (beganWith, self.bytes) = (bytes, bytes)
  }

  /// - Parameter bytes: received so far.
  /// - Returns: what is wrong; nil while all is well.
  mutating func check(bytes: Int, now: NIODeadline, limits: RPCLimits) -> String? {
    if bytes != self.bytes {
      self.bytes = bytes
      changedAt = now
    }
    if now - changedAt >= limits.bodyGapMax {
      return "nothing of the request came for \(limits.bodyGapMax.text)"
    }
    let time = now - beganAt
    let least = Int64(limits.bodyBytesPerSecondMin) * (time.nanoseconds / 1_000_000) / 1_000
    guard time >= limits.bodyGapMax, Int64(bytes - beganWith) < least else { return nil }
    return "\(bytes - beganWith) bytes of the request came in \(time.text)"
  }
}
