internal import COpenSSL

extension Certificate {
  /// What a new certificate says; `made(…)` turns it into a signed one.
  struct Content {
    /// X.500 fields in their order. Only informative: identity is the URI SAN.
    var subject: [(field: String, value: String)]
    var validity: Validity
    /// Extensions by OpenSSL's number and in its configuration syntax. Values must be checked
    /// before they come here: a comma in one would begin another entry.
    var extensions: [(nid: Int32, value: String)]
  }

  /// Makes and signs a certificate for `publicKey`. With no `issuer` it signs itself.
  static func made(
    _ content: Content, publicKey: OpaquePointer, issuer: OpaquePointer?,
    signedBy key: borrowing KeyPair
  ) throws(IdentityError) -> Certificate {
    ERR_clear_error()
    guard let handle = unsafe X509_new() else { fatalError("no memory for a certificate") }
    let certificate = unsafe Certificate(takingOwnership: handle)
    let issuer = unsafe issuer ?? handle
    try unsafe OpenSSL.check(X509_set_version(handle, 2), "cannot set the version")
    try unsafe setSerial(of: handle)
    try unsafe setDates(of: handle, content.validity)
    for (field, value) in content.subject {
      let added = unsafe X509_NAME_add_entry_by_txt(
        X509_get_subject_name(handle), field, MBSTRING_UTF8, value, -1, -1, 0)
      try OpenSSL.check(added, "\"\(value)\" cannot be a subject's \(field)")
    }
    try unsafe OpenSSL.check(
      X509_set_issuer_name(handle, X509_get_subject_name(issuer)), "cannot set the issuer")
    try unsafe OpenSSL.check(X509_set_pubkey(handle, publicKey), "cannot set the public key")
    for (nid, value) in content.extensions {
      try unsafe add(nid, value, to: handle, issuer: issuer)
    }
    try unsafe OpenSSL.check(X509_sign(handle, key.handle, EVP_sha256()), "cannot sign")
    return certificate
  }

  /// 128 random bits, so that no record of used serials is needed.
  private static func setSerial(of handle: OpaquePointer) throws(IdentityError) {
    var bytes = [UInt8](repeating: 0, count: 16)
    try unsafe OpenSSL.check(RAND_bytes(&bytes, 16), "no random bytes")
    guard let number = unsafe BN_bin2bn(bytes, 16, nil) else { fatalError("no memory") }
    defer { unsafe BN_free(number) }
    let set = unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(handle)) != nil
    try OpenSSL.check(set ? 1 : 0, "cannot set the serial number")
  }

  private static func setDates(
    of handle: OpaquePointer, _ validity: Validity
  ) throws(IdentityError) {
    let begin = unsafe ASN1_TIME_set(
      X509_getm_notBefore(handle), time_t(validity.notBeforeEpochSeconds))
    let end = unsafe ASN1_TIME_set(
      X509_getm_notAfter(handle), time_t(validity.notAfterEpochSeconds))
    let set = unsafe begin != nil && end != nil
    try OpenSSL.check(set ? 1 : 0, "cannot set the dates")
  }

  private static func add(
    _ nid: Int32, _ value: String, to handle: OpaquePointer, issuer: OpaquePointer
  ) throws(IdentityError) {
    var context = unsafe X509V3_CTX()
    unsafe X509V3_set_ctx(&context, issuer, handle, nil, nil, 0)
    guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, nid, value) else {
      throw OpenSSL.failure(.crypto, "cannot make the extension \"\(value)\"")
    }
    defer { unsafe X509_EXTENSION_free(made) }
    try unsafe OpenSSL.check(X509_add_ext(handle, made, -1), "cannot add \"\(value)\"")
  }
}
