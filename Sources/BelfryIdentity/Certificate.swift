internal import COpenSSL

/// Owns one X.509 certificate of OpenSSL.
///
/// `Sendable` because nothing changes a certificate once it is made; what OpenSSL caches in it,
/// it locks.
@safe struct Certificate: ~Copyable, @unchecked Sendable {
  let handle: OpaquePointer

  init(takingOwnership handle: OpaquePointer) { unsafe self.handle = unsafe handle }

  deinit { unsafe X509_free(handle) }

  /// Reads the first certificate in `pem`. Throws `badCertificate`.
  init(pem: String) throws(IdentityError) {
    let parsed = unsafe OpenSSL.parse(pem.utf8) { bio in
      unsafe PEM_read_bio_X509(bio, nil, nil, nil)
    }
    guard let parsed = unsafe parsed else {
      throw OpenSSL.failure(.badCertificate, "no readable certificate (PEM)")
    }
    unsafe self.init(takingOwnership: parsed)
  }

  /// Throws `badCertificate`.
  init(der: some Sequence<UInt8>) throws(IdentityError) {
    let parsed = unsafe OpenSSL.parse(der) { bio in unsafe d2i_X509_bio(bio, nil) }
    guard let parsed = unsafe parsed else {
      throw OpenSSL.failure(.badCertificate, "no readable certificate (DER)")
    }
    unsafe self.init(takingOwnership: parsed)
  }

  func pem() throws(IdentityError) -> String {
    try unsafe OpenSSL.text(of: "a certificate") { bio in unsafe PEM_write_bio_X509(bio, handle) }
  }

  /// Whether `key` is the private half of the key in this certificate.
  func belongs(to key: borrowing KeyPair) -> Bool {
    let matches = unsafe X509_check_private_key(handle, key.handle) == 1
    ERR_clear_error()
    return matches
  }

  /// Whether `signature` over `bytes` was made with its key, by `KeyPair.sign`.
  func verifies(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
    ERR_clear_error()
    defer { ERR_clear_error() }
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("no memory to verify") }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard let key = unsafe X509_get0_pubkey(handle),
      unsafe EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key) == 1
    else { return false }
    return unsafe EVP_DigestVerify(context, signature, signature.count, bytes, bytes.count) == 1
  }

  /// Whether it may sign others, by its basic constraints and key usage.
  var isAuthority: Bool { unsafe X509_check_ca(handle) == 1 }

  /// The URIs among its subject alternative names.
  var uris: [String] {
    alternativeNames { $0 == GEN_URI ? String(decoding: $1, as: UTF8.self) : nil }
  }

  /// The host names and addresses among them, as `HostName` reads them.
  var hosts: [String] {
    alternativeNames { kind, bytes in
      switch (kind, bytes.count) {
      case (GEN_DNS, _): String(decoding: bytes, as: UTF8.self)
      case (GEN_IPADD, 4): bytes.map(String.init).joined(separator: ".")
      case (GEN_IPADD, 16):
        stride(from: 0, to: 16, by: 2).map { index in
          String(UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]), radix: 16)
        }.joined(separator: ":")
      default: nil
      }
    }
  }

  private func alternativeNames(_ read: (Int32, [UInt8]) -> String?) -> [String] {
    guard let names = unsafe X509_get_ext_d2i(handle, NID_subject_alt_name, nil, nil) else {
      return []
    }
    let stack = OpaquePointer(names)
    defer { unsafe GENERAL_NAMES_free(stack) }
    return (0..<(unsafe OPENSSL_sk_num(stack))).compactMap { index in
      guard let entry = unsafe OPENSSL_sk_value(stack, index) else { return nil }
      let name = unsafe entry.assumingMemoryBound(to: GENERAL_NAME.self)
      let kind = unsafe name.pointee.type
      // All three are strings of ASN.1, and lie in the same place of the union.
      guard [GEN_URI, GEN_DNS, GEN_IPADD].contains(kind), let text = unsafe name.pointee.d.ia5
      else { return nil }
      return read(
        kind,
        unsafe Array(
          UnsafeBufferPointer(start: text.pointee.data, count: Int(text.pointee.length))))
    }
  }

  var validity: Validity {
    get throws(IdentityError) {
      try Validity(
        notBeforeEpochSeconds: unsafe Self.epochSeconds(X509_get0_notBefore(handle)),
        notAfterEpochSeconds: unsafe Self.epochSeconds(X509_get0_notAfter(handle)))
    }
  }

  private static func epochSeconds(
    _ time: UnsafePointer<ASN1_TIME>?
  ) throws(IdentityError) -> Int64 {
    guard let epoch = unsafe ASN1_TIME_set(nil, 0) else { fatalError("no memory for a time") }
    defer { unsafe ASN1_TIME_free(epoch) }
    var (days, seconds): (Int32, Int32) = (0, 0)
    guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else {
      throw OpenSSL.failure(.badCertificate, "a date in the certificate cannot be read")
    }
    return Int64(days) * 86_400 + Int64(seconds)
  }
}
