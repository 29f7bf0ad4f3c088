/// How a machine proves that it has a token's secret, without showing it: SCRAM's way (RFC 5802,
/// section 3), with SHA-256 and a secret of 128 random bits in place of a slow hash.
///
///     key    = SHA-256("belfry join token" ‖ secret)     known to who has the token
///     stored = SHA-256(key)                              all that the cluster keeps
///     proof  = key XOR HMAC(stored, context)             sent
///
/// The cluster takes the key out of the proof and compares its hash. The context names the TLS
/// connection and the request for a certificate: so a proof is good for that key on that connection
/// only. Who sits between the two, even with a coordinator's own certificate, can neither read the
/// secret out of a proof nor turn it into one for another key.
package enum TokenProof {
  /// What a proof is bound to.
  package struct Context: Sendable {
    /// The TLS connection's binding: 32 bytes.
    package var binding: [UInt8]
    package var token: String
    package var name: String
    package var requestPEM: String

    package init(binding: [UInt8], token: String, name: String, requestPEM: String) {
      self.binding = binding
      self.token = token
      self.name = name
      self.requestPEM = requestPEM
    }

    /// Each part with its length in front, so that no two contexts are one.
    var bytes: [UInt8] {
      [binding, Array(token.utf8), Array(name.utf8), Array(requestPEM.utf8)].flatMap { part in
        Self.bigEndian(part.count) + part
      }
    }

    private static func bigEndian(_ count: Int) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
    }
  }

  package static func make(_ token: JoinToken, _ context: Context) -> [UInt8] {
    let key = Self.key(of: token.secret)
    return xor(key, Digest.hmacSHA256(key: Digest.sha256(key), context.bytes))
  }

  /// Whether `proof` was made for exactly this context by who has the secret behind `stored`.
  package static func verify(_ proof: [UInt8], stored: [UInt8], _ context: Context) -> Bool {
    guard proof.count == 32, stored.count == 32 else { return false }
    let key = xor(proof, Digest.hmacSHA256(key: stored, context.bytes))
    return Digest.areEqual(Digest.sha256(key), stored)
  }

  static func storedHash(of secret: [UInt8]) -> [UInt8] { Digest.sha256(key(of: secret)) }

  private static func key(of secret: [UInt8]) -> [UInt8] {
    Digest.sha256(Array("belfry join token".utf8) + secret)
  }

  private static func xor(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { zip(a, b).map { $0 ^ $1 } }
}
