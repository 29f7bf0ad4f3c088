internal import COpenSSL

/// SHA-256, for ids that are made from other names.
package enum Digest {
  package static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let made = unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
    precondition(made == 1, "SHA-256 is always there")
    return digest
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
}
