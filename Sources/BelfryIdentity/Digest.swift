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
