import BelfryCoordinator
import BelfryCore
import BelfryNet
import BelfryTestKit
import Logging
import Testing

/// What a coordinator knows of nodes, however late, damaged or forward what it reads is.
@Suite struct NodeDirectoryTests {
  let directory = NodeDirectory()

  private func at(_ seconds: Int64) -> WallTime { WallTime(milliseconds: seconds * 1_000) }

  private func record(
    _ version: Int, serial: String, _ state: NodeRecord.State = .member, written: Int64 = 0,
    _ change: (inout NodeRecord) -> Void = { _ in }
  ) throws -> StoredRecord {
    var node = NodeRecord(
      name: try #require(NodeName("w1")), role: "worker", serial: serial,
      certificateExpires: at(1_000), joined: at(0))
    node.state = state
    node.lastEnd = at(1_000)
    change(&node)
    return node.stored(version: version, at: at(written))
  }

  private func isRefused(
    _ serial: String, _ role: PeerIdentity.Role = .worker, name: String = "w1"
  ) -> Bool {
    directory.refusal(peer(serial, role, name: name), at: at(1)) != nil
  }

  private func peer(
    _ serial: String, _ role: PeerIdentity.Role = .worker, name: String = "w1"
  ) -> PeerIdentity {
    PeerIdentity(cluster: "test", role: role, name: name, notAfter: 1_000, serial: serial)
  }

  @Test func anAnswerThatComesLateChangesNothing() throws {
    directory.take([try record(3, serial: "C", .revoked)], at: at(1))
    directory.take([try record(2, serial: "B")], at: at(1))
    #expect(isRefused("C") && isRefused("B"), "the revoked stays so")
    directory.take([try record(4, serial: "D")], at: at(1))
    directory.take([try record(4, serial: "E")], at: at(1))
    #expect(!isRefused("D") && isRefused("E"))
  }

  @Test func anotherRolesNameIsNotItsOwn() throws {
    directory.take([try record(1, serial: "A")], at: at(1))
    #expect(isRefused("X") && !isRefused("X", .operator) && !isRefused("X", name: "w2"))
    directory.take([try record(2, serial: "A", .removed)], at: at(1))
    #expect(isRefused("A") && !isRefused("X", .operator))
    directory.take([try record(3, serial: "A", .revoked)], at: at(1))
    #expect(isRefused("X", .operator))
  }

  @Test func whatCannotBeReadIsRefused() throws {
    var damaged = try record(2, serial: "A")
    damaged.fields["joined"] = nil
    directory.take([damaged], at: at(1))
    #expect(isRefused("A") && !isRefused("A", name: "w2"))
    directory.take([try record(3, serial: "A")], at: at(1))
    #expect(!isRefused("A"), "mended")
  }

  @Test func aRemovedNameMayBeginAnew() throws {
    directory.take([try record(7, serial: "A", .removed)], at: at(1))
    directory.take([try record(8, serial: "A", .removed)], at: at(1_001))
    directory.take([try record(1, serial: "B")], at: at(1_002))
    #expect(!isRefused("B") && isRefused("A"), "its record was removed with all it counted")
  }

  /// Thrown out and let in anew between two polls: member before, and member after.
  @Test(.timeLimit(.minutes(1))) func eachChangeIsTold() async throws {
    directory.take([try record(1, serial: "A")], at: at(1))
    directory.take([try record(4, serial: "B")], at: at(1))
    directory.take([try record(3, serial: "X")], at: at(1))
    directory.take([try record(5, serial: "C")], at: at(1))
    var changes = directory.changed.makeAsyncIterator()
    for _ in 1...3 { #expect(await changes.next() == ["w1"]) }
    #expect(isRefused("A"))
  }

  @Test func aClockThatGoesAheadLeadsNobodyPastTheOthers() throws {
    let polling = DirectoryPolling(
      store: InMemoryStore(now: { WallTime(milliseconds: 0) }), directory: directory,
      logger: Logger(label: "test"))
    directory.take([try record(1, serial: "A", written: 3_600)], at: at(1))
    #expect(polling.since(at: at(100)) == at(40))
    #expect(polling.since(at: at(9_000)) == at(3_540))
  }

  @Test func theCertificateBeforeIsGoodNoMoreOnceTheNewOneWasUsed() async throws {
    let store = InMemoryStore(now: { WallTime(milliseconds: 0) })
    let changes = NodeChanges(store: store, directory: directory)
    let first = try record(1, serial: "B") { $0.previousSerial = "A" }
    #expect(await store.create(first) == true)
    directory.take([first], at: at(1))
    #expect(!isRefused("A") && !isRefused("B"))
    // It was renewed since this session was opened: its own certificate is the one before now.
    await changes.hasOpened(peer("A"), at: at(2))
    #expect(!isRefused("A") && !isRefused("B"))
    await changes.hasOpened(peer("B"), at: at(2))
    #expect(isRefused("A") && !isRefused("B"))
    let stored = try #require(try await store.record(.nodes, "w1").get())
    #expect(NodeRecord(stored)?.previousSerial == "")
  }

  @Test func nobodyWritesOverWhatCannotBeRead() async throws {
    let store = InMemoryStore(now: { WallTime(milliseconds: 0) })
    let changes = NodeChanges(store: store, directory: directory)
    let name = try #require(NodeName("w1"))
    var damaged = try record(1, serial: "A")
    damaged.fields["state"] = "of a newer Belfry"
    #expect(await store.create(damaged) == true)
    await #expect(throws: (any Error).self) {
      try await changes.change(name, at: at(1)) { node -> NodeRecord? in
        Issue.record("it is no node: \(String(describing: node))")
        return nil
      }
    }
    #expect(try await store.record(.nodes, "w1").get() == damaged)
  }

  /// In session with any coordinator is enough, and what is read from the store decides.
  @Test func ephemeralNodesAreForgottenByTheRecordsAlone() async throws {
    let store = InMemoryStore(now: { WallTime(milliseconds: 0) })
    let other = RecordKeeping(
      store: store, changes: NodeChanges(store: store, directory: NodeDirectory()),
      logger: Logger(label: "test"))
    let mine = RecordKeeping(
      store: store, changes: NodeChanges(store: store, directory: directory),
      logger: Logger(label: "test"))
    func state() async throws -> NodeRecord? {
      try await store.record(.nodes, "w1").get().flatMap(NodeRecord.init)
    }
    let first = try record(1, serial: "A") { ($0.isEphemeral, $0.lastEnd) = (true, at(9_999)) }
    #expect(await store.create(first) == true)
    directory.take([first], at: at(1))
    other.changes.directory.take([first], at: at(1))
    await other.round(inSession: ["w1"], at: at(500))
    #expect(try await state()?.seen == at(500))
    await mine.round(inSession: [], at: at(700))
    #expect(try await state()?.state == .member, "the other one has it, whatever we know")
    await mine.round(inSession: [], at: at(1_101))
    #expect(try await state()?.state == .removed)
    #expect(isRefused("A"))
  }

  @Test func whatHasHadItsTimeIsRemoved() async throws {
    let store = InMemoryStore(now: { WallTime(milliseconds: 0) })
    let keeping = RecordKeeping(
      store: store, changes: NodeChanges(store: store, directory: directory),
      logger: Logger(label: "test"))
    var others = [try record(9, serial: "A", .removed)]
    let token = TokenRecord(
      id: "t", secretHash: "00", name: nil, labels: [], uses: 1, expires: at(0), created: at(0),
      createdBy: "me", isEphemeral: false)
    others.append(token.stored(version: 1, at: at(0)))
    let silence = Silence(
      id: "s-1", match: try #require(AlertMatch("*")), by: "me", reason: "", made: at(0),
      ends: at(1_100))
    others.append(silence.stored(version: 1, at: at(0)))
    for item in others { #expect(await store.create(item) == true) }
    await keeping.purge(at: at(86_400))
    #expect(try await store.record(.nodes, "w1").get() != nil)
    await keeping.purge(at: at(87_401))
    #expect(try await store.record(.nodes, "w1").get() == nil)
    #expect(try await store.record(.tokens, "t").get() != nil)
    #expect(try await store.record(.silences, "s-1").get() != nil)
    await keeping.purge(at: at(2_592_001))
    #expect(try await store.record(.tokens, "t").get() == nil)
    #expect(try await store.record(.silences, "s-1").get() == nil)
  }

  /// It ends a coordinator: by nothing less than a revocation that can be read.
  @Test func aCoordinatorIsRevokedByItsNameAlone() throws {
    let name = try #require(NodeName("w1"))
    #expect(directory.revocation(of: name, at: at(1)) == nil)
    directory.take([try record(1, serial: "A")], at: at(1))
    #expect(directory.revocation(of: name, at: at(1)) == nil)
    for (version, role) in [(2, PeerIdentity.Role.worker.rawValue), (3, "")] {
      // A worker that had this name is another one.
      #expect(directory.revocation(of: name, at: at(1)) == nil)
      directory.take(
        [
          try record(version, serial: "A", .revoked) { node in
            node.role = role
            node.revokedBy = "operator me"
            node.reason = "key lost"
          }
        ], at: at(1))
    }
    let why = try #require(directory.revocation(of: name, at: at(1)))
    #expect(why.contains("operator me") && why.contains("key lost"))
    #expect(directory.revocation(of: try #require(NodeName("w2")), at: at(1)) == nil)
    directory.take(
      [StoredRecord(.nodes, id: "w1", version: 4, writtenAt: at(1), fields: ["state": "?"])],
      at: at(1))
    #expect(directory.revocation(of: name, at: at(1)) == nil)
  }
}
