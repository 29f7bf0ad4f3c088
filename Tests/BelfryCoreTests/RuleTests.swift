import BelfryCore
import Testing

/// What is told once it has been so for a while: of lanes, of clocks, of versions, of sinks.
@Suite struct RuleTests {
  private let scene = ClusterScene { $0.software = "belfry 1.0" }

  /// Ticks for so long while worker `w0` is heard; the alerts meanwhile.
  @discardableResult
  private func pass(_ seconds: Int64, hears: Bool = true, ahead: Duration = .zero) -> [String] {
    var alerts: [String] = []
    for step in 0..<(seconds * 2) {
      alerts += Self.texts(scene.feed(.tick, after: 500))
      guard hears else { continue }
      let wall = scene.now.wall + ahead
      alerts += Self.texts(
        scene.said(
          1, .heartbeat(Heartbeat(sequence: UInt64(step) + 1, echo: 1, wall: wall)), after: 0))
    }
    return alerts
  }

  private static func texts(_ ready: Ready) -> [String] {
    ready.alerts.map { "\($0.id) \($0.state)" }
  }

  private func firing(_ rule: String) -> Alert? {
    scene.core.firingAlerts.first { $0.rule == rule }
  }

  private func measured(_ queue: String, _ count: Int) {
    scene.feed(.queue(.depth(queue: queue, ready: count)))
  }

  // MARK: lanes

  @Test("jobs wait and nobody takes any: told after a minute, over when somebody does")
  func unserved() throws {
    scene.feed(.queue(.consumingUp(scene.channel)))
    scene.feed(.queue(.publishingUp))
    measured("belfry.lane.default", 3)
    #expect(pass(55, hears: false) == [])
    #expect(pass(10, hears: false) == ["lane-unserved/default firing"])
    #expect(try #require(firing("lane-unserved")).why == "no worker is in session")
    scene.join("w0", session: 1)
    #expect(pass(4) == ["lane-unserved/default resolved"])
  }

  @Test("a lane that is paused, and one whose workers are cordoned, is so on purpose")
  func onPurpose() {
    scene.begin()
    scene.arrives(ClusterScene.job("other", kind: Kind(trusted: "nobody-does-this")))
    scene.feed(
      .controlsRead([
        NodeControl(
          name: NodeName(trusted: "w0"),
          cordon: NodeControl.Cordon(by: "me", reason: "", since: scene.now.wall))
      ]))
    #expect(pass(100) == [])
    scene.feed(.controlsRead([]))
    #expect(pass(100) == ["lane-unserved/default firing"])
  }

  @Test("a job that has waited ten minutes for a slot is told of")
  func waits() throws {
    scene.begin(credit: 1)
    for number in 0...1 { scene.arrives(ClusterScene.job("j\(number)")) }
    #expect(pass(600) == [])
    #expect(pass(70) == ["lane-waits/default firing"])
    #expect(try #require(firing("lane-waits")).why.contains("slots"))
    scene.said(1, .credit(total: 2))
    #expect(pass(4) == ["lane-waits/default resolved"])
  }

  @Test("of at least twenty jobs half fail: told; it is over when fewer do")
  func fails() throws {
    scene.begin(credit: 1_000)
    scene.feed(.tick)
    var count = 0
    func end(_ jobs: Int, _ state: Outcome.State) {
      for _ in 0..<jobs {
        count += 1
        let id = "j\(count)"
        scene.arrives(ClusterScene.job(id, tries: 1))
        let assignment = ClusterScene.assignment(UInt64(count))
        var outcome = scene.outcome(id, assignment)
        outcome.state = state
        scene.said(
          1, .finished(job: JobID(trusted: id), assignment: assignment, .recorded(outcome)))
      }
    }
    end(9, .succeeded)
    end(10, .failed)
    #expect(pass(4) == [], "nineteen are few")
    end(1, .failed)
    #expect(pass(4) == ["lane-fails/default firing"])
    #expect(try #require(firing("lane-fails")).why.hasPrefix("11 of 20 "))
    let lane = scene.core.health(at: scene.now).lanes[0]
    #expect(lane.finishedPerSecond > 0 && lane.failedPerSecond > 0)
    end(10, .succeeded)
    #expect(pass(4) == ["lane-fails/default resolved"])
    pass(20)
    #expect(scene.core.health(at: scene.now).lanes[0].finishedPerSecond == 0)
  }

  @Test("a run that takes three times as long as 99 % of a hundred others, and ten minutes")
  func runsLong() throws {
    scene.begin(credit: 1_000)
    for number in 1...100 {
      let (id, assignment) = ("j\(number)", ClusterScene.assignment(UInt64(number)))
      scene.arrives(ClusterScene.job(id))
      var outcome = scene.outcome(id, assignment)
      outcome.startedAt = outcome.finishedAt - .seconds(250)
      scene.said(1, .finished(job: JobID(trusted: id), assignment: assignment, .recorded(outcome)))
    }
    scene.arrives(ClusterScene.job("long"))
    #expect(pass(890) == [], "its lane's runs take up to 300 s")
    #expect(pass(20) == ["job-runs-long/default firing"])
    #expect(try #require(firing("job-runs-long")).why.contains("job long has run on w0"))
    scene.said(1, scene.finished("long", ClusterScene.assignment(101)))
    #expect(pass(4) == ["job-runs-long/default resolved"])
  }

  // MARK: nodes

  @Test("a clock that is wrong by two seconds for half a minute")
  func clock() throws {
    scene.begin()
    pass(2)
    #expect(pass(25, ahead: .seconds(-3)) == [])
    #expect(pass(10, ahead: .seconds(-3)) == ["clock-offset/w0 firing"])
    #expect(try #require(firing("clock-offset")).why.contains("3.0 s behind"))
    #expect(pass(4) == ["clock-offset/w0 resolved"])
  }

  @Test("lost for the third time within ten minutes")
  func flapping() throws {
    scene.begin()
    for session in 2...4 as ClosedRange<UInt64> {
      pass(6, hears: false)
      scene.join("w0", session: session, boot: session)
      if session < 4 { #expect(firing("node-flapping") == nil) }
    }
    #expect(try #require(firing("node-flapping")).why.contains("lost 3 times"))
    scene.join("w0", session: 1, boot: 9)
    pass(590)
    #expect(firing("node-flapping") != nil)
    pass(30)
    #expect(firing("node-flapping") == nil)
  }

  @Test("two versions for an hour")
  func versions() throws {
    scene.begin()
    var hello = Hello(
      worker: NodeName(trusted: "w1"), boot: ClusterScene.boot(3), slots: 1,
      kinds: [ClusterScene.kind], coordinatorRecords: false, holding: [])
    hello.software = "belfry 0.9"
    scene.feed(.sessionOpened(SessionID(2), hello, from: "10.0.0.2"))
    var alerts: [String] = []
    for _ in 0..<1_810 {
      alerts += pass(2)
      scene.said(2, .heartbeat(Heartbeat(sequence: 1, echo: 0)), after: 0)
    }
    #expect(alerts == ["version-skew/cluster firing"])
    #expect(try #require(firing("version-skew")).why == "belfry 0.9, belfry 1.0")
  }

  // MARK: sinks

  @Test("alerts that do not get to a sink for five minutes: the others are told")
  func sink() throws {
    scene.begin()
    func look(_ result: AlertDelivery.Result, waiting: Int) {
      let delivery = AlertDelivery(
        at: scene.now.wall, alert: AlertID(rule: "node-lost", subject: "w1"), state: .firing,
        result: result, why: "connection refused")
      scene.feed(
        .sinksLooked([
          SinkLook(name: "pager", kind: "webhook", waiting: waiting, deliveries: [delivery])
        ]))
    }
    look(.failed, waiting: 2)
    #expect(pass(295) == [])
    #expect(pass(10) == ["alert-delivery/pager firing"])
    #expect(try #require(firing("alert-delivery")).why == "2 wait: connection refused")
    look(.delivered, waiting: 0)
    #expect(pass(4) == ["alert-delivery/pager resolved"])
  }
}
