/// The files that make our side of mutual TLS, all PEM.
package struct TLSConfiguration: Sendable, Equatable {
  /// By what a peer's chain is judged.
  package enum Trust: Sendable, Equatable {
    /// The certificates in this file are roots: the cluster's CA.
    case file(String)
    /// The CA is not known yet, but the SHA-256 of its public key (SubjectPublicKeyInfo) is: the
    /// server shows the CA in its chain. Client only, for a machine that joins. With `checksDates`
    /// false, dates do not matter yet: so a wrong clock can be named before it makes TLS fail.
    case pinned(publicKeySHA256: [UInt8], checksDates: Bool)
  }

  /// Our certificate, followed by intermediates if there are any. Nil: we come as a stranger
  /// (client only).
  package var certificateChainFile: String?
  /// The private key of the certificate. Nil exactly when the certificate is.
  package var keyFile: String?
  package var trust: Trust
  /// The cluster whose identities are accepted. Nil: the cluster of our own certificate; a stranger
  /// without one accepts any cluster under the CA.
  package var cluster: String?

  package init(
    certificateChainFile: String?, keyFile: String?, caFile: String, cluster: String? = nil
  ) {
    self.certificateChainFile = certificateChainFile
    self.keyFile = keyFile
    trust = .file(caFile)
    self.cluster = cluster
  }

  /// A stranger that knows the CA by its key only.
  package init(pinned publicKeySHA256: [UInt8], checksDates: Bool) {
    trust = .pinned(publicKeySHA256: publicKeySHA256, checksDates: checksDates)
  }
}
