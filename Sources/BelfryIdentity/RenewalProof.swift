/// What a node signs with its old key when its certificate has ended: good on this connection, for this
/// new key, and nowhere else.
package enum RenewalProof {
  /// - Parameter binding: the TLS connection's, 32 bytes.
  package static func bytes(binding: [UInt8], requestPEM: String) -> [UInt8] {
    Array("belfry renew".utf8) + binding + Digest.sha256(Array(requestPEM.utf8))
  }
}
