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
}

extension Identity: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { id.description }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
