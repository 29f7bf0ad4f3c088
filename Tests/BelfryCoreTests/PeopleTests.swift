import BelfryCore
import Testing

/// Cancels and pauses as other coordinators wrote them, and what is taken back.
@Suite struct PeopleTests {
  private static let j0 = JobID(trusted: "j0")

  private func pause(_ lane: Lane = .default) -> LanePause {
    LanePause(lane: lane, by: "operator me", reason: "", since: WallTime(milliseconds: 1))
  }

  private func cancels(_ ready: Ready) -> [JobID] {
    ready.sends.compactMap { if case .cancel(let job, _) = $0.message { job } else { nil } }
  }

  @Test("a job that waits for a slot is looked up when its cancel is read")
  func queued() {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    #expect(scene.arrives(ClusterScene.job()).lookups.isEmpty)
    #expect(scene.feed(.cancelsRead([Self.j0])).lookups.map(\.job) == [Self.j0])
    // Read again with each poll: once is enough.
    #expect(scene.feed(.cancelsRead([Self.j0])).lookups.isEmpty)
  }

  @Test("a run is told to end when its cancel is read, and when it is named afterwards")
  func running() {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job())
    let first = ClusterScene.assignment(1)
    scene.said(1, scene.started("j0", first))
    #expect(cancels(scene.feed(.cancelsRead([Self.j0]))) == [Self.j0])
    let other = ClusterScene.assignment(7, boot: ClusterScene.boot(4))
    let unknown = JobID(trusted: "j9")
    scene.feed(.cancelsRead([unknown]))
    #expect(cancels(scene.said(1, scene.started("j9", other))) == [unknown])
  }

  @Test("a message of a cancelled job is looked up, and settled though the store has nothing yet")
  func arrivesLater() {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(.cancelsRead([Self.j0]))
    let ticket = scene.arrives(ClusterScene.job()).lookups.first?.ticket ?? 0
    let ready = scene.feed(.lookedUp([(ticket: ticket, answer: .absent)]))
    guard case .insert(_, let outcomes) = ready.records.first else {
      Issue.record("nothing is recorded")
      return
    }
    #expect(outcomes.map(\.state) == [.cancelled] && ready.sends.isEmpty)
  }

  @Test("a cancel that is withdrawn holds no longer")
  func withdrawn() {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(.cancelsRead([Self.j0]))
    scene.feed(.forgotten([Self.j0]))
    #expect(scene.arrives(ClusterScene.job()).lookups.isEmpty)
    #expect(scene.core.load.beliefs == 1)
  }

  @Test("a paused lane keeps what it holds and gives none of it out, and goes on with what runs")
  func paused() {
    let scene = ClusterScene()
    scene.begin(credit: 1)
    scene.arrives(ClusterScene.job("j0"))
    scene.arrives(ClusterScene.job("j1"))
    #expect(scene.core.load.beliefs == 1)
    let ready = scene.feed(.pausesRead([pause()]))
    // The broker counts what is given back as delivered once more.
    #expect(ready.requeues.isEmpty)
    let ended = ready.commands.filter { if case .endConsumer = $0 { true } else { false } }
    #expect(ended.count == 4)
    #expect(scene.arrives(ClusterScene.job("j2")).requeues.isEmpty)
    #expect(scene.core.load.entries == 3 && scene.core.load.beliefs == 1)
    #expect(scene.core.place(of: JobID(trusted: "j2"))?.waitingFor.contains("paused by") == true)
    // The same list again changes nothing; another lane's pause neither.
    #expect(scene.feed(.pausesRead([pause(), pause(Lane(trusted: "x"))])).commands.isEmpty)
    let first = ClusterScene.assignment(1)
    scene.said(1, scene.started("j0", first))
    #expect(!scene.said(1, scene.finished("j0", first)).publishes.isEmpty)
    let credit = scene.said(1, .credit(total: 3))
    #expect(credit.sends.isEmpty && scene.core.load.beliefs == 0)

    let resumed = scene.feed(.pausesRead([]))
    let consumed = resumed.commands.filter { if case .consume = $0 { true } else { false } }
    #expect(consumed.count == 4)
    #expect(scene.core.load.beliefs == 2)
  }

  @Test("however often a lane is paused, no job of it looks as if somebody died of it")
  func pausedOften() {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    scene.arrives(ClusterScene.job("j0"))
    for _ in 0..<12 {
      #expect(scene.feed(.pausesRead([pause()])).requeues.isEmpty)
      #expect(scene.feed(.pausesRead([])).requeues.isEmpty)
    }
    #expect(scene.core.firingAlerts.isEmpty && scene.core.load.entries == 1)
  }

  @Test("a paused lane says who did it, and is no trouble of the cluster's")
  func pausedHealth() {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(.storeAnswered(nil))
    scene.feed(.pausesRead([pause()]))
    scene.feed(.queue(.depth(queue: QueueTopology.queue(.default, .normal), ready: 3)))
    let health = scene.core.health(at: scene.now)
    #expect(health.lanes.first?.waitsFor == "the lane is paused by operator me")
    #expect(health.verdict.isEmpty)
  }

  @Test("a job whose outcome is recorded is no longer running here, though its event is on its way")
  func place() {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job())
    let first = ClusterScene.assignment(1)
    scene.said(1, scene.started("j0", first))
    #expect(scene.core.place(of: Self.j0)?.state == "running")
    scene.said(1, scene.finished("j0", first))
    #expect(scene.core.place(of: Self.j0) == nil && scene.core.load.entries == 1)
  }

  @Test("a cancel says whether the job was seen, and what was first")
  func answers() {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    scene.arrives(ClusterScene.job())
    func answer(_ token: UInt64, _ job: String, _ result: InsertAnswer) -> Bool? {
      let asked = scene.feed(.cancelled(token: token, JobID(trusted: job), by: "operator me"))
      guard case .insert(let batch, _) = asked.records.first else { return nil }
      let ready = scene.feed(.inserted(batch: batch, [result]))
      guard case .cancelled(token, let outcome, let wasSeen) = ready.answers.first else {
        return nil
      }
      return outcome.state == .cancelled ? wasSeen : nil
    }
    #expect(answer(1, "j0", .inserted) == true)
    #expect(answer(2, "j9", .inserted) == false)
  }
}
