internal import COpenSSL

/// The certificates in a peer's chain whose public key is the pinned one: for this one verification
/// they are the roots.
@safe final class PinnedRoots {
  private let stack: OpaquePointer
  private let checksDates: Bool

  /// Nil when the rule pins nothing.
  init?(_ trust: TLSConfiguration.Trust, shownIn store: OpaquePointer) {
    guard case .pinned(let pin, let checksDates) = trust else { return nil }
    guard let stack = unsafe OPENSSL_sk_new_null() else { fatalError("no memory for a stack") }
    unsafe self.stack = stack
    self.checksDates = checksDates
    let shown = unsafe X509_STORE_CTX_get0_untrusted(store)
    for index in 0..<max(0, unsafe OPENSSL_sk_num(shown)) {
      guard let certificate = unsafe OPENSSL_sk_value(shown, index),
        unsafe Self.publicKeySHA256(of: OpaquePointer(certificate)) == pin
      else { continue }
      _ = unsafe OPENSSL_sk_push(stack, certificate)
    }
  }

  /// The certificates belong to the connection.
  deinit { unsafe OPENSSL_sk_free(stack) }

  var isEmpty: Bool { unsafe OPENSSL_sk_num(stack) <= 0 }

  /// To be kept until the verification is over. A pinned CA may itself be under another one.
  func apply(to store: OpaquePointer) {
    unsafe X509_STORE_CTX_set0_trusted_stack(store, stack)
    unsafe X509_STORE_CTX_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    if !checksDates { unsafe X509_STORE_CTX_set_flags(store, UInt(X509_V_FLAG_NO_CHECK_TIME)) }
  }

  private static func publicKeySHA256(of certificate: OpaquePointer) -> [UInt8] {
    var encoded: UnsafeMutablePointer<UInt8>?
    let count = unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded)
    defer { unsafe CRYPTO_free(encoded, #fileID, #line) }
    var digest = [UInt8](repeating: 0, count: 32)
    guard count > 0,
      unsafe EVP_Digest(encoded, Int(count), &digest, nil, EVP_sha256(), nil) == 1
    else { return [] }
    return digest
  }
}
