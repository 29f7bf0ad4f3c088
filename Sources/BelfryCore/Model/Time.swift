/// A point on one process's monotonic clock, in nanoseconds. Timers, heartbeats and holds use it.
package struct Instant: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
  /// What lies beyond 292 years is as far away as can be said.
  package static func + (a: Self, b: Duration) -> Self {
    let (sum, isBeyond) = a.nanoseconds.addingReportingOverflow(b.nanosecondsClamped)
    return Self(nanoseconds: isBeyond ? (b < .zero ? .min : .max) : sum)
  }
  package static func - (a: Self, b: Self) -> Duration {
    .nanoseconds(a.nanoseconds &- b.nanoseconds)
  }
  package static func - (a: Self, b: Duration) -> Self {
    Self(nanoseconds: a.nanoseconds &- b.nanosecondsClamped)
  }
}

/// Wall time: Unix time in milliseconds, UTC. Deadlines, run-at and records use it.
package struct WallTime: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  package static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }
  package static func + (a: Self, b: Duration) -> Self {
    Self(milliseconds: a.milliseconds &+ b.millisecondsClamped)
  }
  package static func - (a: Self, b: Duration) -> Self {
    Self(milliseconds: a.milliseconds &- b.millisecondsClamped)
  }
  package static func - (a: Self, b: Self) -> Duration {
    .milliseconds(a.milliseconds &- b.milliseconds)
  }
  package var description: String { "\(milliseconds)" }
}

/// Now, twice: both are parameters of the core, so that the simulator can make them.
package struct Now: Hashable, Sendable {
  package var monotonic: Instant
  package var wall: WallTime

  package init(monotonic: Instant, wall: WallTime) {
    self.monotonic = monotonic
    self.wall = wall
  }
}

extension Duration {
  /// Whole nanoseconds; what does not fit in 64 bits is held at the bound.
  package var nanosecondsClamped: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carried ? (seconds < 0 ? .min : .max) : sum
  }

  /// Whole milliseconds, rounded down; what does not fit is held at the bound.
  package var millisecondsClamped: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
    return carried ? (seconds < 0 ? .min : .max) : sum
  }
}
