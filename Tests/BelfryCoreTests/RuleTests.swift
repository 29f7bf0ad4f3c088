import BelfryCore
import Testing

/// What is told once it has been so for a while: of lanes, of clocks, of versions, of sinks.
@Suite struct RuleTests {
  private let scene = ClusterScene { $0.software = "belfry 1.0" }

  /// Ticks for so long while worker `w0` is heard and the broker answers; the alerts meanwhile.
  @discardableResult
  private func pass(
    _ seconds: Int64, hears: Bool = true, ahead: Duration = .zero, ready: Int = 0
  ) -> [String] {
    var alerts: [String] = []
    for _ in 0..<(seconds * 2) {
      let tick = scene.feed(.tick, after: 500)
      alerts += Self.texts(tick)
      scene.feed(.queue(.depth(queue: "belfry.lane.default", ready: ready)), after: 0)
      guard hears else { continue }
      for case (_, .heartbeat(let beat)) in tick.sends {
        let answer = Heartbeat(
          sequence: beat.sequence, echo: beat.sequence, wall: scene.now.wall + ahead)
        alerts += Self.texts(scene.said(1, .heartbeat(answer), after: 0))
      }
    }
    return alerts
  }

  private static func texts(_ ready: Ready) -> [String] {
    ready.alerts.map { "\($0.id) \($0.state)" }
  }

  private func firing(_ rule: String) -> Alert? {
    scene.core.firingAlerts.first { $0.rule == rule }
  }

  // MARK: lanes

  private func begin() {
    scene.feed(.queue(.consumingUp(scene.channel)))
    scene.feed(.queue(.publishingUp))
  }

  @Test("jobs wait and nobody takes any: told after a minute, over when somebody does")
  func unserved() throws {
    begin()
    #expect(pass(58, hears: false, ready: 3) == [])
    #expect(pass(10, hears: false, ready: 3) == ["lane-unserved/default firing"])
    #expect(try #require(firing("lane-unserved")).why == "no worker is in session")
    scene.join("w0", session: 1)
    #expect(pass(4, ready: 3) == ["lane-unserved/default resolved"])
  }

  @Test("a lane that is paused, and one whose workers are cordoned, is so on purpose")
  func onPurpose() {
    begin()
    let pause = LanePause(lane: .default, by: "me", reason: "", since: scene.now.wall)
    scene.feed(.pausesRead([pause]))
    #expect(pass(100, hears: false, ready: 3) == [])
    scene.feed(.pausesRead([]))
    let cordon = NodeControl.Cordon(by: "me", reason: "", since: scene.now.wall)
    scene.feed(.controlsRead([NodeControl(name: NodeName(trusted: "w0"), cordon: cordon)]))
    scene.join("w0", session: 1)
    #expect(pass(100, ready: 3) == [])
  }

  @Test("a job that has waited ten minutes for a slot is told of")
  func waits() throws {
    scene.begin(credit: 1)
    for number in 0...1 { scene.arrives(ClusterScene.job("j\(number)")) }
    #expect(pass(600) == [])
    #expect(pass(70) == ["lane-waits/default firing"])
    #expect(try #require(firing("lane-waits")).why.contains("its turn"))
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
    #expect(pass(4) == [], "not yet below a quarter")
    end(20, .succeeded)
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

  private func other(_ version: Int) {
    let record = CoordinatorRecord(
      name: NodeName(trusted: "c1"), boot: ClusterScene.boot(7), state: .up,
      since: WallTime(milliseconds: 0))
    scene.feed(
      .coordinatorsRead([record.stored(version: version, at: WallTime(milliseconds: 0))]))
  }

  private func pass(_ seconds: Int64, missing: Bool) -> [String] {
    var alerts: [String] = []
    for _ in 0..<seconds * 2 {
      alerts += Self.texts(scene.feed(.tick, after: 500))
      var beat = Heartbeat(sequence: 1, echo: 0)
      if missing { beat.misses = [NodeName(trusted: "c1")] }
      alerts += Self.texts(scene.said(1, .heartbeat(beat), after: 0))
      let theirs = Heartbeat(sequence: 1, echo: 0, hears: [NodeName(trusted: "c1")])
      alerts += Self.texts(scene.said(2, .heartbeat(theirs), after: 0))
      other(Int(scene.now.wall.milliseconds))
    }
    return alerts
  }

  @Test(
    "a worker that is heard here and has lost another coordinator, which writes and is heard by others"
  )
  func link() throws {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    other(1)
    #expect(pass(20, missing: true) == [], "no worker hears it: that is an alert of its own")
    scene.join("w1", session: 2)
    #expect(pass(8, missing: true) == [])
    #expect(pass(6, missing: true) == ["link-degraded/w0 firing"])
    #expect(try #require(firing("link-degraded")).why.contains("its session with c1"))
    #expect(pass(4, missing: false) == ["link-degraded/w0 resolved"])
  }

  @Test(
    "lost to another coordinator, and heard here since: that is over; not if it was heard before only"
  )
  func heardElsewhere() {
    scene.begin()
    var lost = Alert(
      rule: "node-lost", subject: "w0", severity: .critical, summary: "", why: "",
      firedAt: scene.now.wall + .milliseconds(1))
    lost.coordinator = "c1"
    #expect(
      Self.texts(scene.feed(.alertsRead([lost]), after: 1_000)) == [], "it may have died since")
    scene.said(1, .heartbeat(Heartbeat(sequence: 1, echo: 0)), after: 100)
    let over = scene.feed(.alertsRead([lost])).alerts
    #expect(over.map(\.why) == ["coordinator c0 hears it"])
  }

  @Test(
    "what another has closed: a lost worker is heard there, of the broker people are told again")
  func closedElsewhere() {
    scene.begin()
    pass(6, hears: false)
    #expect(firing("node-lost") != nil)
    scene.feed(.queue(.consumingDown(scene.channel, reason: "no route")))
    pass(8, hears: false)
    #expect(firing("broker-down") != nil)
    let open = scene.core.firingAlerts
    #expect(scene.feed(.alertsRead([])).alerts == [], "they are not recorded yet")
    #expect(scene.core.firingAlerts == open)
    for _ in 0..<20 { #expect(scene.feed(.alertsRead(open), after: 1_000).alerts == []) }
    #expect(scene.feed(.alertsRead([])).alerts == [])
    #expect(firing("node-lost") == nil && firing("broker-down") == nil)
    #expect(pass(4, hears: false) == ["broker-down/broker firing"], "it is so here all the same")
    // Of this worker, which is lost here too, nobody says that it is not.
    var lost = open[0]
    lost.coordinator = "c0"
    #expect(scene.feed(.alertsRead([lost]), after: 700_000).alerts == [])
  }

  @Test("what has ended here while nobody read it is not taken for closed by others the next time")
  func endedBetweenReads() {
    scene.begin()
    pass(6, hears: false)
    scene.feed(.alertsRead(scene.core.firingAlerts))
    scene.join("w0", session: 2)
    pass(6, hears: false)
    #expect(firing("node-lost") != nil)
    scene.feed(.alertsRead([]))
    #expect(firing("node-lost") != nil, "it was read before it was recorded")
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
