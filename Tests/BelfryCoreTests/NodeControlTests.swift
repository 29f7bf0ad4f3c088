import BelfryCore
import Testing

/// What operators set of workers: a cordon, labels.
@Suite struct NodeControlTests {
  private static let w0 = NodeName(trusted: "w0")
  private static let fast = [Label(key: "disk", value: "fast")].compactMap { $0 }

  private func cordon(_ name: String = "w0") -> NodeControl {
    NodeControl(
      name: NodeName(trusted: name),
      cordon: .init(by: "operator me", reason: "fan", since: WallTime(milliseconds: 1)))
  }

  private func given(_ ready: Ready) -> [String] {
    ready.sends.compactMap { send in
      guard case .assign(let assign) = send.message else { return nil }
      return "\(assign.job.id) to \(send.session.number)"
    }
  }

  private func consumes(_ ready: Ready) -> Bool? {
    for command in ready.commands {
      if case .consume = command { return true }
      if case .endConsumer = command { return false }
    }
    return nil
  }

  @Test("a cordoned worker gets no new jobs, and keeps its session and what it runs")
  func cordoned() {
    let scene = ClusterScene()
    scene.begin()
    scene.join("w1", session: 2)
    #expect(given(scene.arrives(ClusterScene.job("j0"))) == ["j0 to 1"])
    let ready = scene.feed(.controlsRead([cordon()]))
    #expect(ready.closes.isEmpty && ready.sends.isEmpty && ready.healthChanged)
    // Each of them has credit; the other one alone is asked.
    #expect(given(scene.arrives(ClusterScene.job("j1"))) == ["j1 to 2"])
    #expect(given(scene.arrives(ClusterScene.job("j2"))) == ["j2 to 2"])
    #expect(given(scene.arrives(ClusterScene.job("j3"))).isEmpty)
    let first = ClusterScene.assignment(1)
    scene.said(1, scene.started("j0", first))
    #expect(!scene.said(1, scene.finished("j0", first)).publishes.isEmpty)
    #expect(given(scene.feed(.controlsRead([]))) == ["j3 to 1"])
  }

  @Test("a cordon holds for a worker that is not here yet, and after its restart")
  func outlives() {
    let scene = ClusterScene()
    scene.feed(.controlsRead([cordon()]))
    scene.begin()
    scene.join("w1", session: 2, credit: 0)
    #expect(given(scene.arrives(ClusterScene.job())).isEmpty)
    scene.feed(.sessionClosed(SessionID(1), why: "gone"))
    scene.join("w0", session: 3, boot: 2)
    #expect(scene.core.load.beliefs == 0)
    #expect(given(scene.feed(.controlsRead([]))) == ["j0 to 3"])
  }

  @Test(
    "slots of cordoned workers do not count: where there are no others the lane is not consumed")
  func consumers() {
    let scene = ClusterScene()
    scene.begin()
    #expect(consumes(scene.feed(.controlsRead([cordon()]))) == false)
    #expect(consumes(scene.feed(.controlsRead([cordon()]))) == nil, "it is known already")
    #expect(consumes(scene.feed(.controlsRead([]))) == true)
  }

  @Test("a job that only a cordoned worker could run says so, is parked, and read again afterwards")
  func waits() {
    let scene = ClusterScene()
    scene.begin()
    scene.join("w1", session: 2, kinds: [Kind(trusted: "other")])
    scene.feed(.controlsRead([cordon()]))
    scene.arrives(ClusterScene.job())
    let why = "only cordoned workers serve kind resize: w0"
    #expect(scene.core.place(of: JobID(trusted: "j0"))?.waitingFor == why)
    scene.feed(.tick)
    let parked = scene.feed(.tick, after: 5_000)
    #expect(parked.publishes.map(\.what.isParked) == [true])
    #expect(scene.core.health(at: scene.now).lanes.first?.unserved == ["kind resize"])
    scene.feed(.queue(.depth(queue: QueueTopology.parked(.default), ready: 1)))
    scene.feed(.storeAnswered(nil))
    let health = scene.core.health(at: scene.now)
    #expect(health.lanes.first?.waitsFor == why)
    #expect(health.verdict == "lane default: \(why)")
    scene.feed(.queue(.readDone(queue: QueueTopology.parked(.default), count: 0)))
    scene.feed(.controlsRead([]))
    let next = scene.feed(.tick, after: 100)
    #expect(next.commands.contains(.measure([QueueTopology.parked(.default)])))
  }

  @Test("where all of a lane's workers are cordoned the lane says so")
  func lane() {
    let scene = ClusterScene()
    scene.begin()
    scene.join("w1", session: 2)
    scene.feed(.controlsRead([cordon(), cordon("w1")]))
    scene.feed(.queue(.depth(queue: QueueTopology.queue(.default, .normal), ready: 3)))
    #expect(
      scene.core.health(at: scene.now).lanes.first?.waitsFor
        == "no worker but cordoned ones is in session: w0, w1")
  }

  @Test("health says who cordoned a worker and why, whatever else is the matter with it")
  func health() {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(.controlsRead([cordon()]))
    var node = scene.core.health(at: scene.now).nodes.first { $0.name == "w0" }
    #expect(node?.state == "cordoned" && node?.since == WallTime(milliseconds: 1))
    #expect(node?.reason == "cordoned by operator me: fan" && node?.isInSession == true)
    for _ in 0..<20 { scene.feed(.tick, after: 100) }
    node = scene.core.health(at: scene.now).nodes.first { $0.name == "w0" }
    #expect(node?.state == "suspect" && node?.cordon == cordon().cordon)
    #expect(node?.reason.hasSuffix("; cordoned by operator me: fan") == true)
  }

  @Test("labels that operators set bring jobs to a worker, and go before its own of the same key")
  func labels() {
    let scene = ClusterScene()
    scene.begin()
    func job(_ id: String) -> JobMessage {
      JobMessage(
        job: Job(id: JobID(trusted: id), kind: ClusterScene.kind, requires: Self.fast))
    }
    #expect(given(scene.arrives(job("j0"))).isEmpty)
    let labelled = NodeControl(name: Self.w0, labels: Self.fast)
    #expect(given(scene.feed(.controlsRead([labelled]))) == ["j0 to 1"])
    #expect(scene.core.health(at: scene.now).nodes.last?.labels == Self.fast)
    scene.feed(.controlsRead([]))
    #expect(given(scene.arrives(job("j1"))).isEmpty)
    let own = ["disk=slow", "zone=b"].flatMap { Label.list($0) ?? [] }
    #expect(Label.text(labelled.labels(beside: own)) == "disk=fast,zone=b")
  }

  @Test("what is stored is read back; a record that cannot be read is a cordon")
  func records() {
    let both = NodeControl(name: Self.w0, cordon: cordon().cordon, labels: Self.fast)
    for control in [cordon(), NodeControl(name: Self.w0, labels: Self.fast), both] {
      #expect(NodeControl(control.stored(version: 1, at: WallTime(milliseconds: 5))) == control)
    }
    let damaged = StoredRecord(
      .controls, id: "w0", version: 0, writtenAt: WallTime(milliseconds: 0), fields: [:])
    #expect(NodeControl(damaged)?.cordon != nil)
    #expect(NodeControl(name: Self.w0).isEmpty && !both.isEmpty)
  }
}

extension Publish.What {
  fileprivate var isParked: Bool {
    if case .job(_, .parked) = self { true } else { false }
  }
}
