internal import COpenSSL

/// SHA-256 and what is made of it.
package enum Digest {
  package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let made = unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
    precondition(made == 1, "SHA-256 is always there")
    return digest
  }

  /// Of a public key with its algorithm (SubjectPublicKeyInfo). Throws `badKey`.
  static func sha256(ofKey key: OpaquePointer?) throws(IdentityError) -> [UInt8] {
    var encoded: UnsafeMutablePointer<UInt8>?
    let count = unsafe i2d_X509_PUBKEY(key, &encoded)
    defer { unsafe CRYPTO_free(encoded, #fileID, #line) }
    guard count > 0 else { throw OpenSSL.failure(.badKey, "the public key cannot be read") }
    return sha256(unsafe Array(UnsafeBufferPointer(start: encoded, count: Int(count))))
  }

  /// In a time that says nothing of where they differ.
  package static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    unsafe a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
  }
}

/// Bytes that nobody can guess.
enum Random {
  static func bytes(_ count: Int) throws(IdentityError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try unsafe OpenSSL.check(
      RAND_bytes(&bytes, Int32(truncatingIfNeeded: count)), "no random bytes")
    return bytes
  }
}

extension Digest {
  /// HMAC-SHA-256: 32 bytes that only who has the key can make.
  package static func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    let made = unsafe HMAC(
      EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &code, &count)
    precondition(unsafe made != nil && count == 32, "HMAC-SHA-256 is always there")
    return code
  }
}

extension [UInt8] {
  /// Lower case hexadecimal digits, two a byte.
  package var hexText: String {
    map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// Nil when `text` is nothing that `hexText` writes.
  package init?(hexText text: String) {
    let digits = text.utf8.compactMap { byte -> UInt8? in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
      default: nil
      }
    }
    guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
    self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}
