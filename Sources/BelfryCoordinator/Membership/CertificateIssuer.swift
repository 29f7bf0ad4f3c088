internal import BelfryAPI
package import BelfryCore
package import BelfryIdentity

/// Makes the certificates of those who may have one. A coordinator without the CA has none.
package struct CertificateIssuer: Sendable {
  package static let lifetimeDefault = Duration.seconds(7 * 86_400)

  package struct Issued: Sendable {
    package let certificatePEM: String
    package let serial: String
    package let expires: WallTime
  }

  private let authority: CertificateAuthority
  private let lifetime: Duration

  package init(authority: CertificateAuthority, lifetime: Duration = Self.lifetimeDefault) {
    self.authority = authority
    self.lifetime = lifetime
  }

  var authorityPEM: String { authority.certificatePEM }
  var cluster: String { authority.cluster }

  /// A new key and certificate in the place of `old`: for the same hosts, and for as long.
  func renewed(_ old: Identity) throws(IdentityError) -> Identity {
    let info = try CertificateInfo(pem: old.certificatePEM)
    guard old.id.cluster == authority.cluster, old.authorityPEM == authority.certificatePEM else {
      throw IdentityError(.mismatch, "\(old.id) is not of this CA")
    }
    return try authority.issue(
      old.id.role, old.id.name, hosts: info.hosts, validFor: info.validity.length)
  }

  /// What a certificate of ours says, ended or not, once `signature` shows that the sender has its
  /// key. Throws `mismatch`, `badCertificate`.
  func recognise(
    _ certificatePEM: String, signature: [UInt8], over bytes: [UInt8]
  ) throws(IdentityError) -> CertificateInfo {
    try authority.verify(certificatePEM, signature: signature, over: bytes)
  }

  /// Throws what `CertificateAuthority.sign` throws.
  func issue(
    _ role: Role, _ name: String, for request: borrowing CertificateRequest,
    hosts: [String] = [], lasting life: Duration? = nil
  ) throws(IdentityError) -> Issued {
    let pem = try authority.sign(
      request, as: SPIFFEID(cluster: authority.cluster, role: role, name: name), hosts: hosts,
      validity: .lasting(life ?? lifetime))
    let info = try CertificateInfo(pem: pem)
    return Issued(
      certificatePEM: pem, serial: info.serial,
      expires: WallTime(milliseconds: info.validity.notAfterEpochSeconds * 1_000))
  }
}
