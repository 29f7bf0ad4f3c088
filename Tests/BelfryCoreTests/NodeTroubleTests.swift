import BelfryCore
import Testing

/// A worker that is heard and says that it can do nothing gets nothing new, and somebody is told why.
@Suite struct NodeTroubleTests {
  private let scene = ClusterScene()

  private var worker: HealthPicture.Node? {
    scene.core.health(at: scene.now).nodes.first { $0.role == "worker" }
  }

  private func beats(
    _ sequence: UInt64, stuck: Int = 0, storeAway: Int = 0, after pause: Int64 = 500
  ) -> Ready {
    scene.said(
      1,
      .heartbeat(
        Heartbeat(
          sequence: sequence, stuck: .milliseconds(stuck), storeAway: .milliseconds(storeAway))),
      after: pause)
  }

  private func texts(_ ready: Ready) -> [String] {
    ready.alerts.map { "\($0.rule) \($0.subject) \($0.state.rawValue)" }
  }

  private func assigns(_ ready: Ready) -> Int {
    ready.sends.count { if case .assign = $0.message { true } else { false } }
  }

  @Test(arguments: [(true, "node-wedged", "wedged"), (false, "node-store-down", "degraded")])
  func itIsGivenNothingNewUntilItWorksAgain(isStuck: Bool, rule: String, state: String) {
    func beats(_ sequence: UInt64, _ milliseconds: Int) -> Ready {
      self.beats(
        sequence, stuck: isStuck ? milliseconds : 0, storeAway: isStuck ? 0 : milliseconds)
    }
    scene.begin()
    scene.feed(.storeAnswered(nil))
    _ = self.beats(1, after: 6_000)
    #expect(texts(beats(2, 4_900)) == [])
    #expect(worker?.state == "up")
    #expect(texts(beats(3, 5_400)) == ["\(rule) w0 firing"])
    #expect(worker?.state == state && worker?.reason.contains("5.4 s") == true)
    #expect(scene.core.health(at: scene.now).verdict.contains("w0"))
    #expect(assigns(scene.arrives(ClusterScene.job("j1"))) == 0)
    #expect(texts(beats(4, 5_900)) == [], "one alert an episode")
    let well = beats(5, 0)
    #expect(texts(well) == ["\(rule) w0 resolved"])
    #expect(assigns(well) == 1)
    #expect(worker?.state == "up" && worker?.reason == "")
  }

  /// With the store away for all there is one alert, and it is the store's.
  @Test func ofAStoreThatIsAwayForAllTheWorkersAreNotBlamed() {
    scene.begin()
    _ = beats(1)
    scene.feed(.storeAnswered(StoreProblem(isPermanent: false, message: "no primary")))
    #expect(texts(beats(2, storeAway: 6_000)) == [])
    #expect(worker?.state == "degraded")
    scene.feed(.storeAnswered(nil))
    #expect(texts(beats(3, storeAway: 6_500)) == [])
    #expect(
      texts(beats(4, storeAway: 12_500, after: 6_000)) == ["node-store-down w0 firing"])
  }

  @Test func whatALostOneSaidOfItselfIsOver() {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    _ = beats(1)
    _ = beats(2, stuck: 6_000)
    let alerts = (0..<80).flatMap { _ in texts(scene.feed(.tick, after: 100)) }
    #expect(alerts.contains("node-wedged w0 resolved") && alerts.contains("node-lost w0 firing"))
    #expect(worker?.state == "lost")
  }

  /// A coordinator that died may have left an alert open.
  @Test func whatAnEarlierCoordinatorRaisedEndsWhenTheWorkerWorks() {
    scene.begin()
    _ = beats(1, stuck: 6_000)
    var left = Alert(
      rule: "node-store-down", subject: "w0", severity: .critical, summary: "", why: "",
      firedAt: scene.now.wall)
    left.coordinator = "c7"
    #expect(texts(scene.feed(.alertsRead([left]))) == [], "it is in trouble still")
    _ = beats(2)
    #expect(texts(scene.feed(.alertsRead([left]))) == ["node-store-down w0 resolved"])
  }

  /// Its return is not seen by all at the same moment.
  @Test func aStoreThatIsJustBackBlamesNobody() {
    scene.begin()
    scene.feed(.storeAnswered(StoreProblem(isPermanent: false, message: "no primary")))
    _ = beats(1)
    scene.feed(.storeAnswered(nil))
    #expect(texts(beats(2, storeAway: 60_000)) == [])
  }
}
