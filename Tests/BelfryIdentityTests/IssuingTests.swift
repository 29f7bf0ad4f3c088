import BelfryIdentity
import Foundation
import Testing

@Suite struct IssuingTests {
  @Test func authorityIsOneByOpenSSLsWords() throws {
    try withFolder { files in
      try files.write(.create(cluster: "example.test", validFor: .seconds(86_400)))
      let text = try OpenSSLCommand.text(files.authorityCertificatePath)
      for words in [
        "Version: 3", "CA:TRUE, pathlen:0", "X509v3 Basic Constraints: critical",
        "X509v3 Key Usage: critical", "Certificate Sign, CRL Sign", "ASN1 OID: prime256v1",
        "X509v3 Subject Key Identifier", "URI:spiffe://example.test\n", "ecdsa-with-SHA256",
      ] {
        #expect(text.contains(words), "\(words) not in \(text)")
      }
      let path = files.authorityCertificatePath
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
      try files.write(
        authority.issue(
          role, "gpu-7", hosts: ["coord.example", "127.0.0.1", "::1"], validFor: .seconds(3_600)))
      let (path, ca) = (files.certificatePath(role, "gpu-7"), files.authorityCertificatePath)
      let client = try OpenSSLCommand.verify(path, ca: ca, purpose: "sslclient")
      #expect(client.status == 0, "\(client.output)")
      let server = try OpenSSLCommand.verify(path, ca: ca, purpose: "sslserver")
      #expect((server.status == 0) == (role == .coordinator), "\(server.output)")

      let text = try OpenSSLCommand.text(path)
      for words in [
        "CA:FALSE",
        "URI:spiffe://c1/\(role.rawValue)/gpu-7, DNS:coord.example, "
          + "IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1", "Digital Signature\n",
        "X509v3 Authority Key Identifier", "X509v3 Subject Key Identifier",
        "Subject: CN=gpu-7,OU=\(role.rawValue),O=c1", "ASN1 OID: prime256v1",
      ] {
        #expect(text.contains(words), "\(words) not in \(text)")
      }
      let key = try OpenSSLCommand.run(["pkey", "-in", files.keyPath(role, "gpu-7"), "-pubout"])
      let inside = try OpenSSLCommand.run(["x509", "-in", path, "-noout", "-pubkey"])
      #expect(key.output == inside.output && key.output.contains("PUBLIC KEY"))
    }
  }
}
