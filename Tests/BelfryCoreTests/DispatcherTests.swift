import Testing

@testable import BelfryCore

/// The order in which jobs that wait are given out.
@Suite struct DispatcherTests {
  static let demand = Demand(lane: .default, kind: Kind(trusted: "k"), requires: [])
  static func job(_ name: String) -> JobID { JobID(trusted: name) }

  static func drain(_ dispatcher: inout Dispatcher, _ count: Int = .max) -> [String] {
    var names: [String] = []
    while names.count < count, let job = dispatcher.pop(demand) { names.append(job.text) }
    return names
  }

  @Test("again comes first, then high, normal and low as 8 : 4 : 1")
  func weights() {
    var dispatcher = Dispatcher()
    for number in 0..<30 {
      dispatcher.enqueue(Self.job("h\(number)"), Self.demand, .high)
      dispatcher.enqueue(Self.job("n\(number)"), Self.demand, .normal)
      dispatcher.enqueue(Self.job("l\(number)"), Self.demand, .low)
    }
    dispatcher.enqueue(Self.job("a"), Self.demand, .again)
    #expect(Self.drain(&dispatcher, 1) == ["a"])
    for _ in 0..<2 {
      let round = Self.drain(&dispatcher, 13).map { $0.prefix(1) }
      #expect(round.count { $0 == "h" } == 8)
      #expect(round.count { $0 == "n" } == 4)
      #expect(round.count { $0 == "l" } == 1)
    }
  }

  @Test("a class alone is served without a pause, in its order")
  func alone() {
    var dispatcher = Dispatcher()
    for number in 0..<20 { dispatcher.enqueue(Self.job("l\(number)"), Self.demand, .low) }
    #expect(Self.drain(&dispatcher) == (0..<20).map { "l\($0)" })
    #expect(dispatcher.pop(Self.demand) == nil)
  }

  @Test("what is given back is served next")
  func giveBack() {
    var dispatcher = Dispatcher()
    dispatcher.enqueue(Self.job("a"), Self.demand, .again)
    dispatcher.enqueue(Self.job("n"), Self.demand, .normal)
    dispatcher.giveBack(Self.job("b"), Self.demand)
    #expect(Self.drain(&dispatcher) == ["b", "a", "n"])
  }

  @Test("all that wait for a demand are taken, and only those")
  func takeAll() {
    var dispatcher = Dispatcher()
    let other = Demand(lane: .default, kind: Kind(trusted: "other"), requires: [])
    dispatcher.enqueue(Self.job("a"), Self.demand, .low)
    dispatcher.enqueue(Self.job("b"), Self.demand, .again)
    dispatcher.enqueue(Self.job("c"), other, .normal)
    #expect(dispatcher.takeAll(Self.demand).map(\.text) == ["b", "a"])
    #expect(dispatcher.takeAll(Self.demand) == [])
    #expect(dispatcher.pop(other) == Self.job("c"))
  }

  @Test("a group in which nothing waits goes, unless nobody serves its demand")
  func dropEmpty() {
    var dispatcher = Dispatcher()
    dispatcher.enqueue(Self.job("a"), Self.demand, .normal)
    _ = dispatcher.pop(Self.demand)
    dispatcher.markUnserved(Self.demand, since: Instant(nanoseconds: 5))
    dispatcher.dropEmpty()
    #expect(dispatcher.unservedSince(Self.demand) == Instant(nanoseconds: 5))
    dispatcher.markUnserved(Self.demand, since: nil)
    dispatcher.dropEmpty()
    #expect(dispatcher.groupCount == 0)
  }

  @Test("the groups that nobody serves are bounded")
  func bounded() {
    var dispatcher = Dispatcher()
    for number in 0...Dispatcher.groupsMax {
      let demand = Demand(lane: .default, kind: Kind(trusted: "k\(number)"), requires: [])
      dispatcher.enqueue(Self.job("a"), demand, .normal)
      _ = dispatcher.pop(demand)
      dispatcher.markUnserved(demand, since: Instant(nanoseconds: 0))
    }
    dispatcher.dropEmpty()
    #expect(dispatcher.groupCount == 0)
  }
}
