internal import COpenSSL

/// What a certificate says, for people (`belfry cert show`), logs and tests. Reading it proves
/// nothing: whether to believe it, the TLS handshake decides.
package struct CertificateInfo: Sendable, Equatable {
  /// X.500 names as RFC 2253 writes them, such as `CN=gpu-7,OU=worker,O=example`.
  package let subject: String
  package let issuer: String
  /// Nil unless there is exactly one URI and it is a member's: not for a CA, nor a stranger's.
  package let id: SPIFFEID?
  /// In upper case hex, two digits a byte.
  package let serial: String
  package let validity: Validity
  /// SHA-256 of the public key with its algorithm (SubjectPublicKeyInfo): what a join token pins,
  /// because it stays the same when a CA's certificate is renewed with its key.
  package let publicKeySHA256: [UInt8]
  package let isAuthority: Bool
  /// Names and addresses under which others reach it: a coordinator's.
  package let hosts: [String]

  /// Reads the first certificate in `pem`. Throws `badCertificate`, and `badValidity` on dates
  /// that run backwards.
  package init(pem: String) throws(IdentityError) {
    try self.init(Certificate(pem: pem))
  }

  /// The same for the bytes of one, as a TLS handshake gives them.
  package init(der: some Sequence<UInt8>) throws(IdentityError) {
    try self.init(Certificate(der: der))
  }

  /// Reads `pem`, which holds one certificate as OpenSSL writes it and nothing else: what is trusted must
  /// have no room for a second one. Throws `badCertificate`.
  package init(onlyIn pem: String) throws(IdentityError) {
    let certificate = try Certificate(pem: pem)
    guard try certificate.pem() == pem else {
      throw IdentityError(.badCertificate, "there is more, or other, than one certificate")
    }
    try self.init(certificate)
  }

  private init(_ certificate: borrowing Certificate) throws(IdentityError) {
    let handle = unsafe certificate.handle
    subject = try unsafe Self.text(of: X509_get_subject_name(handle))
    issuer = try unsafe Self.text(of: X509_get_issuer_name(handle))
    let uris = certificate.uris
    // A URI that is not ours makes no member; it is no error to look at such a certificate.
    id = uris.count == 1 ? try? SPIFFEID(parsing: uris[0]) : nil
    serial =
      unsafe X509_get0_serialNumber(handle).map { number in
        unsafe Array(
          UnsafeBufferPointer(start: number.pointee.data, count: Int(number.pointee.length))
        ).hexText.uppercased()
      } ?? ""
    validity = try certificate.validity
    publicKeySHA256 = try unsafe Digest.sha256(ofKey: X509_get_X509_PUBKEY(handle))
    isAuthority = certificate.isAuthority
    hosts = certificate.hosts
  }

  /// `publicKeySHA256` in upper case hex.
  package var fingerprint: String { publicKeySHA256.hexText.uppercased() }

  private static func text(of name: OpaquePointer?) throws(IdentityError) -> String {
    // XN_FLAG_RFC2253, a macro that Swift does not import.
    let escapes = ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB
    let values = ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_DUMP_UNKNOWN | ASN1_STRFLGS_DUMP_DER
    let layout = XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_DN_REV | XN_FLAG_DUMP_UNKNOWN_FIELDS
    return try unsafe OpenSSL.text(of: "a subject") { bio in
      // It returns the length; an empty name has 0 and is fine.
      unsafe X509_NAME_print_ex(bio, name, 0, UInt(escapes | values | layout)) >= 0 ? 1 : 0
    }
  }
}
