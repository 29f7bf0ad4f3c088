import BelfryIdentity
import Foundation
import Testing

/// Files that are replaced under a running process: what is there is used once it belongs together, is the same
/// node's and is good; till then what was used before.
@Suite struct ReplacedFilesTests {
  let authority: CertificateAuthority

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
  }

  private func identity(_ name: String = "w1") throws -> Identity {
    try authority.issue(.worker, name, validFor: .seconds(600))
  }

  private func put(_ text: String, _ path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test func isUsedOnceKeyAndCertificateMatch() throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      let (old, new) = (try identity(), try identity())
      try files.write(old)
      var watch = IdentityWatch(files, using: old)
      #expect(try watch.next() == nil)
      try put(new.keyPEM, files.keyPath)
      #expect(throws: IdentityError.self) { try watch.next() }
      try put(String(new.certificatePEM.prefix(200)), files.certificatePath)
      #expect(throws: IdentityError.self) { try watch.next() }
      try put(new.certificatePEM, files.certificatePath)
      let found = try #require(try watch.next())
      #expect(found.certificatePEM == new.certificatePEM)
      watch.uses(found)
      #expect(try watch.next() == nil)
    }
  }

  @Test func aCAThatIsAddedIsNoticed() throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      let old = try identity()
      try files.write(old)
      let watch = IdentityWatch(files, using: old)
      let other = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
      try put(old.authorityPEM + other.certificatePEM, files.authorityPath)
      #expect(try watch.next()?.authorityPEM == old.authorityPEM + other.certificatePEM)
      // Of a CA that the file does not name.
      let foreign = try other.issue(.worker, "w1", validFor: .seconds(600))
      try put(old.authorityPEM, files.authorityPath)
      try put(foreign.keyPEM, files.keyPath)
      try put(foreign.certificatePEM, files.certificatePath)
      #expect(throws: IdentityError.self) { try watch.next() }
    }
  }

  @Test func anothersNameAndAnEndedOneAreNotUsed() throws {
    try withFolder { folder in
      let files = folder.identity(named: "w1")
      let old = try identity()
      try files.write(old)
      let watch = IdentityWatch(files, using: old)
      try files.write(identity("w2"), replacing: true)
      #expect(try #require(throws: IdentityError.self) { try watch.next() }.code == .mismatch)
      let now = Validity.nowEpochSeconds()
      let ended = try authority.issue(
        .worker, "w1",
        validity: Validity(notBeforeEpochSeconds: now - 600, notAfterEpochSeconds: now - 60))
      try files.write(ended, replacing: true)
      #expect(try #require(throws: IdentityError.self) { try watch.next() }.code == .badValidity)
    }
  }
}

/// A renewal that fails.
@Suite struct RenewalTriesTests {
  private struct Full: Error {}

  let authority: CertificateAuthority

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
  }

  private func identity() throws -> Identity {
    try authority.issue(.worker, "w1", validFor: .seconds(600))
  }

  /// Each certificate that is given is one more that is good, and an alert of its own when the node was away.
  @Test func isAskedForOnceHoweverOftenItCannotBeWritten() async throws {
    let old = try identity()
    var tries = RenewalTries()
    var asked: [String] = []
    func ask(_ old: Identity) throws -> Identity {
      let new = try identity()
      asked.append(new.certificatePEM)
      return new
    }
    for _ in 0..<3 {
      await #expect(throws: Full.self) {
        try await tries.renew(old) {
          try ask($0)
        } keep: { _ in
          throw Full()
        }
      }
      tries.failed(at: .now, random: 0)
    }
    var kept = ""
    try await tries.renew(old) {
      try ask($0)
    } keep: {
      kept = $0.certificatePEM
    }
    #expect(asked.count == 1 && kept == asked.first)
    // What is asked for in the place of another one is another one.
    await #expect(throws: Full.self) {
      try await tries.renew(identity()) {
        try ask($0)
      } keep: { _ in
        throw Full()
      }
    }
    try await tries.renew(identity()) {
      try ask($0)
    } keep: {
      kept = $0.certificatePEM
    }
    #expect(asked.count == 3 && kept == asked.last)
  }

  @Test func isTriedMoreAndMoreSeldom() {
    let now = ContinuousClock.now
    var tries = RenewalTries()
    #expect(tries.isTime(at: now))
    for (random, pause) in [
      (0.0, 4.0), (1.0, 12), (0.5, 20), (0.5, 40), (0.5, 80), (0.5, 160), (0.5, 300), (0.5, 300),
    ] {
      tries.failed(at: now, random: random)
      #expect(
        !tries.isTime(at: now + .seconds(pause - 0.1))
          && tries.isTime(at: now + .seconds(pause + 0.1)), "\(pause)")
    }
  }

  @Test func whatNobodyCanGiveIsAskedForAgainInMinutes() {
    let now = ContinuousClock.now
    var tries = RenewalTries()
    tries.failed(at: now, isHopeless: true, random: 0)
    #expect(!tries.isTime(at: now + .seconds(239)) && tries.isTime(at: now + .seconds(241)))
  }
}
