/// Why TLS could not be set up or ended; for our own side's eyes, the peer sees only an alert.
package struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The raw value is the reason under which a server counts it.
  package enum Kind: String, Sendable, Equatable, CaseIterable {
    /// A file of ours is missing, unreadable or does not fit (certificate, key, CA).
    case configuration
    /// We refused the peer's certificate; the reason says why.
    case peerRefused = "certificate"
    /// The peer refused us (it sent an alert); its own log says why.
    case refusedByPeer = "refused-us"
    /// The peer speaks TLS, but not HTTP/2 (ALPN `h2`).
    case noHTTP2 = "alpn"
    /// The bytes were not TLS 1.3, or were wrong.
    case protocolError = "tls"
    /// The peer closed the connection during the handshake.
    case closed = "tls-closed"
    /// The handshake took longer than allowed.
    case timedOut = "tls-slow"
    /// The peer sent too many messages of the handshake after it (KeyUpdate).
    case excessive = "tls-updates"
  }

  package let kind: Kind
  package let reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  package var description: String { reason }
}
