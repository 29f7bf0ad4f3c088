import BelfryIdentity
import Foundation
import Testing

@Suite struct IssuingTests {
  @Test func authorityIsOneByOpenSSLsWords() throws {
    try withFolder { files in
      try files.write(.create(cluster: "example.test", validFor: .seconds(86_400)))
      let path = files.certificatePath
      let text = try OpenSSLCommand.text(path)
      for words in [
        "Version: 3", "CA:TRUE, pathlen:0", "X509v3 Basic Constraints: critical",
        "X509v3 Key Usage: critical", "Certificate Sign, CRL Sign", "ASN1 OID: prime256v1",
        "X509v3 Subject Key Identifier", "URI:spiffe://example.test\n", "ecdsa-with-SHA256",
      ] {
        #expect(text.contains(words), "\(words) not in \(text)")
      }
      let purposes = try OpenSSLCommand.run(["x509", "-in", path, "-noout", "-purpose"]).output
      #expect(purposes.contains("SSL client CA : Yes"))
      #expect(purposes.contains("SSL client : No"))
      #expect(try OpenSSLCommand.verify(path, ca: path, purpose: "any").status == 0)
    }
  }

  @Test(arguments: Role.allCases)
  func certificateServesItsRoleOnly(role: Role) throws {
    try withFolder { files in
      let authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(86_400))
      try files.write(authority)
      let hosts = ["coord.example", "127.0.0.1", "::1"]
      let identity = files.identity(named: "gpu-7")
      try identity.write(authority.issue(role, "gpu-7", hosts: hosts, validFor: .seconds(3_600)))
      let (path, ca) = (identity.certificatePath, files.certificatePath)
      let client = try OpenSSLCommand.verify(path, ca: ca, purpose: "sslclient")
      #expect(client.status == 0, "\(client.output)")
      let server = try OpenSSLCommand.verify(path, ca: ca, purpose: "sslserver")
      #expect((server.status == 0) == (role == .coordinator), "\(server.output)")

      let text = try OpenSSLCommand.text(path)
      for words in [
        "CA:FALSE", "X509v3 Basic Constraints: critical",
        "URI:spiffe://c1/\(role.rawValue)/gpu-7, DNS:coord.example, "
          + "IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1\n", "Digital Signature\n",
        "X509v3 Authority Key Identifier", "X509v3 Subject Key Identifier",
        "Subject: CN=gpu-7,OU=\(role.rawValue),O=c1", "ASN1 OID: prime256v1",
      ] {
        #expect(text.contains(words), "\(words) not in \(text)")
      }
      let key = try OpenSSLCommand.run(["pkey", "-in", identity.keyPath, "-pubout"])
      let inside = try OpenSSLCommand.run(["x509", "-in", path, "-noout", "-pubkey"])
      #expect(key.output == inside.output && key.output.contains("PUBLIC KEY"))
    }
  }

  /// Error 9 is "not yet valid", 10 is "expired".
  @Test(arguments: [(-7_200, -3_600, 10), (3_600, 7_200, 9), (-3_600, 3_600, 0)])
  func datesMayBePastAndFuture(begin: Int64, end: Int64, error: Int) throws {
    try withFolder { files in
      let now = Validity.nowEpochSeconds()
      let authority = try CertificateAuthority.create(
        cluster: "c1",
        validity: Validity(
          notBeforeEpochSeconds: now - 86_400, notAfterEpochSeconds: now + 86_400))
      try files.write(authority)
      let validity = try Validity(
        notBeforeEpochSeconds: now + begin, notAfterEpochSeconds: now + end)
      let identity = files.identity(named: "w1")
      try identity.write(authority.issue(.worker, "w1", validity: validity))
      let answer = try OpenSSLCommand.verify(
        identity.certificatePath, ca: files.certificatePath, purpose: "sslclient")
      #expect(answer.status == (error == 0 ? 0 : 2))
      #expect(error == 0 || answer.output.contains("error \(error) at 0 depth"))
    }
  }

  @Test func freshCertificateIsGoodOnASlowClock() throws {
    let now = Validity.nowEpochSeconds()
    let authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
    let made = try authority.issue(.worker, "w1", validFor: .seconds(60))
    let validity = try CertificateInfo(pem: made.certificatePEM).validity
    #expect(validity.contains(epochSeconds: now - 290) && validity.contains(epochSeconds: now + 55))
    #expect(!validity.contains(epochSeconds: now + 120))
  }

  @Test func nothingOutlivesItsAuthority() throws {
    let authority = try CertificateAuthority.create(
      cluster: "c1",
      validity: Validity(notBeforeEpochSeconds: 1_000, notAfterEpochSeconds: 5_000))
    let long = try Validity(notBeforeEpochSeconds: 2_000, notAfterEpochSeconds: 9_000)
    let made = try authority.issue(.worker, "w1", validity: long)
    #expect(try CertificateInfo(pem: made.certificatePEM).validity.notAfterEpochSeconds == 5_000)
    let late = try Validity(notBeforeEpochSeconds: 5_000, notAfterEpochSeconds: 9_000)
    let error = #expect(throws: IdentityError.self) {
      try authority.issue(.worker, "w1", validity: late)
    }
    #expect(error?.code == .badValidity)
  }

  @Test func serialsAre128RandomBits() throws {
    let authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(60))
    let serials = try (0..<64).map { _ in
      try CertificateInfo(
        pem: authority.issue(.worker, "w1", validFor: .seconds(60)).certificatePEM
      ).serial
    }
    #expect(Set(serials).count == 64)
    #expect(serials.contains { $0.count == 32 } && serials.allSatisfy { $0.count <= 32 })
    #expect(Set(serials.map { $0.prefix(1) }).count > 4, "the first digit varies too")
  }
}
