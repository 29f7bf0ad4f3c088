import BelfryCore
import Testing

/// Which coordinators a worker keeps a link to.
@Suite struct LinkPlanTests {
  private static let (c1, c2) = (NodeName(trusted: "c1"), NodeName(trusted: "c2"))

  private static func at(_ name: NodeName, _ addresses: String...) -> CoordinatorAddress {
    CoordinatorAddress(name: name, addresses: addresses.map { "https://" + $0 })
  }

  private static let both = [at(c1, "a:1"), at(c2, "b:1", "b:2")]

  @Test("one that is told of is opened once, by all its addresses, and remembered")
  func learns() {
    var plan = LinkPlan(configured: ["a:1"])
    #expect(plan.welcomed("a:1", by: Self.c1) == [])
    #expect(plan.told(Self.both) == [.open(["b:1", "b:2"])])
    #expect(plan.told(Self.both) == [])
    #expect(plan.learned == [Self.at(Self.c2, "b:1", "b:2")])
    var next = LinkPlan(configured: ["a:1"])
    #expect(next.told(plan.learned) == [.open(["b:1", "b:2"])])
  }

  @Test("a coordinator known by another spelling of its address is not opened again")
  func spelling() {
    var plan = LinkPlan(configured: ["localhost:1"])
    _ = plan.welcomed("localhost:1", by: Self.c1)
    #expect(plan.told([Self.at(Self.c1, "127.0.0.1:1")]) == [])
    // Also while it is away: it comes back there.
    _ = plan.ended("localhost:1")
    #expect(plan.told([Self.at(Self.c1, "127.0.0.1:1")]) == [])
    #expect(plan.learned.isEmpty)
  }

  @Test("of two links to one coordinator the configured one stays, else the one that was there")
  func duplicates() {
    var plan = LinkPlan(configured: ["vip:1", "vip:2"])
    _ = plan.welcomed("vip:1", by: Self.c1)
    _ = plan.told(Self.both)
    #expect(plan.welcomed("b:1", by: Self.c2) == [])
    #expect(plan.welcomed("vip:2", by: Self.c2) == [.close("b:1")])
    #expect(plan.welcomed("vip:1", by: Self.c2) == [.close("vip:1")])
    #expect(plan.told(Self.both) == [.open(["a:1"])], "the other one has no link any more")
  }

  @Test("one that has left is given up, but not while it has a session")
  func forgets() {
    var plan = LinkPlan(configured: ["a:1"])
    _ = plan.welcomed("a:1", by: Self.c1)
    _ = plan.told(Self.both)
    _ = plan.welcomed("b:1", by: Self.c2)
    let alone = [Self.at(Self.c1, "a:1")]
    #expect(plan.told(alone) == [])
    #expect(plan.learned.map(\.name) == [Self.c2])
    #expect(plan.ended("b:1") == [.close("b:1")], "no list need come again")
    #expect(plan.told(alone) == [])
    #expect(plan.learned.isEmpty)
  }

  @Test("one that has moved is followed")
  func moves() {
    var plan = LinkPlan(configured: ["a:1"])
    _ = plan.welcomed("a:1", by: Self.c1)
    _ = plan.told(Self.both)
    let moved = [Self.at(Self.c1, "a:1"), Self.at(Self.c2, "d:1")]
    #expect(plan.told(moved) == [.close("b:1"), .open(["d:1"])])
  }

  @Test("no list is too long")
  func bound() {
    var plan = LinkPlan()
    let many = (0..<1_000).map { number in
      CoordinatorAddress(
        name: NodeName(trusted: "c\(number)"),
        addresses: (0..<100).map { "https://h\(number):\($0 + 1)" })
    }
    let steps = plan.told(many)
    #expect(steps.count == LinkPlan.coordinatorsMax)
    for case .open(let names) in steps { #expect(names.count == 8) }
  }

  @Test("a worker's core opens what a coordinator names, and says what is to be remembered")
  func core() {
    var configuration = WorkerCore.Configuration(
      name: NodeName(trusted: "w1"), boot: BootID(high: 1, low: 1), slots: 1, kinds: [])
    configuration.coordinators = ["a:1"]
    var core = WorkerCore(configuration)
    let now = Now(monotonic: Instant(nanoseconds: 0), wall: WallTime(milliseconds: 0))
    _ = core.step(.connected(SessionID(1), coordinator: "a:1"), at: now)
    let welcome = Welcome(coordinator: Self.c1, boot: BootID(high: 2, low: 2))
    let ready = core.step(
      .received(SessionID(1), [.welcome(welcome), .coordinators(Self.both)]), at: now)
    #expect(ready.links == [.open(["b:1", "b:2"])])
    #expect(ready.learned == [Self.at(Self.c2, "b:1", "b:2")])
    let again = core.step(.received(SessionID(1), [.coordinators(Self.both)]), at: now)
    #expect(again.links.isEmpty && again.learned == nil)
  }
}
