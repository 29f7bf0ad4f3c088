import BelfryCore
import Testing

/// A coordinator that workers miss, and that writes nothing either, is lost within two seconds; neither
/// alone is a loss.
@Suite struct CoordinatorMissedTests {
  private static let (own, other) = (NodeName(trusted: "c1"), NodeName(trusted: "c2"))
  private static let boot = BootID(high: 1 << 16, low: 0)
  private static let presence = QueueTopology.presence(of: boot)

  private static func record(
    _ version: Int, _ state: CoordinatorRecord.State = .up, isPresent: Bool = false
  ) -> StoredRecord {
    var record = CoordinatorRecord(
      name: other, boot: boot, state: state, since: WallTime(milliseconds: 0))
    record.isPresent = isPresent
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

    var missesCoordinator: Bool { scene.core.missesCoordinator(at: scene.now.monotonic) }

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
    #expect(scene.state == "up" && !scene.missesCoordinator)
    _ = scene.says(1, hears: [Self.own, Self.other])
    #expect(scene.says(1, hears: [Self.own], misses: [Self.other]).healthChanged)
    #expect(scene.says(2, hears: [Self.own], misses: [Self.other]).healthChanged)
    #expect(!scene.says(2, hears: [Self.own], misses: [Self.other]).healthChanged)
    #expect(scene.state == "suspect" && scene.missesCoordinator)
    let picture = scene.scene.core.health(at: scene.scene.now)
    #expect(picture.pendingAlerts.map(\.id.description) == ["coordinator-lost/c2"])
    #expect(scene.reads(after: 1_000) == [])
    #expect(scene.reads(after: 500) == ["coordinator-lost/c2 firing"])
    #expect(scene.state == "lost" && !scene.missesCoordinator)
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

  // MARK: what the broker says

  /// Both workers miss c2, which had a queue of its own; the commands of the first look at its record.
  private static func missing() -> (Scene, asks: [QueueCommand]) {
    var scene = Scene()
    scene.scene.feed(.coordinatorsRead([record(3, isPresent: true)]))
    _ = scene.says(1, misses: [other])
    return (scene, scene.scene.feed(.coordinatorsRead([record(3, isPresent: true)])).commands)
  }

  @Test("missed, and the broker has no connection of it: lost at the next look at its record")
  func brokerLacks() {
    let (scene, asks) = Self.missing()
    #expect(asks == [.measure([Self.presence])])
    #expect(scene.state == "suspect")
    scene.scene.feed(.queue(.absent(queue: Self.presence)))
    #expect(scene.state == "suspect", "it may just have written that it leaves")
    let next = scene.scene.feed(.coordinatorsRead([Self.record(3, isPresent: true)]), after: 100)
    #expect(next.alerts.map { "\($0.id) \($0.state)" } == ["coordinator-lost/c2 firing"])
    #expect(next.alerts.first?.why.contains("and RabbitMQ its connection") == true)
    #expect(scene.state == "lost")
  }

  @Test("the broker has a connection of it, or is not asked, or it leaves: not lost")
  func brokerKnows() {
    let (connected, _) = Self.missing()
    connected.scene.feed(.queue(.depth(queue: Self.presence, ready: 0)))
    let again = connected.scene.feed(
      .coordinatorsRead([Self.record(3, isPresent: true)]), after: 100)
    #expect(again.commands == [.measure([Self.presence])] && again.alerts.isEmpty)

    let (writing, _) = Self.missing()
    writing.scene.feed(.queue(.absent(queue: Self.presence)))
    let change = writing.scene.feed(
      .coordinatorsRead([Self.record(4, isPresent: true)]), after: 100)
    #expect(change.alerts.isEmpty, "it lives: what the broker said is from before")
    let after = writing.scene.feed(.coordinatorsRead([Self.record(4, isPresent: true)]), after: 100)
    #expect(after.alerts.isEmpty && writing.state == "suspect")

    let (leaving, _) = Self.missing()
    leaving.scene.feed(.queue(.absent(queue: Self.presence)))
    #expect(leaving.scene.feed(.coordinatorsRead([Self.record(4, .left)]), after: 100).alerts == [])
    #expect(leaving.state == "left")

    var without = Scene()
    _ = without.says(1, misses: [Self.other])
    let read = without.scene.feed(.coordinatorsRead([Self.record(2)]), after: 100)
    #expect(read.commands == [], "one that never had such a queue is not asked for it")
    without.scene.feed(.queue(.absent(queue: Self.presence)))

    // Of a question that was asked before it wrote.
    let (late, _) = Self.missing()
    late.scene.feed(.coordinatorsRead([Self.record(4, isPresent: true)]), after: 100)
    late.scene.feed(.queue(.absent(queue: Self.presence)))
    let next = late.scene.feed(.coordinatorsRead([Self.record(4, isPresent: true)]), after: 100)
    #expect(next.alerts == [] && next.commands == [.measure([Self.presence])])
  }

  @Test("nobody misses it: what the broker lacks is no loss, not later either")
  func onlyTheBroker() {
    var (scene, _) = Self.missing()
    scene.scene.feed(.queue(.absent(queue: Self.presence)))
    _ = scene.says(1, hears: [Self.other])
    #expect(scene.scene.feed(.coordinatorsRead([Self.record(3, isPresent: true)])).alerts == [])
    _ = scene.says(1, misses: [Self.other])
    #expect(scene.scene.feed(.coordinatorsRead([Self.record(3, isPresent: true)])).alerts == [])
    #expect(scene.state == "suspect")
  }

  @Test("one that is missed and lives is looked at often for a while only")
  func looks() {
    let (scene, _) = Self.missing()
    #expect(scene.missesCoordinator)
    scene.scene.feed(.coordinatorsRead([Self.record(4)]), after: 1_000)
    #expect(scene.missesCoordinator)
    scene.scene.feed(.coordinatorsRead([Self.record(5, isPresent: true)]), after: 2_000)
    #expect(!scene.missesCoordinator && scene.state == "suspect")
    let later = scene.scene.feed(.coordinatorsRead([Self.record(5, isPresent: true)]), after: 100)
    #expect(later.commands == [], "nor is the broker asked for ever")
  }

  @Test("a coordinator says that it has such a queue while the broker says so")
  func ownPresence() {
    let scene = ClusterScene("c1")
    scene.begin(worker: "w0", session: 1)
    let own = QueueTopology.presence(of: scene.core.configuration.boot)
    let asked = scene.feed(.tick, after: 2_000).commands
    #expect(
      asked.contains { if case .measure(let queues) = $0 { queues.last == own } else { false } })
    #expect(!scene.core.record(at: scene.now).isPresent)
    scene.feed(.queue(.depth(queue: own, ready: 0)))
    #expect(scene.core.record(at: scene.now).isPresent)
    scene.feed(.queue(.absent(queue: own)))
    #expect(!scene.core.record(at: scene.now).isPresent)
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
    #expect(Self.heartbeat(core.step(.tick, at: Self.now(150))) == nil)
    let missing = Self.heartbeat(core.step(.disconnected(SessionID(1)), at: Self.now(200)))
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
