internal import COpenSSL

/// Asks a CA for a certificate without showing it the key (PKCS#10): made on the machine that
/// joins, signed on the coordinator.
///
/// It carries a public key and the proof that the sender has the private one; nothing else in it
/// counts. Who the holder is says the CA, not the request.
@safe package struct CertificateRequest: ~Copyable, @unchecked Sendable {
  private let handle: OpaquePointer

  private init(takingOwnership handle: OpaquePointer) { unsafe self.handle = unsafe handle }

  deinit { unsafe X509_REQ_free(handle) }

  package static func make(for key: borrowing KeyPair) throws(IdentityError) -> CertificateRequest {
    ERR_clear_error()
    guard let handle = unsafe X509_REQ_new() else { fatalError("no memory for a request") }
    let request = unsafe CertificateRequest(takingOwnership: handle)
    try unsafe OpenSSL.check(X509_REQ_set_version(handle, 0), "cannot set the version")
    try unsafe OpenSSL.check(X509_REQ_set_pubkey(handle, key.handle), "cannot set the key")
    try unsafe OpenSSL.check(X509_REQ_sign(handle, key.handle, EVP_sha256()), "cannot sign")
    return request
  }

  /// Reads a peer's request. Throws `badRequest` unless its key is P-256 and has signed it.
  package init(pem: String) throws(IdentityError) {
    let parsed = unsafe OpenSSL.parse(pem.utf8) { bio in
      unsafe PEM_read_bio_X509_REQ(bio, nil, nil, nil)
    }
    guard let parsed = unsafe parsed else {
      throw OpenSSL.failure(.badRequest, "no readable certificate request (PEM)")
    }
    if let flaw = unsafe Self.flaw(of: parsed) {
      unsafe X509_REQ_free(parsed)
      throw flaw
    }
    unsafe self.init(takingOwnership: parsed)
  }

  /// SHA-256 of the public key in it, as `CertificateInfo.publicKeySHA256` has it.
  package var publicKeySHA256: [UInt8] {
    get throws(IdentityError) {
      try unsafe Digest.sha256(ofKey: X509_REQ_get_X509_PUBKEY(handle))
    }
  }

  package func pem() throws(IdentityError) -> String {
    try unsafe OpenSSL.text(of: "a request") { bio in
      unsafe PEM_write_bio_X509_REQ(bio, handle)
    }
  }

  /// Lives as long as the request; nil when its key is of a kind OpenSSL does not know.
  var publicKey: OpaquePointer? { unsafe X509_REQ_get0_pubkey(handle) }

  private static func flaw(of request: OpaquePointer) -> IdentityError? {
    let key = unsafe X509_REQ_get0_pubkey(request)
    var group = [CChar](repeating: 0, count: 32)
    guard unsafe EVP_PKEY_get_group_name(key, &group, 32, nil) == 1,
      unsafe OBJ_txt2nid(group) == NID_X9_62_prime256v1
    else {
      return OpenSSL.failure(.badRequest, "the request's key is not on the curve P-256")
    }
    guard unsafe X509_REQ_verify(request, key) == 1 else {
      return OpenSSL.failure(.badRequest, "the request is not signed by the key in it")
    }
    return nil
  }
}
