import BelfryIdentity
import Foundation
import Synchronization
import Testing

@Suite struct FilesTests {
  let authority: CertificateAuthority

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(86_400))
  }

  func issued(_ name: String = "w1") throws -> Identity {
    try authority.issue(.worker, name, validFor: .seconds(60))
  }

  @Test func keysAreForTheirOwnerOnly() throws {
    try withFolder { files in
      try files.write(authority)
      let identity = files.identity(named: "w1")
      try identity.write(issued())
      #expect(try mode(files.folder) == 0o700 && mode(identity.folder) == 0o700)
      #expect(try mode(files.keyPath) == 0o600 && mode(identity.keyPath) == 0o600)
      #expect(try mode(files.certificatePath) == 0o644)
      #expect(try names(in: files.folder) == ["ca.key", "ca.pem", "w1"])
      #expect(try names(in: identity.folder) == ["ca.pem", "identity.key", "identity.pem"])
    }
  }

  /// A service that runs as another user reads, and renews, what root has put there for it.
  @Test(.enabled(if: geteuid() == 0, "only root can be another user"))
  func whatRootWritesIsTheFoldersOwners() throws {
    try withFolder { files in
      try files.write(authority)
      let identity = files.identity(named: "w1")
      try FileManager.default.createDirectory(
        atPath: identity.folder, withIntermediateDirectories: true,
        attributes: [.ownerAccountID: 65_534, .groupOwnerAccountID: 65_534])
      try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: files.folder)
      _ = try identity.joiningKey()
      try identity.write(issued(), node: "{}")
      try identity.replace(with: issued())
      for name in try names(in: identity.folder) {
        let path = identity.folder + "/" + name
        let of = try FileManager.default.attributesOfItem(atPath: path)
        #expect(of[.ownerAccountID] as? Int == 65_534, "\(name)")
        #expect(of[.groupOwnerAccountID] as? Int == 65_534, "\(name)")
      }
      #expect(try mode(identity.keyPath) == 0o600)
      // But not the CA's key, whoever has the folder.
      try files.write(authority, replacing: true)
      let key = try FileManager.default.attributesOfItem(atPath: files.keyPath)
      #expect(key[.ownerAccountID] as? Int == 0)
    }
  }

  @Test func nothingIsReplacedUnasked() throws {
    try withFolder { files in
      try files.write(authority)
      let identity = files.identity(named: "w1")
      try identity.write(issued())
      let before = try contents(files.folder)
      let other = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(60))
      let refused = #expect(throws: IdentityError.self) { try files.write(other) }
      #expect(refused?.code == .alreadyExists)
      #expect(refused?.message == "\(files.keyPath) is there already; it was not touched")
      let again = try issued()
      #expect(throws: IdentityError.self) { try identity.write(again) }
      #expect(try contents(files.folder) == before)

      // One file alone is enough to refuse, and then none of the others is made.
      try FileManager.default.removeItem(atPath: identity.keyPath)
      #expect(throws: IdentityError.self) { try identity.write(again) }
      #expect(try names(in: identity.folder) == ["ca.pem", "identity.pem"])

      try identity.write(again, replacing: true)
      #expect(try identity.read().keyPEM == again.keyPEM)
      #expect(try names(in: identity.folder) == ["ca.pem", "identity.key", "identity.pem"])
      #expect(try mode(identity.keyPath) == 0o600)
    }
  }

  @Test func ofManyWritersOneWins() throws {
    try withFolder { files in
      let identity = files.identity(named: "w1")
      let all = try (0..<8).map { _ in try issued() }
      let codes = Mutex<[IdentityError.Code?]>([])
      DispatchQueue.concurrentPerform(iterations: all.count) { index in
        var code: IdentityError.Code?
        do throws(IdentityError) { try identity.write(all[index]) } catch { code = error.code }
        codes.withLock { $0.append(code) }
      }
      #expect(codes.withLock { $0.count { $0 == nil } } == 1)
      #expect(codes.withLock { $0.count { $0 == .alreadyExists } } == 7)
      let kept = try identity.read()
      #expect(all.contains { $0.keyPEM == kept.keyPEM })
      #expect(try names(in: identity.folder).count == 3)
    }
  }

  @Test func keptAuthorityIssuesOn() throws {
    try withFolder { files in
      try files.write(authority)
      let kept = try files.read()
      #expect(kept.cluster == "c1" && kept.certificatePEM == authority.certificatePEM)
      let identity = files.identity(named: "a")
      try identity.write(kept.issue(.coordinator, "a", validFor: .seconds(60)))
      let verified = try OpenSSLCommand.verify(
        identity.certificatePath, ca: files.certificatePath, purpose: "sslserver")
      #expect(verified.status == 0, "\(verified.output)")
      #expect(try identity.read().id.description == "spiffe://c1/coordinator/a")
    }
  }

  @Test func errorsNameTheFileAndTheReason() throws {
    try withFolder { files in
      let absent = #expect(throws: IdentityError.self) { try files.read() }
      #expect(absent?.code == .notFound)
      #expect(absent?.message == "cannot open \(files.certificatePath): No such file or directory")

      try files.write(authority)
      let below = AuthorityFiles(folder: files.keyPath + "/deeper/")
      #expect(below.folder == files.keyPath + "/deeper")
      let refused = #expect(throws: IdentityError.self) { try below.write(authority) }
      #expect(refused?.code == .fileSystem)
      #expect(refused?.message.contains("\(below.folder): Not a directory") == true)

      try Data("nonsense".utf8).write(to: URL(fileURLWithPath: files.keyPath))
      let broken = #expect(throws: IdentityError.self) { try files.read() }
      #expect(broken?.code == .badKey)
      #expect(broken?.message.contains(files.keyPath) == true)

      try Data(count: 2 << 20).write(to: URL(fileURLWithPath: files.certificatePath))
      let huge = #expect(throws: IdentityError.self) { try files.read() }
      #expect(huge?.message.contains("over 1 MiB") == true)
    }
  }

  private func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// Every file below `folder` with its bytes.
  private func contents(_ folder: String) throws -> [String: Data] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder)
    return Dictionary(
      uniqueKeysWithValues: paths.compactMap { path in
        FileManager.default.contents(atPath: folder + "/" + path).map { (path, $0) }
      })
  }
}
