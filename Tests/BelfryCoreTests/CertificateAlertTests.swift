import BelfryCore
import BelfryTestKit
import Testing

/// Certificates that are about to end, and episodes that a process which is gone has left open.
@Suite struct CertificateAlertTests {
  private static let hour = Int64(3_600_000)

  private func life(days: Int, from start: WallTime = Simulator.start) -> CertificateLife {
    CertificateLife(begins: start - .seconds(300), ends: start + .seconds(days * 86_400))
  }

  private func join(_ scene: ClusterScene, session: UInt64, _ certificate: CertificateLife) {
    var hello = Hello(
      worker: NodeName(trusted: "w0"), boot: ClusterScene.boot(1), slots: 2,
      kinds: [ClusterScene.kind])
    hello.certificate = certificate
    scene.feed(.sessionOpened(SessionID(session), hello, from: "10.0.0.1"))
  }

  /// The worker is heard all the while.
  private func alerts(_ scene: ClusterScene, atHour hour: Int64) -> [String] {
    scene.said(1, .credit(total: 1), after: hour * Self.hour - scene.milliseconds)
    return scene.feed(.tick).alerts.filter { $0.rule == "certificate-expiry" }
      .map { "\($0.subject) \($0.state)" }
  }

  @Test func anAlertComes48HoursBeforeTheEndAndEndsWithTheRenewal() {
    let scene = ClusterScene()
    join(scene, session: 1, life(days: 7))
    #expect(alerts(scene, atHour: 7 * 24 - 49) == [])
    #expect(scene.core.firingAlerts == [])
    #expect(alerts(scene, atHour: 7 * 24 - 48) == ["w0 firing"])
    #expect(alerts(scene, atHour: 7 * 24 - 47) == [], "once")
    join(scene, session: 2, life(days: 7, from: scene.now.wall))
    let ready = scene.feed(.tick, after: 2_000)
    let ends = ready.alerts.filter { $0.rule == "certificate-expiry" }
    #expect(ends.map(\.state) == [.resolved])
    #expect(ends.first?.why.hasPrefix("renewed: good until 20") == true)
  }

  @Test func theCoordinatorAndItsAuthorityAreWatchedToo() {
    let scene = ClusterScene { configuration in
      configuration.certificate = life(days: 30)
      configuration.authority = life(days: 365)
    }
    scene.begin()
    #expect(alerts(scene, atHour: 30 * 24 - 47) == ["c0 firing"])
    #expect(alerts(scene, atHour: 365 * 24 - 47) == ["CA firing"])
    let picture = scene.core.health(at: scene.now)
    #expect(picture.nodes.first?.certificateExpires == life(days: 30).ends)
    #expect(picture.authorityExpires == life(days: 365).ends)
  }

  /// Whoever renews at seven tenths of its life is never late.
  @Test(arguments: [1, 24, 168, 169, 8_760])
  func theWarningComesAfterTheRenewal(_ hours: Int) {
    let life = CertificateLife(
      begins: Simulator.start - .seconds(300), ends: Simulator.start + .seconds(hours * 3_600))
    #expect(life.warnsFrom >= Simulator.start + .seconds(hours * 3_600 * 7 / 10))
    #expect(life.ends - life.warnsFrom <= .seconds(48 * 3_600))
  }

  private func left(
    _ rule: String, _ subject: String, by coordinator: String = "c0"
  ) -> Alert {
    var alert = Alert(
      rule: rule, subject: subject, severity: .critical, summary: "", why: "",
      firedAt: Simulator.start)
    alert.coordinator = coordinator
    return alert
  }

  @Test func anEpisodeOfAnEarlierProcessEnds() {
    let scene = ClusterScene()
    let open = [
      left("broker-down", "broker"), left("broker-down", "broker", by: "c1"),
      left("node-lost", "w9"), left("certificate-expiry", "w0", by: "c1"),
    ]
    scene.feed(.tick)
    #expect(scene.feed(.alertsRead(open)).alerts == [], "nothing is known yet")
    join(scene, session: 1, life(days: 7))
    scene.feed(.queue(.consumingUp(scene.channel)))
    scene.feed(.queue(.publishingUp))
    let ended = scene.feed(.alertsRead(open)).alerts
    #expect(ended.map(\.id.description) == ["broker-down/broker", "certificate-expiry/w0"])
    #expect(ended.allSatisfy { $0.state == .resolved })
    // A worker that never came back is let go of after the time for which it would have been waited.
    scene.said(1, .credit(total: 1), after: 600_000)
    let later = scene.feed(
      .alertsRead([left("node-lost", "w9"), left("node-lost", "w8", by: "c1")]))
    #expect(later.alerts.map(\.id.description) == ["node-lost/w9"])
    // c1 is forgotten: it will not end what it raised.
    scene.feed(.coordinatorsRead([]))
    let orphaned = scene.feed(
      .alertsRead([
        left("node-lost", "w8", by: "c1"), left("partition-suspected", "cluster", by: "c1"),
      ]))
    #expect(
      orphaned.alerts.map(\.id.description) == ["node-lost/w8", "partition-suspected/cluster"])
  }

  @Test func whatOthersHaveRaisedIsInTheHealthHere() {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(.storeAnswered(nil))
    var warning = left("certificate-expiry", "w8", by: "c1")
    warning.severity = .warning
    warning.summary = "soon"
    var lost = left("node-lost", "w9", by: "c1")
    lost.summary = "worker w9 is lost"
    #expect(scene.feed(.alertsRead([warning, lost])).healthChanged)
    let health = scene.core.health(at: scene.now)
    #expect(health.alerts.map(\.subject) == ["w8", "w9"])
    #expect(health.verdict.hasPrefix("worker w9 is lost"), "the worst, whichever came first")
    scene.feed(.alertsRead([]))
    #expect(scene.core.health(at: scene.now).alerts == [])
  }

  @Test func whatIsSeenHereIsNoLeftover() {
    let scene = ClusterScene {
      $0.certificate = life(days: 1, from: Simulator.start - .seconds(86_000))
    }
    scene.begin()
    #expect(scene.feed(.tick, after: 2_000).alerts.map(\.rule).contains("certificate-expiry"))
    #expect(scene.feed(.alertsRead(scene.core.firingAlerts), after: 700_000).alerts == [])
  }
}
