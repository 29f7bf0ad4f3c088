import BelfryCore
import Testing

/// What is silenced, acknowledged, or follows from another alert: who is told, and when.
@Suite struct AlertHoldingTests {
  private var desk = AlertDesk()
  private var now = WallTime(milliseconds: 1_000_000)

  private static func alert(
    _ rule: String = "node-lost", _ subject: String = "w1", _ state: Alert.State = .firing,
    heldBackBy: String = ""
  ) -> Alert {
    var alert = Alert(
      rule: rule, subject: subject, state: state, severity: .critical, summary: "it is so",
      why: "seen", firedAt: WallTime(milliseconds: 1))
    alert.heldBackBy = heldBackBy
    return alert
  }

  private func silence(_ match: String = "node-lost/w1", minutes: Int = 10) throws -> Silence {
    Silence(
      id: "s-1", match: try #require(AlertMatch(match)), by: "operator me", reason: "test",
      made: now, ends: now + .seconds(60 * minutes))
  }

  private mutating func steps(_ events: AlertDesk.Event...) -> [AlertDesk.Step] {
    var steps: [AlertDesk.Step] = []
    for event in events {
      desk.heard(event, at: now)
      while let step = desk.next() { steps.append(step) }
    }
    return steps
  }

  @Test mutating func whatIsSilencedIsRecordedAndNotSent() throws {
    let held = Self.alert(heldBackBy: "s-1")
    #expect(steps(.read([try silence()], open: [])) == [])
    #expect(steps(.raised(Self.alert())) == [.record(held)])
    #expect(steps(.recorded(true)) == [])
    #expect(desk.openAlerts == [held])
    let other = Self.alert("node-lost", "w2")
    #expect(steps(.raised(other)) == [.record(other)])
    #expect(steps(.recorded(true)) == [.send(other)])
    // Who was not told of its beginning is not told of its end.
    let end = Self.alert("node-lost", "w1", .resolved)
    #expect(steps(.raised(end)) == [.record(end)])
    #expect(steps(.recorded(true)) == [])
  }

  /// Alertmanager takes another severity for another alert, which would fire on.
  @Test mutating func whoEndsWhatAnotherHasRaisedSaysWhatThatOneSaid() {
    var end = Self.alert("node-lost", "w1", .resolved)
    end.severity = .info
    end.why = "it is back"
    #expect(steps(.raised(end)) == [.record(end)])
    var closed = Self.alert("node-lost", "w1", .resolved)
    closed.severity = .critical
    closed.jobsMoved = 3
    closed.why = "connection lost"
    var told = closed
    told.why = "it is back"
    #expect(steps(.recorded(true, closed: closed)) == [.send(told)])
  }

  /// What this coordinator read last may be a second old: another one may have told of the beginning since.
  @Test mutating func ofAnEndTheStoreKnowsBetter() throws {
    let end = Self.alert("node-lost", "w1", .resolved)
    _ = steps(.read([try silence()], open: [Self.alert(heldBackBy: "s-1")]))
    #expect(steps(.raised(end)) == [.record(end)])
    #expect(steps(.recorded(true, closed: end)) == [.send(end)])
    _ = steps(.read([], open: [Self.alert()]))
    #expect(steps(.raised(end)) == [.record(end)])
    var heldBack = end
    heldBack.heldBackBy = "s-1"
    #expect(steps(.recorded(true, closed: heldBack)) == [])
  }

  @Test mutating func whatIsSilencedIsNotSentWithoutTheStoreEither() throws {
    #expect(
      steps(.read([try silence()], open: []), .storeIs(up: false), .raised(Self.alert())) == [])
    #expect(
      steps(.raised(Self.alert("store-down", "store")))
        == [.send(Self.alert("store-down", "store"))])
    // The silence ends while the store is away: it is told now, and once.
    now = now + .seconds(601)
    #expect(steps(.storeIs(up: false)) == [.send(Self.alert())])
    #expect(steps(.storeIs(up: true)) == [.record(Self.alert())])
    #expect(steps(.recorded(true)) == [.record(Self.alert("store-down", "store"))])
    #expect(steps(.recorded(true)) == [])
  }

  @Test mutating func theEndOfASilenceSendsWhatStillFires() throws {
    let held = Self.alert(heldBackBy: "s-1")
    let silences = [try silence()]
    #expect(steps(.read(silences, open: []), .raised(Self.alert())) == [.record(held)])
    #expect(steps(.recorded(true), .read(silences, open: [held])) == [])
    now = now + .seconds(601)
    #expect(steps(.read(silences, open: [held])) == [.release(held)])
    #expect(steps(.read(silences, open: [held])) == [], "one at a time")
    #expect(steps(.released(true)) == [.send(Self.alert())])
    #expect(steps(.read(silences, open: [Self.alert()])) == [])
    let end = Self.alert("node-lost", "w1", .resolved)
    #expect(steps(.raised(end)) == [.record(end)])
    #expect(steps(.recorded(true)) == [.send(end)], "they were told of it")
  }

  // MARK: what comes and goes

  private mutating func flap(_ sent: Bool) {
    let (begin, end) = (
      Self.alert(heldBackBy: sent ? "" : "flapping"), Self.alert("node-lost", "w1", .resolved)
    )
    #expect(steps(.raised(Self.alert())) == [.record(begin)])
    #expect(steps(.recorded(true)) == (sent ? [.send(begin)] : []))
    #expect(steps(.raised(end)) == [.record(end)])
    #expect(steps(.recorded(true)) == (sent ? [.send(end)] : []))
  }

  @Test mutating func whatComesAndGoesIsToldOnceAMinute() {
    flap(true)
    for _ in 0..<5 {
      now = now + .seconds(11)
      flap(false)
    }
    now = now + .seconds(5)
    flap(true)
  }

  @Test mutating func whatComesBackAndStaysIsToldAfterAMinute() {
    flap(true)
    now = now + .seconds(20)
    let held = Self.alert(heldBackBy: "flapping")
    #expect(steps(.raised(Self.alert()), .recorded(true)) == [.record(held)])
    now = now + .seconds(39)
    #expect(steps(.read([], open: [held])) == [])
    now = now + .seconds(1)
    #expect(steps(.read([], open: [held])) == [.release(held)])
    #expect(steps(.released(true)) == [.send(Self.alert())])
    // That was telling, too.
    let end = Self.alert("node-lost", "w1", .resolved)
    #expect(steps(.raised(end), .recorded(true)) == [.record(end), .send(end)])
    now = now + .seconds(59)
    flap(false)
  }

  @Test mutating func whatAnotherCoordinatorToldCounts() {
    var theirs = Self.alert()
    theirs.firedAt = now
    #expect(steps(.read([], open: [theirs]), .read([], open: [])) == [])
    now = now + .seconds(30)
    flap(false)
    // Theirs was held back, and is not any more: they have told of it now.
    let held = Self.alert(heldBackBy: "flapping")
    #expect(steps(.read([], open: [held])) == [])
    now = now + .seconds(40)
    theirs.firedAt = now + .seconds(-40)
    #expect(steps(.read([], open: [theirs]), .read([], open: [])) == [])
    now = now + .seconds(50)
    flap(false)
  }

  @Test mutating func withoutTheStoreItIsToldAfterAMinuteToo() {
    #expect(steps(.storeIs(up: false), .raised(Self.alert())) == [.send(Self.alert())])
    let end = Self.alert("node-lost", "w1", .resolved)
    #expect(steps(.raised(end)) == [.send(end)])
    now = now + .seconds(10)
    #expect(steps(.raised(Self.alert())) == [])
    now = now + .seconds(50)
    #expect(steps(.storeIs(up: false)) == [.send(Self.alert())])
  }

  @Test mutating func whatEndsWhileItIsReleasedIsToldWhole() {
    flap(true)
    now = now + .seconds(10)
    let held = Self.alert(heldBackBy: "flapping")
    _ = steps(.raised(Self.alert()), .recorded(true))
    now = now + .seconds(50)
    #expect(steps(.read([], open: [held])) == [.release(held)])
    let end = Self.alert("node-lost", "w1", .resolved)
    #expect(steps(.raised(end)) == [], "not before it is known who tells of it")
    #expect(steps(.released(true)) == [.send(Self.alert()), .record(end)])
    #expect(steps(.recorded(true, closed: end)) == [.send(end)])
  }

  @Test mutating func whatAnotherOneOpenedIsNotHeldBackHere() {
    var theirs = Self.alert()
    theirs.firedAt = now
    #expect(steps(.read([], open: [theirs])) == [])
    #expect(steps(.raised(Self.alert())) == [.record(Self.alert())])
    #expect(steps(.recorded(false)) == [])
    #expect(desk.openAlerts.map(\.heldBackBy) == [""])
  }

  @Test mutating func whatIsNotRecordedIsToldAtOnce() {
    for number in 0..<AlertDesk.unrecordedMax {
      desk.heard(.raised(Self.alert("node-lost", "n\(number)")), at: now)
    }
    let one = Self.alert("job-redelivered", "x")
    #expect(steps(.storeIs(up: false)).count == AlertDesk.unrecordedMax)
    #expect(steps(.raised(one)) == [.send(one)])
    #expect(steps(.raised(Self.alert("job-redelivered", "x", .resolved))).count == 1)
    #expect(steps(.raised(one)) == [.send(one)], "twice rather than never")
  }

  @Test mutating func anotherCoordinatorReleasedIt() throws {
    let held = Self.alert(heldBackBy: "s-1")
    #expect(steps(.read([], open: [held])) == [.release(held)])
    #expect(steps(.released(false)) == [])
  }

  @Test mutating func aReleaseThatIsNotAnsweredIsAskedAgain() throws {
    let held = Self.alert(heldBackBy: "s-1")
    #expect(steps(.read([], open: [held])) == [.release(held)])
    #expect(steps(.released(nil)) == [])
    #expect(steps(.storeIs(up: true)) == [.release(held)])
    #expect(steps(.released(true)) == [.send(Self.alert())])
  }

  @Test mutating func whatSomebodyLooksAfterIsNotSentWhenTheSilenceEnds() throws {
    var held = Self.alert(heldBackBy: "s-1")
    held.state = .acknowledged
    held.acknowledgement = Acknowledgement(by: "operator me", at: now, note: "")
    let silences = [try silence()]
    #expect(steps(.read(silences, open: [held])) == [])
    now = now + .seconds(601)
    #expect(steps(.read(silences, open: [held])) == [])
  }

  @Test mutating func whoWasToldOfTheBeginningIsToldOfTheEnd() throws {
    let fired = Self.alert()
    #expect(steps(.raised(fired)) == [.record(fired)])
    #expect(steps(.recorded(true)) == [.send(fired)])
    #expect(steps(.read([try silence()], open: [fired])) == [])
    let end = Self.alert("node-lost", "w1", .resolved)
    #expect(steps(.raised(end)) == [.record(end)])
    #expect(steps(.recorded(true)) == [.send(end)])
  }

  @Test mutating func whatFollowsFromAnotherAlertWaitsForItsEnd() {
    let cause = Self.alert("store-down", "store")
    #expect(steps(.read([], open: [cause])) == [])
    let held = Self.alert("job-redelivered", "j1", heldBackBy: "store-down/store")
    #expect(steps(.raised(Self.alert("job-redelivered", "j1"))) == [.record(held)])
    #expect(steps(.recorded(true)) == [])
    let end = Self.alert("store-down", "store", .resolved)
    #expect(steps(.raised(end)) == [.record(end), .release(held)])
    #expect(
      steps(.recorded(true), .released(true))
        == [.send(end), .send(Self.alert("job-redelivered", "j1"))])
  }

  @Test mutating func whatWasReadBeforeItWasRecordedEndsNothing() {
    let cause = Self.alert("store-down", "store")
    #expect(steps(.raised(cause), .recorded(true)) == [.record(cause), .send(cause)])
    #expect(steps(.read([], open: [])) == [], "asked before")
    let held = Self.alert("job-redelivered", "j1", heldBackBy: "store-down/store")
    #expect(steps(.raised(Self.alert("job-redelivered", "j1"))) == [.record(held)])
    #expect(steps(.recorded(true), .read([], open: [held])) == [])
    // Nor does a wall clock that is set back keep it for ever.
    var back = desk
    back.heard(.read([], open: [held]), at: now - .seconds(3_600))
    #expect(back.openAlerts == [held])
    now = now + .seconds(11)
    #expect(steps(.read([], open: [held])) == [.release(held)], "another coordinator has ended it")
  }

  @Test(arguments: [
    ("node-lost/w1", ["partition-suspected/cluster"], "partition-suspected/cluster"),
    ("node-wedged/w1", ["node-lost/w1"], "node-lost/w1"),
    ("node-wedged/w1", ["node-lost/w2"], nil),
    ("certificate-expiry/w1", ["node-lost/w1", "store-down/store"], "node-lost/w1"),
    ("publish-held/broker", ["store-down/store", "broker-down/broker"], "broker-down/broker"),
    ("node-lost/w1", ["store-down/store", "broker-down/broker"], nil),
    ("store-down/store", ["broker-down/broker", "partition-suspected/cluster"], nil),
  ])
  func causes(_ id: String, _ open: [String], _ cause: String?) throws {
    let found = Inhibition.cause(
      of: try #require(AlertID(id)), among: try open.map { try #require(AlertID($0)) })
    #expect(found?.description == cause)
  }

  @Test(arguments: [
    ("node-lost", "node-lost/w1", true), ("node-lost", "node-lostx/w1", false),
    ("node-lost/w1", "node-lost/w1", true), ("node-lost/w1", "node-lost/w11", false),
    ("node-lost/gpu-*", "node-lost/gpu-", true), ("node-lost/gpu-*", "node-lost/cpu-1", false),
    ("*/w1", "node-lost/w1", true), ("*", "a/b/c", true), ("job-*/a*b*c", "job-x/aXbYc", true),
    ("job-*/a*b*c", "job-x/aXbYcd", false), ("x/*a", "x/aaaab", false), ("x/a/b", "x/a/b", true),
  ])
  func matches(_ match: String, _ id: String, _ isMatched: Bool) throws {
    #expect(try #require(AlertMatch(match)).matches(try #require(AlertID(id))) == isMatched)
  }

  @Test(arguments: ["", "/", "a/", "/b", String(repeating: "x", count: 257)])
  func noMatch(_ text: String) { #expect(AlertMatch(text) == nil) }

  @Test func aMatchOfManyStarsEndsSoon() throws {
    let match = try #require(AlertMatch("x/" + String(repeating: "a*", count: 100) + "b"))
    #expect(!match.matches(AlertID(rule: "x", subject: String(repeating: "a", count: 100_000))))
  }

  @Test func aSilenceIsReadAsItWasStored() throws {
    var silence = try silence("node-*/w*")
    silence.endedBy = "operator you"
    let stored = silence.stored(version: 1, at: now)
    #expect(Silence(stored) == silence)
    #expect(Silence(StoredRecord(.nodes, id: "s-1", writtenAt: now, fields: stored.fields)) == nil)
    #expect(silence.holds(at: silence.ends - .milliseconds(1)))
    #expect(!silence.holds(at: silence.ends))
  }

  @Test func whatMayFireIsPending() {
    let scene = ClusterScene()
    func pending() -> [String] {
      scene.core.health(at: scene.now).pendingAlerts.map { "\($0.id) \($0.state): \($0.why)" }
    }
    #expect(pending() == [], "nothing was there to go away")
    scene.begin()
    scene.feed(.storeAnswered(nil))
    #expect(pending() == [])
    for _ in 0..<20 { scene.feed(.tick, after: 100) }
    scene.feed(.storeAnswered(StoreProblem(isPermanent: false, message: "no primary")))
    #expect(
      pending() == [
        "node-lost/w0 pending: silent for 1.5 s; last heard at 2026-09-21T14:13:20.004Z; RabbitMQ answers",
        "store-down/store pending: no primary",
      ])
    #expect(scene.core.firingAlerts == [])
  }

  @Test func theListHasEachAlertOnce() {
    let (lost, mine) = (Self.alert(), Self.alert("broker-down", "broker"))
    var ended = Self.alert("node-lost", "w2", .resolved)
    ended.resolvedAt = WallTime(milliseconds: 9)
    let pending = [
      Self.alert("node-lost", "w1", .pending), Self.alert("node-lost", "w3", .pending),
    ]
    let held = Self.alert("broker-down", "broker", heldBackBy: "s-1")
    let known = AlertList.merged(
      stored: [ended, lost], own: [lost, mine], desk: [held], pending: pending)
    #expect(known == [held, lost, pending[1], ended])
    let alone = AlertList.merged(stored: nil, own: [mine], desk: [lost, held], pending: [])
    #expect(alone == [held, lost])
  }
}
