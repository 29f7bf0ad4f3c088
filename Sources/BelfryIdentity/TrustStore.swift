internal import COpenSSL

/// Says whether a certificate descends from those that are trusted, before a handshake has to fail
/// on it with fewer words. Dates are left to the handshake: an expired certificate is still one's
/// own, and the way to a new one.
enum TrustStore {
  /// `chain` is a certificate and then those between it and a trusted one, if any. Throws
  /// `mismatch` with OpenSSL's reason, `badCertificate` when either text has no certificate.
  static func verify(chain: String, trusted: String) throws(IdentityError) {
    let leaf = try Certificate(pem: chain)
    guard let store = unsafe X509_STORE_new(), let between = unsafe OPENSSL_sk_new_null(),
      let context = unsafe X509_STORE_CTX_new()
    else { fatalError("no memory for a trust store") }
    defer {
      unsafe X509_STORE_CTX_free(context)
      unsafe OPENSSL_sk_pop_free(between) { unsafe X509_free(OpaquePointer($0)) }
      unsafe X509_STORE_free(store)
    }
    let roots = unsafe forEach(in: trusted) { unsafe X509_STORE_add_cert(store, $0) }
    guard roots > 0 else {
      throw OpenSSL.failure(.badCertificate, "no readable CA certificate (PEM)")
    }
    _ = unsafe forEach(in: chain) { certificate in
      unsafe X509_up_ref(certificate)
      return unsafe OPENSSL_sk_push(between, UnsafeRawPointer(certificate))
    }
    ERR_clear_error()
    unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_NO_CHECK_TIME))
    try unsafe OpenSSL.check(
      X509_STORE_CTX_init(context, store, leaf.handle, between), "cannot verify")
    guard unsafe X509_verify_cert(context) == 1 else {
      let number = unsafe X509_STORE_CTX_get_error(context)
      let reason = unsafe String(cString: X509_verify_cert_error_string(Int(number)))
      ERR_clear_error()
      throw IdentityError(.mismatch, "the CA did not issue this certificate (\(reason))")
    }
  }

  /// Calls `body` with each certificate in `pem`, which is freed after it; returns their number.
  private static func forEach(in pem: String, _ body: (OpaquePointer) -> Int32) -> Int {
    var count = 0
    _ = unsafe OpenSSL.parse(pem.utf8) { bio in
      while let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) {
        if unsafe body(certificate) > 0 { count += 1 }
        unsafe X509_free(certificate)
      }
      return nil
    }
    return count
  }
}
