internal import COpenSSL

/// The root of trust of one cluster: makes certificates that say who holds a key.
///
/// One self-signed P-256 certificate with path length 0, so that nothing it issues can issue. Its
/// URI SAN is `spiffe://<cluster>`, as the X.509-SVID specification asks of a signing certificate.
package final class CertificateAuthority: Sendable {
  package let cluster: String
  package let certificatePEM: String
  private let certificate: Certificate
  private let key: KeyPair

  private init(
    cluster: String, certificate: consuming Certificate, key: consuming KeyPair
  ) throws(IdentityError) {
    self.cluster = cluster
    self.certificatePEM = try certificate.pem()
    self.certificate = certificate
    self.key = key
  }

  /// A new one, in memory only: `IdentityFiles.write` keeps it. Throws `badName`, `badValidity`.
  package static func create(
    cluster: String, validFor length: Duration
  ) throws(IdentityError) -> CertificateAuthority {
    try create(cluster: cluster, validity: .lasting(length))
  }

  package static func create(
    cluster: String, validity: Validity
  ) throws(IdentityError) -> CertificateAuthority {
    try SPIFFEID.validate(cluster: cluster)
    let key = try KeyPair.generate()
    let content = Certificate.Content(
      subject: [("O", cluster), ("CN", "Belfry CA")], validity: validity,
      extensions: [
        (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
        (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_subject_key_identifier, "hash"),
        (NID_subject_alt_name, "URI:\(SPIFFEID.scheme)\(cluster)"),
      ])
    let certificate = unsafe try Certificate.made(
      content, publicKey: key.handle, issuer: nil, signedBy: key)
    return try CertificateAuthority(cluster: cluster, certificate: certificate, key: key)
  }

  /// One that was kept. Throws `badCertificate` when it is none of ours (no CA, no cluster in it),
  /// `badKey`, or `mismatch` when the key is another's.
  package convenience init(certificatePEM: String, keyPEM: String) throws(IdentityError) {
    let certificate = try Certificate(pem: certificatePEM)
    let uris = certificate.uris
    guard certificate.isAuthority, uris.count == 1, uris[0].hasPrefix(SPIFFEID.scheme) else {
      throw IdentityError(
        .badCertificate,
        "the certificate is not the CA of a cluster: it may not sign, or has no "
          + "single name of the form spiffe://<cluster>")
    }
    let cluster = String(uris[0].dropFirst(SPIFFEID.scheme.count))
    try SPIFFEID.validate(cluster: cluster)
    let key = try KeyPair(pem: keyPEM)
    guard certificate.belongs(to: key) else {
      throw IdentityError(.mismatch, "the CA's key does not belong to the CA's certificate")
    }
    try self.init(cluster: cluster, certificate: certificate, key: key)
  }

  /// The CA's private key. A secret: see `KeyPair.pem()`.
  package func keyPEM() throws(IdentityError) -> String { try key.pem() }

  /// Makes a key and a certificate for it. `hosts` are the names and addresses under which others
  /// connect to it: a coordinator needs them, nobody else does.
  package func issue(
    _ role: Role, _ name: String, hosts: [String] = [], validFor length: Duration
  ) throws(IdentityError) -> Identity {
    try issue(role, name, hosts: hosts, validity: .lasting(length))
  }

  /// The same with dates of one's own, past and future ones too.
  package func issue(
    _ role: Role, _ name: String, hosts: [String] = [], validity: Validity
  ) throws(IdentityError) -> Identity {
    let id = try SPIFFEID(cluster: cluster, role: role, name: name)
    let key = try KeyPair.generate()
    let leaf = unsafe try certify(key.handle, as: id, hosts: hosts, validity: validity)
    return Identity(
      id: id, authorityPEM: certificatePEM, certificatePEM: try leaf.pem(), keyPEM: try key.pem())
  }

  /// Makes the certificate that `request` asks for, as PEM. Whoever calls this has made sure that
  /// the sender may be `id`; of the request only the key is used. Throws `mismatch` when `id` is
  /// of another cluster.
  package func sign(
    _ request: borrowing CertificateRequest, as id: SPIFFEID, hosts: [String] = [],
    validity: Validity
  ) throws(IdentityError) -> String {
    guard id.cluster == cluster else {
      throw IdentityError(.mismatch, "the CA of \(cluster) cannot issue \(id)")
    }
    guard let publicKey = unsafe request.publicKey else {
      throw OpenSSL.failure(.badRequest, "the request's key cannot be read")
    }
    return try unsafe certify(publicKey, as: id, hosts: hosts, validity: validity).pem()
  }

  /// What the certificate says, if we issued it and `signature` was made with its key. Dates are not
  /// looked at. Throws `badCertificate`, `mismatch`.
  package func verify(
    _ issuedPEM: String, signature: [UInt8], over bytes: [UInt8]
  ) throws(IdentityError) -> CertificateInfo {
    try TrustStore.verify(chain: issuedPEM, trusted: certificatePEM)
    guard try Certificate(pem: issuedPEM).verifies(signature, over: bytes) else {
      throw IdentityError(
        .mismatch,
        "the signature was not made with the certificate's key, over this request, on "
          + "this connection")
    }
    return try CertificateInfo(pem: issuedPEM)
  }

  /// The certificate of everything that is not a CA. Ends no later than the CA itself does: a
  /// certificate that outlives its CA is refused anyway, with a message that blames the wrong one.
  private func certify(
    _ publicKey: OpaquePointer, as id: SPIFFEID, hosts: [String], validity: Validity
  ) throws(IdentityError) -> Certificate {
    let names =
      try ["URI:\(id)"]
      + hosts.map { (host) throws(IdentityError) in
        try HostName(host).alternativeName
      }
    let end = min(validity.notAfterEpochSeconds, try certificate.validity.notAfterEpochSeconds)
    guard end > validity.notBeforeEpochSeconds else {
      throw IdentityError(.badValidity, "the CA of \(cluster) ends before the certificate begins")
    }
    let content = Certificate.Content(
      subject: [("O", cluster), ("OU", id.role.rawValue), ("CN", id.name)],
      validity: try Validity(
        notBeforeEpochSeconds: validity.notBeforeEpochSeconds, notAfterEpochSeconds: end),
      extensions: [
        (NID_basic_constraints, "critical,CA:FALSE"),
        (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, id.role == .coordinator ? "serverAuth,clientAuth" : "clientAuth"),
        (NID_subject_key_identifier, "hash"),
        (NID_authority_key_identifier, "keyid:always"),
        (NID_subject_alt_name, names.joined(separator: ",")),
      ])
    return unsafe try Certificate.made(
      content, publicKey: publicKey, issuer: certificate.handle, signedBy: key)
  }
}
