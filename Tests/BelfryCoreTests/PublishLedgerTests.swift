import Testing

@testable import BelfryCore

/// Which publish counts, and what becomes of one that does not.
@Suite struct PublishLedgerTests {
  static let tag = DeliveryTag(ChannelGeneration(1), 7)
  static let job = JobMessage(job: Job(id: JobID(trusted: "j0"), kind: Kind(trusted: "k")))
  static let purpose = PublishLedger.Purpose.delivery(tag)

  static func at(_ milliseconds: Int64) -> Now {
    Now(
      monotonic: Instant(nanoseconds: milliseconds * 1_000_000),
      wall: WallTime(milliseconds: milliseconds))
  }

  /// A ledger with a connection, and one publish of a job on its way.
  static func onItsWay() -> (ledger: PublishLedger, id: PublishID) {
    var ledger = PublishLedger(boot: BootID(high: 1 << 16, low: 0))
    var ready = Ready()
    ledger.cameUp(at: at(0), into: &ready)
    ledger.add(.job(job, .again), for: purpose, at: at(0), into: &ready)
    return (ledger, ready.publishes[0].id)
  }

  static func isRepeat(_ what: Publish.What?) -> Bool? {
    guard case .job(let message, _) = what else { return nil }
    return message.isRepeat
  }

  @Test("a confirm counts, once")
  func confirmed() {
    var (ledger, id) = Self.onItsWay()
    var ready = Ready()
    let published = [Published(id, .confirmed)]
    #expect(ledger.published(published, at: Self.at(1), into: &ready) == [Self.purpose])
    #expect(ledger.published(published, at: Self.at(1), into: &ready) == [])
    #expect(ledger.count == 0)
  }

  @Test(
    "a return is no confirm: declared and published again, held after three, tried again in 5 s")
  func returned() {
    var (ledger, id) = Self.onItsWay()
    for _ in 1...2 {
      var ready = Ready()
      let counted = ledger.published(
        [Published(id, .returned("312"))], at: Self.at(1), into: &ready)
      #expect(counted == [])
      #expect(ready.commands == [.declare])
      #expect(ready.publishes.map(\.id) == [id])
      #expect(ledger.heldCount == 0)
    }
    var third = Ready()
    _ = ledger.published([Published(id, .returned("312"))], at: Self.at(1), into: &third)
    #expect(third.publishes.isEmpty)
    #expect(ledger.heldCount == 1)
    var early = Ready()
    ledger.ticked(at: Self.at(4_900), into: &early)
    #expect(early.publishes.isEmpty)
    #expect(ledger.heldCount == 1)
    var late = Ready()
    ledger.ticked(at: Self.at(5_001), into: &late)
    #expect(late.publishes.map(\.id) == [id])
    #expect(
      ledger.published([Published(id, .confirmed)], at: Self.at(5_002), into: &late).count == 1)
  }

  @Test("unknown is published again with the repeat mark, once there is a connection")
  func unknown() {
    var (ledger, id) = Self.onItsWay()
    ledger.wentDown()
    var ready = Ready()
    _ = ledger.published([Published(id, .unknown("died"))], at: Self.at(1), into: &ready)
    #expect(ready.publishes.isEmpty)
    ledger.cameUp(at: Self.at(2), into: &ready)
    #expect(ready.publishes.map(\.id) == [id])
    #expect(Self.isRepeat(ready.publishes.first?.what) == true)
  }

  @Test("when the broker blocks, what is on its way goes to the store at once, and what is new")
  func blocked() {
    var (ledger, id) = Self.onItsWay()
    var ready = Ready()
    ledger.blocked("memory", at: Self.at(1), into: &ready)
    ledger.add(.job(Self.job, .lane), for: .delivery(Self.tag), at: Self.at(2), into: &ready)
    #expect(ready.owes.count == 2)
    #expect(ready.owes.first?.id == id)
    #expect(ready.publishes.isEmpty)
    #expect(Set(ready.owes.map(\.owedID)).count == 2)
    let counted = ledger.owed([(id, .inserted)], at: Self.at(3), into: &ready)
    #expect(counted == [Self.purpose])
  }

  @Test("the confirm of what went to the store meanwhile counts too, once")
  func confirmedMeanwhile() {
    var (ledger, id) = Self.onItsWay()
    var ready = Ready()
    ledger.blocked("memory", at: Self.at(1), into: &ready)
    #expect(ledger.published([Published(id, .confirmed)], at: Self.at(2), into: &ready).count == 1)
    #expect(ledger.owed([(id, .inserted)], at: Self.at(3), into: &ready) == [])
  }

  @Test("an insert that is unknown or a duplicate is no confirm: written again under a new id")
  func owedUnknown() {
    for answer in [InsertAnswer.unknown("time-out"), .duplicate] {
      var (ledger, id) = Self.onItsWay()
      var ready = Ready()
      ledger.blocked("memory", at: Self.at(1), into: &ready)
      #expect(ledger.owed([(id, answer)], at: Self.at(2), into: &ready) == [])
      var later = Ready()
      ledger.ticked(at: Self.at(600), into: &later)
      #expect(later.owes.map(\.id) == [id])
      #expect(later.owes.first?.owedID != ready.owes.first?.owedID)
    }
  }

  @Test("what is due later goes to the store whatever the broker says")
  func due() {
    var ledger = PublishLedger(boot: BootID(high: 1 << 16, low: 0))
    var ready = Ready()
    ledger.cameUp(at: Self.at(0), into: &ready)
    let due = WallTime(milliseconds: 9_000)
    ledger.add(.job(Self.job, .again), for: Self.purpose, due: due, at: Self.at(0), into: &ready)
    #expect(ready.publishes.isEmpty)
    #expect(ready.owes.map(\.due) == [due])
  }

  @Test("a claimed publish and one of a producer never go to the store")
  func neverOwed() {
    var ledger = PublishLedger(boot: BootID(high: 1 << 16, low: 0))
    var ready = Ready()
    ledger.cameUp(at: Self.at(0), into: &ready)
    ledger.blocked("memory", at: Self.at(0), into: &ready)
    let id = OwedID(boot: BootID(high: 1 << 16, low: 0), number: 3)
    let owed = OwedPublish(
      id: id, what: .job, job: nil, attempt: 1, due: WallTime(milliseconds: 0), exchange: "",
      routingKey: "", message: QueueMessage())
    ledger.add(.owed(owed), for: .owed(id), at: Self.at(1), into: &ready)
    ledger.add(.job(Self.job, .lane), for: .submit(token: 1), at: Self.at(1), into: &ready)
    #expect(ready.owes.isEmpty && ready.publishes.isEmpty)
    #expect(!ledger.canSubmit)
    ledger.unblocked(at: Self.at(2), into: &ready)
    #expect(ready.publishes.count == 2)
  }

  @Test("a reply whose queue is gone is done")
  func reply() {
    var ledger = PublishLedger(boot: BootID(high: 1 << 16, low: 0))
    var ready = Ready()
    ledger.cameUp(at: Self.at(0), into: &ready)
    let outcome = OutcomeRecorderTests.outcome("j0")
    let purpose = PublishLedger.Purpose.announcement(outcome.id, serial: 1)
    ledger.add(
      .reply(ReplyAddress(queue: "q", correlationID: nil), outcome), for: purpose, at: Self.at(0),
      into: &ready)
    let returned = [Published(ready.publishes[0].id, .returned("312"))]
    #expect(ledger.published(returned, at: Self.at(1), into: &ready) == [purpose])
  }

  @Test("a producer hears of an unknown confirm, and of a third return")
  func submit() {
    var ledger = PublishLedger(boot: BootID(high: 1 << 16, low: 0))
    var ready = Ready()
    ledger.cameUp(at: Self.at(0), into: &ready)
    for token in 1...2 as ClosedRange<UInt64> {
      ledger.add(.job(Self.job, .lane), for: .submit(token: token), at: Self.at(0), into: &ready)
    }
    let ids = ready.publishes.map(\.id)
    _ = ledger.published([Published(ids[0], .unknown("died"))], at: Self.at(1), into: &ready)
    for _ in 1...3 {
      _ = ledger.published([Published(ids[1], .returned("312"))], at: Self.at(1), into: &ready)
    }
    #expect(ready.answers.count == 2)
    for case .submitted(_, let answer) in ready.answers {
      guard case .unavailable = answer else {
        Issue.record("answered \(answer)")
        continue
      }
    }
    #expect(ledger.count == 0)
  }
}
