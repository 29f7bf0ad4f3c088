package import NIOCore

/// Bounds how often something may happen: so many times at once, and so many times a second.
package struct TokenBucket: Sendable {
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
    refill(now)
    guard level >= 1_000 else { return false }
    level &-= 1_000
    return true
  }

  /// True when a token could be taken now.
  package mutating func hasToken(now: NIODeadline) -> Bool {
    refill(now)
    return level >= 1_000
  }

  private mutating func refill(_ now: NIODeadline) {
    let milliseconds = (now - filledAt).nanoseconds / 1_000_000
    guard milliseconds > 0 else { return }
    level = min(burst, level &+ min(milliseconds, 3_600_000) &* perSecond)
    filledAt = now
  }
}
