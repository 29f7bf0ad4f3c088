package import BelfryNet
package import NIOCore

/// What connections and calls may use of us. Defaults are safe with hostile peers; `settings` lists
/// each with its unit and its reason.
package struct RPCLimits: Sendable {
  package var http2 = HTTP2Limits()
  package var timers = HTTP2Handler.Timers()
  /// For the TLS handshake of an accepted connection.
  package var tlsTimeout = TimeAmount.seconds(3)
  /// Bytes of one message: a payload of 4 MiB and 256 KiB around it. Decided on the prefix.
  package var messageBytesMax = 4 * 1_024 * 1_024 + 256 * 1_024
  /// Bytes a writer accepts before it says it is congested (and `send` suspends).
  package var writerBytesMax = 256 * 1_024
  /// Bytes of received messages that wait for their reader before the peer is slowed.
  package var readerBytesMax = 256 * 1_024
  /// Bytes of unfinished messages that a server keeps, for all its connections together. Above a
  /// quarter of it the peers' windows are given back to one call a connection at a time; above all of
  /// it the calls of the connection that has most are ended.
  package var receiveBytesMax = 64 * 1_024 * 1_024

  /// Connections a server holds at once; above it a new one is closed unheard.
  package var connectionsMax = 8_192
  /// Of them, those from one address that have not shown a certificate.
  package var strangersPerAddressMax = 64
  /// TLS handshakes under way, and begun each second; above it new connections wait to be accepted.
  package var handshakesMax = 128
  package var handshakesPerSecond = 1_000

  /// The request of a call that takes one message: longest time without a byte of it, and the least
  /// bytes a second once that time has passed. A quiet stream is legal.
  package var bodyGapMax = TimeAmount.seconds(10)
  package var bodyBytesPerSecondMin = 64
  /// How long a connection may have no call.
  package var idleMax = TimeAmount.seconds(60)
  /// How old a connection may become; zero: as old as it likes.
  package var ageMax = TimeAmount.zero
  /// After we have announced the end of a connection: what its calls have left.
  package var leaveMax = TimeAmount.seconds(5)
  /// A peer with calls that says nothing for so long is sent a PING, which it must answer in time.
  package var quietMax = TimeAmount.seconds(60)
  package var pingTimeout = TimeAmount.seconds(20)

  package init() {}
}
