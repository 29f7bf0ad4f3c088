/// What a node or a person needs to take part in a cluster: its certificate, its private key, and
/// the CA by which it knows the others. All as PEM, ready for a TLS configuration.
package struct Identity: Sendable {
  package let id: SPIFFEID
  /// The certificates to trust.
  package let authorityPEM: String
  package let certificatePEM: String
  /// A secret. Nothing prints it, not even a dump of this value.
  package let keyPEM: String

  init(id: SPIFFEID, authorityPEM: String, certificatePEM: String, keyPEM: String) {
    self.id = id
    self.authorityPEM = authorityPEM
    self.certificatePEM = certificatePEM
    self.keyPEM = keyPEM
  }

  /// Puts together what was made elsewhere: by another PKI, or by joining. `certificatePEM` may go
  /// on with the certificates between it and the CA. Throws `badCertificate`, `badKey`, and
  /// `mismatch` when they do not belong together. Dates are not looked at: see `CertificateInfo`.
  package init(
    authorityPEM: String, certificatePEM: String, keyPEM: String
  ) throws(IdentityError) {
    guard let id = try CertificateInfo(pem: certificatePEM).id else {
      throw IdentityError(
        .badCertificate, "the certificate has no single name spiffe://<cluster>/<role>/<name>")
    }
    guard try Certificate(pem: certificatePEM).belongs(to: KeyPair(pem: keyPEM)) else {
      throw IdentityError(.mismatch, "the key does not belong to the certificate of \(id)")
    }
    try TrustStore.verify(chain: certificatePEM, trusted: authorityPEM)
    self.init(
      id: id, authorityPEM: authorityPEM, certificatePEM: certificatePEM, keyPEM: keyPEM)
  }
}

extension Identity: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { id.description }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
