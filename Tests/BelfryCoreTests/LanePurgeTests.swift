import BelfryCore
import BelfryTestKit
import Testing

/// A lane that is emptied: each job that waits there gets the outcome cancelled.
@Suite struct LanePurgeTests {
  private func purge(at now: WallTime, lasts: Duration = .seconds(30)) -> LanePurge {
    LanePurge(lane: .default, by: "operator me", since: now, ends: now + lasts)
  }

  private func job(_ id: String, at time: WallTime?) -> JobMessage {
    JobMessage(job: Job(id: JobID(trusted: id), kind: ClusterScene.kind, submittedAt: time))
  }

  private func cancelled(_ ready: Ready) -> [String] {
    ready.records.flatMap { request -> [Outcome] in
      guard case .insert(_, let outcomes) = request else { return [] }
      return outcomes.filter { $0.state == .cancelled }
    }.map { "\($0.id): \($0.error?.message ?? "")" }
  }

  /// Since more than five seconds.
  private func running(_ scene: ClusterScene) {
    scene.feed(.tick)
    scene.feed(.tick, after: 5_000)
  }

  @Test("a coordinator that has just started lets its workers say first what they run")
  func afterAStart() {
    let scene = ClusterScene()
    let begin = scene.now.wall
    scene.feed(.tick)
    scene.feed(.purgesRead([purge(at: begin)]))
    scene.begin(credit: 0)
    #expect(cancelled(scene.arrives(job("j0", at: begin))).isEmpty)
    scene.feed(.tick, after: 5_000)
    #expect(scene.feed(.purgesRead([purge(at: begin)])).lookups.map(\.job.text) == ["j0"])
  }

  @Test("what waits here is looked up, then cancelled, announced and acked; what runs goes on")
  func held() {
    let scene = ClusterScene()
    running(scene)
    scene.begin(credit: 1)
    scene.arrives(job("j0", at: scene.now.wall))
    scene.arrives(job("j1", at: scene.now.wall))
    #expect(scene.core.load.beliefs == 1)
    let ready = scene.feed(.purgesRead([purge(at: scene.now.wall)]))
    #expect(ready.lookups.map(\.job.text) == ["j1"] && ready.sends.isEmpty)
    let ticket = ready.lookups.first?.ticket ?? 0
    let recorded = scene.feed(.lookedUp([(ticket: ticket, answer: .absent)]))
    #expect(cancelled(recorded) == ["j1: its lane was emptied by operator me"])
    guard case .insert(let batch, _) = recorded.records.first else { return }
    let announced = scene.feed(.inserted(batch: batch, [.inserted]))
    #expect(announced.publishes.count == 1 && announced.acks.isEmpty)
    scene.confirmed(announced.publishes[0].id.number)
    #expect(scene.core.load.entries == 1 && scene.core.purged(.default) == 1)
  }

  @Test("what was submitted earlier is cancelled when it comes, what is newer waits for its turn")
  func arrives() {
    let scene = ClusterScene()
    running(scene)
    scene.begin(credit: 0)
    let begin = scene.now.wall
    scene.feed(.purgesRead([purge(at: begin)]))
    for (id, time) in [("j0", begin), ("j1", nil)] as [(String, WallTime?)] {
      // Of a message that does not say it nobody knows how old it is.
      let ready = scene.arrives(job(id, at: time))
      #expect(cancelled(ready).count == 1, "\(id)")
      guard case .insert(let batch, _) = ready.records.first else { return }
      scene.feed(.inserted(batch: batch, [.inserted]))
    }
    #expect(cancelled(scene.arrives(job("j2", at: begin + .seconds(1)))).isEmpty)
    var delayed = job("j4", at: begin)
    delayed.runAt = begin + .seconds(3_600)
    let kept = scene.arrives(delayed)
    #expect(cancelled(kept).isEmpty && kept.owes.count == 1, "it waits for its time")
    #expect(scene.core.place(of: JobID(trusted: "j2"))?.state == "queued")
    // Forgotten by whoever began it, it ends all the same.
    scene.feed(.tick, after: 31_000)
    #expect(cancelled(scene.arrives(job("j3", at: begin))).isEmpty)
  }

  @Test("a lane is read while it is emptied, paused or not, with a worker or without")
  func consumers() {
    let scene = ClusterScene()
    running(scene)
    scene.begin()
    scene.feed(.sessionClosed(SessionID(1), why: "gone"))
    for _ in 0..<20 { scene.feed(.tick, after: 100) }
    let pause = LanePause(lane: .default, by: "x", reason: "", since: scene.now.wall)
    scene.feed(.pausesRead([pause]))
    func commands(_ ready: Ready) -> (consumed: Int, ended: Int) {
      (
        ready.commands.count { if case .consume = $0 { true } else { false } },
        ready.commands.count { if case .endConsumer = $0 { true } else { false } }
      )
    }
    scene.feed(.queue(.depth(queue: QueueTopology.parked(.default), ready: 0)))
    let list = [purge(at: scene.now.wall)]
    #expect(commands(scene.feed(.purgesRead(list))) == (4, 0))
    let parked = scene.feed(.tick, after: 100)
    #expect(parked.commands.contains(.measure([QueueTopology.parked(.default)])))
    let read = scene.arrives(job("j0", at: scene.now.wall - .seconds(60)), from: .parked)
    #expect(read.publishes.count { if case .job(_, .again) = $0.what { true } else { false } } == 1)
    // The same list, read once more when its time is over.
    #expect(commands(scene.feed(.purgesRead(list), after: 31_000)) == (0, 4))
  }
}
