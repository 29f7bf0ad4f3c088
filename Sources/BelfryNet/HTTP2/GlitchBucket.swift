package import NIOCore

/// Counts frames that are legal and pointless, so that a flood of them ends the connection.
///
/// A token bucket. What costs a token: a stream we had to reset, PING, SETTINGS, PRIORITY, unknown
/// frames, WINDOW_UPDATE below 1 KiB, DATA below 5 bytes without END_STREAM (no message of ours is
/// shorter than its prefix). An honest peer sends a few a second. Rejected: limits a kind of frame,
/// which an attacker mixes around.
package struct GlitchBucket: Sendable {
  private let burst: Int64
  private let perSecond: Int64
  /// Tokens left, in thousandths.
  private var level: Int64
  private var filledAt: NIODeadline

  package init(burst: Int, perSecond: Int, now: NIODeadline) {
    self.burst = Int64(burst) &* 1_000
    self.perSecond = Int64(perSecond)
    level = self.burst
    filledAt = now
  }

  /// Takes one token; false when there was none.
  package mutating func take(now: NIODeadline) -> Bool {
    let milliseconds = (now - filledAt).nanoseconds / 1_000_000
    if milliseconds > 0 {
      let refill = min(milliseconds, 3_600_000) &* perSecond
      level = min(burst, level &+ refill)
      filledAt = now
    }
    guard level >= 1_000 else { return false }
    level &-= 1_000
    return true
  }
}
