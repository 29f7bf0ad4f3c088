import BelfryCore
import Testing

/// A part that hangs closes no connection: a question without an answer is how it is noticed.
@Suite struct PartSilenceTests {
  private let scene = ClusterScene()

  private func part(_ name: String) -> HealthPicture.Part? {
    scene.core.health(at: scene.now).parts.first { $0.name == name }
  }

  /// Ticks for so long; gives the alerts about parts that fired or were resolved meanwhile.
  private func pass(_ milliseconds: Int64, depths: Bool = true) -> [String] {
    var alerts: [String] = []
    for _ in 0..<(milliseconds / 100) {
      let ready = scene.feed(.tick, after: 100)
      let aboutParts = ready.alerts.filter { $0.rule.hasSuffix("-down") }
      alerts += aboutParts.map { "\($0.rule) \($0.state.rawValue)" }
      let asks = ready.commands.contains { if case .measure = $0 { true } else { false } }
      if asks, depths {
        scene.feed(.queue(.depth(queue: "belfry.lane.default", ready: 0)), after: 0)
      }
    }
    return alerts
  }

  @Test func aStoreThatHangsIsAway() {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    scene.feed(.storeAsked)
    #expect(pass(4_800) == [])
    #expect(part("store")?.state == "up")
    #expect(pass(1_000) == ["store-down firing"])
    #expect(part("store")?.state == "down")
    #expect(part("store")?.reason == "no answer for 5 s")
    #expect(scene.core.health(at: scene.now).verdict == "MongoDB: no answer for 5 s")
    let back = scene.feed(.storeAnswered(nil))
    #expect(back.storeIsUp == true)
    #expect(pass(200) == ["store-down resolved"])
    #expect(part("store")?.state == "up")
  }

  @Test func aStoreThatIsFoundAwayWasSoWhenItWasAsked() {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    scene.feed(.storeAsked)
    #expect(pass(4_900) == [])
    scene.feed(.storeAnswered(StoreProblem(isPermanent: false, message: "no primary")), after: 50)
    #expect(pass(200) == ["store-down firing"], "not 5 s after a time-out of 5 s")
    #expect(part("store")?.reason == "no primary")
  }

  @Test func whoeverWritesAlertsIsToldThatTheStoreHangs() {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    scene.feed(.storeAsked)
    var told: [Bool] = []
    for _ in 0..<60 {
      let ready = scene.feed(.tick, after: 100)
      if let isUp = ready.storeIsUp {
        told.append(isUp)
        #expect(
          ready.alerts.map(\.rule).contains("store-down"), "in the same step, before the alert")
      }
    }
    #expect(told == [false])
  }

  @Test func aBrokerThatHangsIsAway() {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    #expect(pass(10_000) == [], "it answers")
    #expect(pass(8_000, depths: false) == ["broker-down firing"])
    #expect(part("broker")?.state == "down")
    #expect(part("broker")?.reason == "no answer for 5 s")
    #expect(pass(2_500) == ["broker-down resolved"])
    #expect(part("broker")?.state == "up")
  }

  @Test func aNewConnectionIsNotBlamedForTheOldOnesSilence() {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    #expect(pass(2_500) == [])
    #expect(pass(4_000, depths: false) == [])
    scene.feed(.queue(.consumingDown(scene.channel, reason: "closed")))
    scene.feed(.queue(.consumingUp(ChannelGeneration(2))))
    #expect(pass(4_000, depths: false) == [])
    #expect(part("broker")?.state == "up")
  }
}
