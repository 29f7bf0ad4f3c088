package import NIOCore

/// Judges a client's PINGs as gRPC servers do, so that a client with too eager a keepalive is told so.
///
/// A PING that comes sooner than allowed after the one before it is a strike; DATA or HEADERS from us
/// wipe strikes and clock, since a peer may measure a connection that carries something. One strike
/// above the limit ends the connection.
package struct PingPolicy: Sendable {
  private let intervalMin: TimeAmount
  private let strikesMax: Int
  private var strikes = 0
  /// Nil: the next PING is free.
  private var lastPing: NIODeadline?

  package init(intervalMin: TimeAmount, strikesMax: Int) {
    self.intervalMin = intervalMin
    self.strikesMax = strikesMax
  }

  /// False when this was one too many.
  package mutating func pingReceived(now: NIODeadline) -> Bool {
    defer { lastPing = now }
    guard let lastPing, now - lastPing < intervalMin else { return true }
    strikes += 1
    return strikes <= strikesMax
  }

  /// We have sent DATA or HEADERS.
  package mutating func somethingSent() {
    strikes = 0
    lastPing = nil
  }
}
