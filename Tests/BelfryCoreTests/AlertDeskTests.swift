import BelfryCore
import Testing

/// Alerts are sent once and recorded, whatever the store does meanwhile.
@Suite struct AlertDeskTests {
  private var desk = AlertDesk()
  private var now = WallTime(milliseconds: 1_000)

  private static func alert(
    _ state: Alert.State = .firing, _ severity: Alert.Severity = .critical,
    _ subject: String = "store"
  ) -> Alert {
    Alert(
      rule: "part-down", subject: subject, state: state, severity: severity, summary: "away",
      why: "no answer", firedAt: WallTime(milliseconds: 1))
  }

  private mutating func steps(_ events: AlertDesk.Event...) -> [AlertDesk.Step] {
    var steps: [AlertDesk.Step] = []
    for event in events {
      desk.heard(event, at: now)
      while let step = desk.next() { steps.append(step) }
    }
    return steps
  }

  @Test mutating func theStoreSaysWhoSends() {
    let (fired, resolved) = (Self.alert(), Self.alert(.resolved))
    #expect(steps(.raised(fired)) == [.record(fired)])
    #expect(steps(.recorded(true)) == [.send(fired)])
    #expect(steps(.raised(resolved)) == [.record(resolved)])
    #expect(steps(.recorded(false)) == [], "another coordinator closed it and sends it")
    #expect(desk.unrecordedCount == 0)
  }

  @Test mutating func aStoreThatIsAwayHoldsNothingUp() {
    let (fired, resolved) = (Self.alert(), Self.alert(.resolved))
    #expect(steps(.storeIs(up: false), .raised(fired)) == [.send(fired)])
    #expect(steps(.storeIs(up: false)) == [], "sent once")
    // Back: the whole episode is recorded, its end is sent, and its beginning not a second time.
    #expect(steps(.storeIs(up: true)) == [.record(fired)])
    #expect(steps(.raised(resolved)) == [])
    #expect(steps(.recorded(true)) == [.record(resolved)])
    #expect(steps(.recorded(true)) == [.send(resolved)])
    #expect(desk.unrecordedCount == 0)
  }

  @Test mutating func anEpisodeThatEndsWhileTheStoreIsAwayIsRecordedLater() {
    let (fired, resolved) = (Self.alert(), Self.alert(.resolved))
    #expect(
      steps(.storeIs(up: false), .raised(fired), .raised(resolved))
        == [.send(fired), .send(resolved)])
    #expect(steps(.storeIs(up: true)) == [.record(fired)])
    #expect(steps(.recorded(true)) == [.record(resolved)])
    #expect(steps(.recorded(true)) == [])
  }

  @Test mutating func anAnswerThatDoesNotComeIsAskedForAgain() {
    let fired = Self.alert()
    #expect(steps(.raised(fired)) == [.record(fired)])
    #expect(steps(.recorded(nil)) == [.send(fired)], "not again before the store is back")
    #expect(steps(.storeIs(up: true)) == [.record(fired)])
    #expect(steps(.recorded(false)) == [])
    #expect(desk.unrecordedCount == 0)
  }

  @Test mutating func whatWaitsBehindARecordIsSentWhenTheStoreHangs() {
    let (first, second) = (Self.alert(), Self.alert(.firing, .warning, "w1"))
    #expect(steps(.raised(first), .raised(second)) == [.record(first)])
    #expect(steps(.storeIs(up: false)) == [.send(first), .send(second)])
    #expect(steps(.recorded(true)) == [])
    #expect(steps(.storeIs(up: true)) == [.record(second)])
  }

  @Test mutating func theEndOfAnUnknownEpisodeIsNotSentUnasked() {
    let resolved = Self.alert(.resolved, .info)
    #expect(steps(.storeIs(up: false), .raised(resolved)) == [])
    #expect(steps(.storeIs(up: true)) == [.record(resolved)])
    #expect(steps(.recorded(true)) == [.send(resolved)])
  }

  @Test mutating func aLongOutageIsBounded() {
    desk.heard(.storeIs(up: false), at: now)
    for number in 0..<AlertDesk.unrecordedMax + 5 {
      #expect(steps(.raised(Self.alert(.firing, .warning, "w\(number)"))).count == 1)
    }
    #expect(desk.unrecordedCount == AlertDesk.unrecordedMax)
    #expect(desk.openAlerts.count == AlertDesk.unrecordedMax)
  }
}
