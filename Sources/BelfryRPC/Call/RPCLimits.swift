package import BelfryNet
package import NIOCore

/// What a call and a connection may use of us. Defaults are safe with hostile peers.
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
  /// Connections a server holds at once; above it a new one is closed unheard.
  package var connectionsMax = 8_192

  package init() {}
}
