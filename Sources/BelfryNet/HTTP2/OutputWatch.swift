package import NIOCore

/// Notices a peer that leaves what we have for it: takes nothing for a time, or too little over one.
///
/// Asked every second or so, while nothing waits too: then it begins anew.
package struct OutputWatch: Sendable {
  package struct Limits: Sendable, Equatable {
    /// How long a peer may take nothing while something waits for it.
    package var drain = TimeAmount.seconds(10)
    /// Over this long it must have taken `bytesPerSecondMin` on average.
    package var slowTime = TimeAmount.seconds(30)
    package var bytesPerSecondMin = 1_024

    package init() {}
  }

  private struct Waiting: Sendable {
    var taken: Int
    var changedAt: NIODeadline
    var windowTaken: Int
    var windowBeganAt: NIODeadline
  }

  private let limits: Limits
  private var state: Waiting?

  package init(_ limits: Limits) { self.limits = limits }

  /// - Parameters:
  ///   - waiting: bytes that wait for the peer.
  ///   - taken: bytes that it has taken since the connection began.
  /// - Returns: why the connection should end; nil while all is well.
  package mutating func check(now: NIODeadline, waiting: Int, taken: Int) -> HTTP2Error? {
    guard waiting > 0 else {
      state = nil
      return nil
    }
    guard var state else {
      state = Waiting(taken: taken, changedAt: now, windowTaken: taken, windowBeganAt: now)
      return nil
    }
    defer { self.state = state }
    if taken > state.taken {
      state.taken = taken
      state.changedAt = now
    }
    if now - state.changedAt >= limits.drain {
      return HTTP2Error(.stalled, "the peer took nothing for \(limits.drain.text)")
    }
    let time = now - state.windowBeganAt
    guard time >= limits.slowTime else { return nil }
    let bytes = taken - state.windowTaken
    state.windowTaken = taken
    state.windowBeganAt = now
    guard Int64(bytes) * 1_000 < Int64(limits.bytesPerSecondMin) * (time.nanoseconds / 1_000_000)
    else { return nil }
    return HTTP2Error(.slowReader, "the peer took \(bytes) bytes in \(time.text)")
  }
}
