import BelfryIdentity
import Foundation
import Testing

/// Key and certificate change together, whatever happens between the two files; a join that was broken
/// off goes on with its key.
@Suite struct RenewalFilesTests {
  let authority: CertificateAuthority

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
  }

  private func identity() throws -> Identity {
    try authority.issue(.worker, "w1", validFor: .seconds(600))
  }

  @Test func aRenewalReplacesAll() throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      try files.write(identity())
      let new = try identity()
      try files.replace(with: new)
      let read = try files.read()
      #expect(read.certificatePEM == new.certificatePEM && read.keyPEM == new.keyPEM)
      let left = try FileManager.default.contentsOfDirectory(atPath: files.folder).sorted()
      #expect(left == ["ca.pem", "identity.key", "identity.pem"])
      let mode = try FileManager.default.attributesOfItem(atPath: files.keyPath)[.posixPermissions]
      #expect(mode as? Int == 0o600)
    }
  }

  /// A crash right after the one write that decides, and one between the two files.
  @Test(arguments: [false, true]) func aRenewalThatWasCutShortGoesOn(_ keyIsNew: Bool) throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      try files.write(identity())
      let new = try identity()
      try (new.keyPEM + new.certificatePEM).write(
        toFile: files.folder + "/renewed.pem", atomically: true, encoding: .utf8)
      if keyIsNew { try new.keyPEM.write(toFile: files.keyPath, atomically: true, encoding: .utf8) }
      #expect(try files.read().certificatePEM == new.certificatePEM)
      #expect(!FileManager.default.fileExists(atPath: files.folder + "/renewed.pem"))
      #expect(try files.read().keyPEM == new.keyPEM)
    }
  }

  /// What was issued anew is not undone by what the old one had begun; what is refused ends nothing.
  @Test func aNewIdentityEndsTheRenewalOfTheOld() throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      try files.write(identity())
      let renewed = try identity()
      let path = files.folder + "/renewed.pem"
      try (renewed.keyPEM + renewed.certificatePEM).write(
        toFile: path, atomically: true, encoding: .utf8)
      let new = try identity()
      #expect(throws: IdentityError.self) { try files.write(new) }
      #expect(FileManager.default.fileExists(atPath: path))
      try files.write(new, replacing: true)
      #expect(try files.read().certificatePEM == new.certificatePEM)
    }
  }

  @Test func theKeyOfAJoinIsTheSameUntilItIsDone() throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      let first = try files.joiningKey().pem()
      #expect(try files.joiningKey().pem() == first)
      let mode = try FileManager.default.attributesOfItem(atPath: files.joiningKeyPath)[
        .posixPermissions]
      #expect(mode as? Int == 0o600)
      files.forgetJoiningKey()
      #expect(try files.joiningKey().pem() != first)
    }
  }

  /// Killed between two files: what is there is our own, and the next try goes over it.
  @Test(arguments: 1...4) func aJoinThatWasKilledIsSimplyBegunAgain(_ written: Int) throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      let all = [files.keyPath, files.nodePath, files.certificatePath, files.authorityPath]
      let identity = try identity()
      try files.write(identity, node: "{}")
      for path in all[written...] { try FileManager.default.removeItem(atPath: path) }
      if written < 4 { #expect(throws: IdentityError.self) { try files.read() } }
      let again = try authority.issue(.worker, "w1", validFor: .seconds(60))
      #expect(throws: IdentityError.self) { try files.write(again, node: "{}") }
      try files.write(identity, node: "{}")
      #expect(try files.read().certificatePEM == identity.certificatePEM)
      #expect(try files.node() == "{}")
    }
  }

  @Test func aSignatureShowsWhoHasTheKey() throws {
    let identity = try identity()
    let bytes = RenewalProof.bytes(binding: Array(0..<32), requestPEM: "request")
    let signature = try KeyPair(pem: identity.keyPEM).sign(bytes)
    #expect(
      try authority.verify(identity.certificatePEM, signature: signature, over: bytes).id
        == identity.id)
    let others = [
      RenewalProof.bytes(binding: Array(1..<33), requestPEM: "request"),
      RenewalProof.bytes(binding: Array(0..<32), requestPEM: "another"),
    ]
    for other in others {
      #expect(throws: IdentityError.self) {
        try authority.verify(identity.certificatePEM, signature: signature, over: other)
      }
    }
    let thief = try KeyPair.generate().sign(bytes)
    let foreign = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
    #expect(throws: IdentityError.self) {
      try authority.verify(identity.certificatePEM, signature: thief, over: bytes)
    }
    #expect(throws: IdentityError.self) {
      try foreign.verify(identity.certificatePEM, signature: signature, over: bytes)
    }
  }
}
