internal import COpenSSL

/// A private key and its public half: P-256 when made here, which every TLS stack accepts and
/// which signs a handshake several times faster than RSA.
///
/// `Sendable` because nothing changes a key once it is made, and OpenSSL 3 locks its own caches.
@safe package struct KeyPair: ~Copyable, @unchecked Sendable {
  let handle: OpaquePointer

  private init(takingOwnership handle: OpaquePointer) { unsafe self.handle = unsafe handle }

  deinit { unsafe EVP_PKEY_free(handle) }

  package static func generate() throws(IdentityError) -> KeyPair {
    ERR_clear_error()
    guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "EC", nil) else {
      throw OpenSSL.failure(.crypto, "OpenSSL offers no elliptic curves")
    }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    try unsafe OpenSSL.check(EVP_PKEY_keygen_init(context), "cannot make a key")
    try unsafe OpenSSL.check(EVP_PKEY_CTX_set_group_name(context, "P-256"), "P-256 is missing")
    try unsafe OpenSSL.check(EVP_PKEY_generate(context, &key), "cannot make a key")
    guard let key = unsafe key else { throw OpenSSL.failure(.crypto, "cannot make a key") }
    return unsafe KeyPair(takingOwnership: key)
  }

  /// Reads the first private key in `pem`. Throws `badKey`; a key with a password is one, because
  /// a server that starts by itself has nobody to ask.
  package init(pem: String) throws(IdentityError) {
    let key = unsafe OpenSSL.parse(pem.utf8) { bio in
      // Without a callback OpenSSL would ask on the terminal.
      unsafe PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
    }
    guard let key = unsafe key else {
      throw OpenSSL.failure(.badKey, "no readable private key (PEM, without a password)")
    }
    unsafe self.init(takingOwnership: key)
  }

  /// Signs with SHA-256; an ECDSA signature in DER when the key is ours.
  package func sign(_ bytes: [UInt8]) throws(IdentityError) -> [UInt8] {
    ERR_clear_error()
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("no memory to sign") }
    defer { unsafe EVP_MD_CTX_free(context) }
    try unsafe OpenSSL.check(
      EVP_DigestSignInit(context, nil, EVP_sha256(), nil, handle), "cannot sign")
    var length = 0
    try unsafe OpenSSL.check(
      EVP_DigestSign(context, nil, &length, bytes, bytes.count), "cannot sign")
    var signature = [UInt8](repeating: 0, count: length)
    try unsafe OpenSSL.check(
      EVP_DigestSign(context, &signature, &length, bytes, bytes.count), "cannot sign")
    return Array(signature.prefix(length))
  }

  /// The private key as PKCS#8 PEM. A secret: never log it, write it with mode 0600.
  package func pem() throws(IdentityError) -> String {
    try unsafe OpenSSL.text(of: "a private key") { bio in
      unsafe PEM_write_bio_PKCS8PrivateKey(bio, handle, nil, nil, 0, nil, nil)
    }
  }
}
