import BelfryIdentity
import Foundation
import Testing

@Suite struct IdentityFilesTests {
  let authority: CertificateAuthority

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(86_400))
  }

  @Test func keysAreForTheirOwnerOnly() throws {
    try withFolder { files in
      try files.write(authority)
      try files.write(authority.issue(.worker, "w1", validFor: .seconds(60)))
      #expect(try mode(files.folder) == 0o700)
      #expect(try mode(files.authorityKeyPath) == 0o600)
      #expect(try mode(files.keyPath(.worker, "w1")) == 0o600)
      #expect(try mode(files.authorityCertificatePath) == 0o644)
      let names = try FileManager.default.contentsOfDirectory(atPath: files.folder).sorted()
      #expect(names == ["ca.key", "ca.pem", "worker-w1.key", "worker-w1.pem"])
    }
  }

  @Test func nothingIsReplacedUnasked() throws {
    try withFolder { files in
      try files.write(authority)
      try files.write(authority.issue(.worker, "w1", validFor: .seconds(60)))
      let paths = [
        files.authorityCertificatePath, files.authorityKeyPath,
        files.certificatePath(.worker, "w1"), files.keyPath(.worker, "w1"),
      ]
      let before = try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
      let other = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(60))
      let refused = #expect(throws: IdentityError.self) { try files.write(other) }
      #expect(refused?.code == .alreadyExists)
      #expect(refused?.message.contains(files.authorityKeyPath) == true)
      let again = try authority.issue(.worker, "w1", validFor: .seconds(60))
      #expect(throws: IdentityError.self) { try files.write(again) }
      #expect(try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } == before)

      try files.write(again, replacing: true)
      let now = try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
      #expect(now[0] == before[0] && now[1] == before[1])
      #expect(now[2] == Data(again.certificatePEM.utf8) && now[3] == Data(again.keyPEM.utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: files.folder).count == 4)
    }
  }

  @Test func keptAuthorityIssuesOn() throws {
    try withFolder { files in
      try files.write(authority)
      let kept = try files.readAuthority()
      #expect(kept.cluster == "c1" && kept.certificatePEM == authority.certificatePEM)
      try files.write(kept.issue(.coordinator, "a", validFor: .seconds(60)))
      let verified = try OpenSSLCommand.verify(
        files.certificatePath(.coordinator, "a"), ca: files.authorityCertificatePath,
        purpose: "sslserver")
      #expect(verified.status == 0, "\(verified.output)")
    }
  }
}
