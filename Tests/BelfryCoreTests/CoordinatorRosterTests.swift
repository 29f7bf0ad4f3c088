import BelfryCore
import Testing

/// Coordinators as they see each other by what each writes of itself.
@Suite struct CoordinatorRosterTests {
  private static let (own, other) = (NodeName(trusted: "c1"), NodeName(trusted: "c2"))

  private static func now(_ seconds: Double, wallAhead: Duration = .zero) -> Now {
    Now(
      monotonic: Instant(nanoseconds: Int64(seconds * 1_000_000_000)),
      wall: WallTime(milliseconds: Int64(seconds * 1_000)) + wallAhead)
  }

  private static func record(
    _ version: Int, _ state: CoordinatorRecord.State = .up, boot: UInt64 = 1,
    name: NodeName = other, _ change: (inout CoordinatorRecord) -> Void = { _ in }
  ) -> StoredRecord {
    var record = CoordinatorRecord(
      name: name, boot: BootID(high: boot << 16, low: 0), state: state,
      since: WallTime(milliseconds: 0))
    record.addresses = ["https://10.0.0.2:7443"]
    change(&record)
    return record.stored(version: version, at: WallTime(milliseconds: 0))
  }

  /// A roster that has seen c2 write.
  private static func seen(at seconds: Double = 2) -> CoordinatorRoster {
    var roster = CoordinatorRoster()
    _ = roster.read([record(1), record(1, name: own)], own: own, at: now(0))
    _ = roster.read([record(2)], own: own, at: now(seconds))
    return roster
  }

  @Test("behind a write for which the store took a second, nobody is judged by what is read")
  func slowStore() {
    #expect(CoordinatorRoster.isWorthReading(afterWriteOf: .milliseconds(999)))
    #expect(!CoordinatorRoster.isWorthReading(afterWriteOf: .seconds(1)))
  }

  @Test("a record says again all that was put into it")
  func roundTrip() {
    var record = CoordinatorRecord(
      name: Self.own, boot: BootID(high: 7, low: 9), state: .draining,
      since: WallTime(milliseconds: 5))
    record.addresses = ["https://a:1", "https://[::1]:2"]
    record.lanes = [.default, Lane(trusted: "reports")]
    record.software = "belfry 1"
    record.trouble = "RabbitMQ: connection refused"
    record.certificateExpires = WallTime(milliseconds: 77)
    record.isPresent = true
    #expect(
      CoordinatorRecord(record.stored(version: 3, at: WallTime(milliseconds: 1))) == record)
    #expect(
      CoordinatorRecord(
        StoredRecord(.coordinators, id: "c1", writtenAt: WallTime(milliseconds: 0), fields: [:]))
        == nil)
  }

  @Test(
    "one that writes on is up, one that falls silent is lost once, one that writes again is back")
  func lost() {
    var roster = Self.seen()
    #expect(roster.names == [Self.other], "its own record is no other's")
    #expect(roster[Self.other]?.standing == .up)
    for seconds in [4.0, 6, 8] {
      #expect(roster.read([Self.record(2)], own: Self.own, at: Self.now(seconds)) == [])
    }
    let changes = roster.read([Self.record(2)], own: Self.own, at: Self.now(10))
    guard case .lost(Self.other, let why) = changes.first else {
      Issue.record("\(changes)")
      return
    }
    #expect(why.contains("8.0 s"))
    #expect(roster.read([Self.record(2)], own: Self.own, at: Self.now(12)) == [])
    let back = roster.read([Self.record(1, boot: 2)], own: Self.own, at: Self.now(14))
    #expect(back == [.came(Self.other)])
    #expect(roster[Self.other]?.standing == .up)
  }

  @Test("what lies in the store from before is nobody's sign of life")
  func stale() {
    var roster = CoordinatorRoster()
    let stale = [Self.record(9)]
    #expect(roster.read(stale, own: Self.own, at: Self.now(0)) == [.told(Self.other)])
    for seconds in [2.0, 4, 6] { _ = roster.read(stale, own: Self.own, at: Self.now(seconds)) }
    let changes = roster.read(stale, own: Self.own, at: Self.now(8))
    guard case .lost = changes.first else {
      Issue.record("\(changes)")
      return
    }
  }

  @Test("who leaves as planned is not missed, whether it could say its last word or not")
  func planned() {
    var roster = Self.seen()
    let draining = [Self.record(3, .draining)]
    #expect(roster.read(draining, own: Self.own, at: Self.now(4)) == [.leaves(Self.other)])
    #expect(roster[Self.other]?.standing == .draining)
    for seconds in [6.0, 8, 10] {
      #expect(roster.read(draining, own: Self.own, at: Self.now(seconds)) == [])
    }
    #expect(roster.read(draining, own: Self.own, at: Self.now(12)) == [.leaves(Self.other)])
    #expect(roster[Self.other]?.standing == .left)
    var polite = Self.seen()
    let left = [Self.record(3, .left)]
    _ = polite.read(left, own: Self.own, at: Self.now(4))
    for seconds in stride(from: 6.0, through: 60, by: 2) {
      #expect(polite.read(left, own: Self.own, at: Self.now(seconds)) == [])
    }
    #expect(polite[Self.other]?.standing == .left)
  }

  @Test("time in which the reader did not read is nobody's silence")
  func blind() {
    var roster = Self.seen()
    // Stopped, or without the store, for twenty seconds.
    #expect(roster.read([Self.record(2)], own: Self.own, at: Self.now(22)) == [])
    for seconds in [24.0, 26, 28] {
      #expect(roster.read([Self.record(2)], own: Self.own, at: Self.now(seconds)) == [])
    }
    let changes = roster.read([Self.record(2)], own: Self.own, at: Self.now(30))
    guard case .lost = changes.first else {
      Issue.record("\(changes)")
      return
    }
  }

  @Test("no wall clock that jumps loses anybody")
  func wallClock() {
    var roster = Self.seen()
    for (number, hours) in [1, -1, 3, 0].enumerated() {
      let now = Self.now(4 + Double(number) * 2, wallAhead: .seconds(hours * 3_600))
      let record = [Self.record(3 + number)]
      #expect(roster.read(record, own: Self.own, at: now) == [])
      let later = Self.now(5 + Double(number) * 2, wallAhead: .seconds(hours * 3_600))
      #expect(roster.read(record, own: Self.own, at: later) == [])
    }
  }

  @Test("one whose record is gone is forgotten")
  func forgotten() {
    var roster = Self.seen()
    #expect(roster.read([], own: Self.own, at: Self.now(4)) == [.forgotten(Self.other)])
    #expect(roster.names.isEmpty)
    let old = Self.record(1)
    #expect(!CoordinatorRecord.isToBePurged(old, at: WallTime(milliseconds: 599_999)))
    #expect(CoordinatorRecord.isToBePurged(old, at: WallTime(milliseconds: 600_000)))
  }

  // MARK: in the core

  @Test("a lost coordinator is one alert, and the health says why; its return ends it")
  func alert() {
    let scene = ClusterScene("c1") {
      $0.addresses = ["https://10.0.0.1:7443"]
    }
    scene.begin()
    scene.feed(.storeAnswered(nil))
    scene.feed(.tick)
    let first = scene.feed(.coordinatorsRead([Self.record(1)]))
    // What another said of us before we started is over.
    #expect(
      first.alerts.map(\.subject) == ["c1"] && first.alerts.allSatisfy { $0.state == .resolved })
    var alerts = scene.feed(.coordinatorsRead([Self.record(2)]), after: 2_000).alerts
    for _ in 0..<6 {
      alerts += scene.feed(.coordinatorsRead([Self.record(2)]), after: 2_000).alerts
    }
    let fired = alerts.filter { $0.state == .firing }
    #expect(fired.map(\.rule) == ["coordinator-lost"] && fired.map(\.subject) == ["c2"])
    let picture = scene.core.health(at: scene.now)
    let node = picture.nodes.first { $0.name == "c2" }
    #expect(node?.state == "lost" && node?.role == "coordinator" && node?.reason.isEmpty == false)
    #expect(picture.nodes.first?.name == "c1", "the one that is asked comes first")
    #expect(picture.verdict.contains("coordinator c2 is lost"))
    let back = scene.feed(.coordinatorsRead([Self.record(3)]), after: 2_000)
    #expect(back.alerts.map(\.state) == [.resolved])
    #expect(scene.core.health(at: scene.now).verdict.contains("c2") == false)
  }

  @Test("workers are told of all coordinators, at their welcome and when it changes")
  func told() {
    let scene = ClusterScene("c1") { $0.addresses = ["https://10.0.0.1:7443"] }
    func told(_ ready: Ready) -> [[String]] {
      ready.sends.compactMap {
        if case .coordinators(let list) = $0.message { list.map(\.name.text) } else { nil }
      }
    }
    scene.begin()
    #expect(told(scene.feed(.coordinatorsRead([]))) == [["c1"]])
    #expect(told(scene.feed(.coordinatorsRead([Self.record(1)]), after: 2_000)) == [["c1", "c2"]])
    #expect(told(scene.feed(.coordinatorsRead([Self.record(2)]), after: 2_000)) == [])
    let hello = Hello(
      worker: NodeName(trusted: "w1"), boot: ClusterScene.boot(1), slots: 1, kinds: [])
    let opened = scene.feed(.sessionOpened(SessionID(7), hello, from: "10.0.0.3"))
    #expect(told(opened) == [["c1", "c2"]])
    let left = [Self.record(3, .left)]
    #expect(told(scene.feed(.coordinatorsRead(left), after: 2_000)) == [["c1"], ["c1"]])
  }
}
