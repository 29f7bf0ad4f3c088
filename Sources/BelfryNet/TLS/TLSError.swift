/// Why TLS could not be set up or ended; for our own side's eyes, the peer sees only an alert.
package struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Sendable, Equatable {
    /// A file of ours is missing, unreadable or does not fit (certificate, key, CA).
    case configuration
    /// We refused the peer's certificate; the reason says why.
    case peerRefused
    /// The peer refused us (it sent an alert); its own log says why.
    case refusedByPeer
    /// The peer speaks TLS, but not HTTP/2 (ALPN `h2`).
    case noHTTP2
    /// The bytes were not TLS 1.3, or were wrong.
    case protocolError
    /// The peer closed the connection during the handshake.
    case closed
    /// The handshake took longer than allowed.
    case timedOut
  }

  package let kind: Kind
  package let reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  package var description: String { reason }
}
