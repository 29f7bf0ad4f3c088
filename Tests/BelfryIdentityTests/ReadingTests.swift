import BelfryIdentity
import Foundation
import Testing

/// What is read back: certificates, keys, identities, and what is refused.
@Suite struct ReadingTests {
  let authority: CertificateAuthority
  let identity: Identity

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(86_400))
    identity = try authority.issue(.worker, "w1", validFor: .seconds(3_600))
  }

  /// 2049 and 2050 are on the two sides of X.509's change from two-digit years to four.
  @Test(arguments: [
    (0, 1, "1970-01-01 00:00:00Z", "1970-01-01 00:00:01Z"),
    (2_524_607_999, 2_524_608_000, "2049-12-31 23:59:59Z", "2050-01-01 00:00:00Z"),
    (1_709_164_800, 253_402_300_799, "2024-02-29 00:00:00Z", "9999-12-31 23:59:59Z"),
  ])
  func infoIsWhatOpenSSLReads(begin: Int64, end: Int64, first: String, last: String) throws {
    let validity = try Validity(notBeforeEpochSeconds: begin, notAfterEpochSeconds: end)
    let made = try CertificateAuthority.create(cluster: "c1", validity: validity)
      .issue(.operator, "ops", validity: validity)
    let info = try CertificateInfo(pem: made.certificatePEM)
    #expect(info.validity == validity && !info.isAuthority)
    #expect(info.id?.description == "spiffe://c1/operator/ops")
    #expect(info.subject == "CN=ops,OU=operator,O=c1" && info.issuer == "CN=Belfry CA,O=c1")
    try withFolder { files in
      try files.write(authority)
      try files.identity(named: "ops").write(made)
      let path = files.identity(named: "ops").certificatePath
      let shown = try OpenSSLCommand.run([
        "x509", "-in", path, "-noout", "-serial", "-startdate", "-enddate", "-dateopt", "iso_8601",
      ])
      #expect(
        shown.output == "serial=\(info.serial)\nnotBefore=\(first)\nnotAfter=\(last)\n")
      let (key, der) = (files.folder + "/public", files.folder + "/der")
      _ = try OpenSSLCommand.run(["x509", "-in", path, "-noout", "-pubkey", "-out", key])
      _ = try OpenSSLCommand.run(["pkey", "-pubin", "-in", key, "-outform", "DER", "-out", der])
      let digest = try OpenSSLCommand.run(["dgst", "-sha256", "-r", der]).output
      #expect(digest.uppercased().hasPrefix(info.fingerprint) && info.fingerprint.count == 64)
      _ = try OpenSSLCommand.run(["x509", "-in", path, "-outform", "DER", "-out", der])
      #expect(try CertificateInfo(der: Data(contentsOf: URL(fileURLWithPath: der))) == info)
    }
  }

  @Test func authorityIsNoMember() throws {
    let info = try CertificateInfo(pem: authority.certificatePEM)
    #expect(info.isAuthority && info.id == nil && info.subject == info.issuer)
  }

  @Test func everyCutAndChangedByteIsSurvived() throws {
    let body = identity.certificatePEM.split(separator: "\n").dropFirst().dropLast().joined()
    let bytes = try #require(Data(base64Encoded: body))
    for index in bytes.indices {
      #expect(throws: IdentityError.self) { try CertificateInfo(der: bytes[..<index]) }
      for bit in 0..<8 {
        var changed = bytes
        changed[index] ^= 1 << bit
        // Read or refused, both are fine: what is signed, the handshake checks. No trap is the claim.
        _ = try? CertificateInfo(der: changed)
      }
    }
  }

  @Test(arguments: [
    "", "x", "-----BEGIN CERTIFICATE-----\n", String(repeating: "-", count: 99_999),
  ])
  func nonsenseIsNoPEM(text: String) throws {
    let certificate = #expect(throws: IdentityError.self) { try CertificateInfo(pem: text) }
    #expect(certificate?.code == .badCertificate)
    let key = #expect(throws: IdentityError.self) { _ = try KeyPair(pem: text) }
    #expect(key?.code == .badKey)
    let request = #expect(throws: IdentityError.self) { _ = try CertificateRequest(pem: text) }
    #expect(request?.code == .badRequest)
  }

  /// Nobody is there to be asked for it when a server starts.
  @Test func keyWithAPasswordIsRefused() throws {
    try withFolder { files in
      let kept = files.identity(named: "w1")
      try kept.write(identity)
      let locked = files.folder + "/locked"
      let made = try OpenSSLCommand.run([
        "pkey", "-in", kept.keyPath, "-aes256", "-passout", "pass:secret", "-out", locked,
      ])
      try #require(made.status == 0, "\(made.output)")
      let error = #expect(throws: IdentityError.self) {
        try IdentityFiles.read(
          authority: kept.authorityPath, certificate: kept.certificatePath, key: locked)
      }
      #expect(error?.code == .badKey)
      #expect(error?.message.contains("without a password") == true)
    }
  }

  @Test func partsThatDoNotFitAreRefused() throws {
    let twin = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(86_400))
    let other = try authority.issue(.worker, "w1", validFor: .seconds(3_600))
    let ours = (identity.authorityPEM, identity.certificatePEM, identity.keyPEM)
    for (parts, words) in [
      ((ours.0, ours.1, other.keyPEM), "key does not belong"),
      ((twin.certificatePEM, ours.1, ours.2), "did not issue"),
      ((ours.0, ours.0, try authority.keyPEM()), "no single name"),
    ] {
      let error = #expect(throws: IdentityError.self) {
        try Identity(authorityPEM: parts.0, certificatePEM: parts.1, keyPEM: parts.2)
      }
      #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }
    // While a CA is replaced, two are trusted.
    let both = twin.certificatePEM + ours.0
    #expect(
      try Identity(authorityPEM: both, certificatePEM: ours.1, keyPEM: ours.2).id == identity.id)
  }

  @Test func expiredIdentityCanBeReadToBeRenewed() throws {
    let past = try Validity(notBeforeEpochSeconds: 1_000, notAfterEpochSeconds: 2_000)
    let old = try CertificateAuthority.create(cluster: "c1", validity: past)
      .issue(.worker, "w1", validity: past)
    let read = try Identity(
      authorityPEM: old.authorityPEM, certificatePEM: old.certificatePEM, keyPEM: old.keyPEM)
    #expect(read.id == old.id)
  }

  @Test func memberIsNoAuthority() throws {
    let member = #expect(throws: IdentityError.self) {
      try CertificateAuthority(
        certificatePEM: identity.certificatePEM, keyPEM: identity.keyPEM)
    }
    #expect(member?.code == .badCertificate)
    let key = #expect(throws: IdentityError.self) {
      try CertificateAuthority(
        certificatePEM: authority.certificatePEM, keyPEM: identity.keyPEM)
    }
    #expect(key?.code == .mismatch)
  }

  @Test func keyIsNeverPrinted() {
    var dumped = ""
    dump(["here": [identity]], to: &dumped)
    for text in ["\(identity)", String(reflecting: identity), "\([identity])", dumped] {
      #expect(text.contains("spiffe://c1/worker/w1") && !text.contains("PRIVATE"))
    }
  }
}
