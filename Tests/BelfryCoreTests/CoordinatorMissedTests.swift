import BelfryCore
import Testing

/// A coordinator that workers miss, and that writes nothing either, is lost within two seconds; neither
/// alone is a loss.
@Suite struct CoordinatorMissedTests {
  private static let (own, other) = (NodeName(trusted: "c1"), NodeName(trusted: "c2"))

  private static func record(
    _ version: Int, _ state: CoordinatorRecord.State = .up
  ) -> StoredRecord {
    let record = CoordinatorRecord(
      name: other, boot: BootID(high: 1 << 16, low: 0), state: state,
      since: WallTime(milliseconds: 0))
    return record.stored(version: version, at: WallTime(milliseconds: 0))
  }

  // MARK: the roster

  private static func now(_ milliseconds: Int64) -> Now {
    Now(
      monotonic: Instant(nanoseconds: milliseconds * 1_000_000),
      wall: WallTime(milliseconds: milliseconds))
  }

  private static func roster(_ state: CoordinatorRecord.State = .up) -> CoordinatorRoster {
    var roster = CoordinatorRoster()
    _ = roster.read([record(1)], own: own, at: now(0))
    _ = roster.read([record(2, state)], own: own, at: now(1_000))
    return roster
  }

  @Test("missed and silent for a record's time: lost; missed and writing, or silent alone: not")
  func both() {
    var missed = Self.roster()
    #expect(
      missed.read([Self.record(2)], own: Self.own, missed: { _ in true }, at: Self.now(2_300))
        == [])
    let changes = missed.read(
      [Self.record(2)], own: Self.own, missed: { $0 == Self.other }, at: Self.now(2_400))
    guard case .lost(Self.other, let why) = changes.first else {
      Issue.record("\(changes)")
      return
    }
    #expect(why.contains("workers") && why.contains("1.4 s"))
    var silent = Self.roster()
    var writing = Self.roster()
    for step in 1...6 {
      let now = Self.now(1_000 + Int64(step) * 1_000)
      #expect(
        silent.read([Self.record(2)], own: Self.own, missed: { $0 == Self.own }, at: now) == [])
      #expect(
        writing.read([Self.record(2 + step)], own: Self.own, missed: { _ in true }, at: now) == [])
    }
  }

  @Test("one that said it goes is missed by nobody")
  func planned() {
    var roster = Self.roster(.draining)
    for step in 1...6 {
      let now = Self.now(1_000 + Int64(step) * 1_000)
      #expect(
        roster.read([Self.record(2, .draining)], own: Self.own, missed: { _ in true }, at: now)
          == [])
    }
    #expect(roster[Self.other]?.standing == .draining)
  }

  @Test("a reader that slept saw nobody fall silent")
  func slept() {
    var roster = Self.roster()
    #expect(
      roster.read([Self.record(2)], own: Self.own, missed: { _ in true }, at: Self.now(5_000)) == []
    )
    #expect(
      roster.read([Self.record(2)], own: Self.own, missed: { _ in true }, at: Self.now(6_300)) == []
    )
  }

  // MARK: the coordinator

  private struct Scene {
    let scene = ClusterScene("c1")
    private var beats: UInt64 = 0

    init() {
      scene.begin(worker: "w0", session: 1)
      scene.join("w1", session: 2)
      scene.feed(.coordinatorsRead([record(1)]))
      scene.feed(.coordinatorsRead([record(2)]))
    }

    mutating func says(
      _ session: UInt64, hears: [NodeName] = [], misses: [NodeName] = []
    ) -> Ready {
      beats += 1
      return scene.said(
        session, .heartbeat(Heartbeat(sequence: beats, hears: hears, misses: misses)))
    }

    var state: String? { scene.core.health(at: scene.now).nodes.first { $0.name == "c2" }?.state }

    /// The other's record as it was, read again.
    func reads(after milliseconds: Int64) -> [String] {
      scene.feed(.coordinatorsRead([record(2)]), after: milliseconds).alerts
        .map { "\($0.id) \($0.state)" }
    }
  }

  @Test(
    "when its workers miss it, it is suspect; when it does not write, lost, and back when it does")
  func lost() {
    var scene = Scene()
    #expect(scene.state == "up" && !scene.scene.core.missesCoordinator)
    _ = scene.says(1, hears: [Self.own, Self.other])
    #expect(scene.says(1, hears: [Self.own], misses: [Self.other]).healthChanged)
    #expect(scene.says(2, hears: [Self.own], misses: [Self.other]).healthChanged)
    #expect(!scene.says(2, hears: [Self.own], misses: [Self.other]).healthChanged)
    #expect(scene.state == "suspect" && scene.scene.core.missesCoordinator)
    let picture = scene.scene.core.health(at: scene.scene.now)
    #expect(picture.pendingAlerts.map(\.id.description) == ["coordinator-lost/c2"])
    #expect(scene.reads(after: 1_000) == [])
    #expect(scene.reads(after: 500) == ["coordinator-lost/c2 firing"])
    #expect(scene.state == "lost" && !scene.scene.core.missesCoordinator)
    let back = scene.scene.feed(.coordinatorsRead([Self.record(3)]), after: 100)
    #expect(back.alerts.map(\.state) == [.resolved])
    #expect(scene.state == "suspect", "it writes, and its workers have not come back yet")
  }

  @Test("one worker that hears it is enough; what one said that is gone itself is no word")
  func heardBySome() {
    var scene = Scene()
    _ = scene.says(1, misses: [Self.other])
    _ = scene.says(2, hears: [Self.other])
    #expect(scene.state == "up" && scene.reads(after: 3_000) == [])
    scene.scene.feed(.sessionClosed(SessionID(2), why: "connection lost"))
    #expect(scene.state == "suspect")
    scene.scene.join("w0", session: 3)
    #expect(scene.state == "up", "in a new session it has said nothing yet")
    #expect(scene.reads(after: 1_000) == [])
  }

  // MARK: the worker

  private static func core() -> WorkerCore {
    var configuration = WorkerCore.Configuration(
      name: NodeName(trusted: "w1"), boot: BootID(high: 1, low: 1), slots: 1, kinds: [])
    configuration.coordinators = ["a:1", "b:1", "d:1"]
    return WorkerCore(configuration)
  }

  private static func heartbeat(_ ready: WorkerCore.Ready) -> Heartbeat? {
    for case .heartbeat(let heartbeat) in ready.sends.map(\.message) { return heartbeat }
    return nil
  }

  @Test(
    "a worker says at once whom it has lost, and until it has them again; never whom it did not know"
  )
  func says() {
    var core = Self.core()
    for (number, (address, name)) in [("a:1", Self.own), ("b:1", Self.other)].enumerated() {
      let id = SessionID(UInt64(number))
      _ = core.step(.connected(id, coordinator: address), at: Self.now(0))
      _ = core.step(
        .received(id, [.welcome(Welcome(coordinator: name, boot: BootID(high: 2, low: 2)))]),
        at: Self.now(0))
    }
    // One that it is told of and does not reach.
    let told = CoordinatorAddress(
      name: NodeName(trusted: "c3"), addresses: ["https://e:1"])
    _ = core.step(.remembered([told]), at: Self.now(0))
    let first = Self.heartbeat(core.step(.tick, at: Self.now(100)))
    #expect(first?.hears == [Self.own, Self.other] && first?.misses == [])
    _ = core.step(.disconnected(SessionID(1)), at: Self.now(110))
    let missing = Self.heartbeat(core.step(.tick, at: Self.now(200)))
    #expect(missing?.hears == [Self.own] && missing?.misses == [Self.other])
    _ = core.step(.connected(SessionID(2), coordinator: "b:1"), at: Self.now(210))
    let asking = Self.heartbeat(core.step(.tick, at: Self.now(700)))
    #expect(asking?.misses == [Self.other], "it is not welcome yet")
    _ = core.step(
      .received(
        SessionID(2), [.welcome(Welcome(coordinator: Self.other, boot: BootID(high: 3, low: 3)))]),
      at: Self.now(710))
    let back = Self.heartbeat(core.step(.tick, at: Self.now(1_200)))
    #expect(back?.hears == [Self.own, Self.other] && back?.misses == [])
  }
}
