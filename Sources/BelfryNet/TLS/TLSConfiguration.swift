/// The files that make our side of mutual TLS, all PEM.
package struct TLSConfiguration: Sendable, Equatable {
  /// Our certificate, followed by intermediates if there are any. Nil: we come as a stranger
  /// (client only).
  package var certificateChainFile: String?
  /// The private key of the certificate. Nil exactly when the certificate is.
  package var keyFile: String?
  /// The certificates we trust as roots: the cluster's CA.
  package var caFile: String
  /// The cluster whose identities are accepted. Nil: the cluster of our own certificate; a stranger
  /// without one accepts any cluster under the CA.
  package var cluster: String?

  package init(
    certificateChainFile: String?, keyFile: String?, caFile: String, cluster: String? = nil
  ) {
    self.certificateChainFile = certificateChainFile
    self.keyFile = keyFile
    self.caFile = caFile
    self.cluster = cluster
  }
}
