import BelfryCore

/// What people tell a cluster through the store: cancels, paused lanes, cordons. Each coordinator reads them
/// before it opens its first channel, then every second.
extension Simulator {
  func setPause(_ pause: LanePause?, of lane: Lane) {
    store.pauses.removeAll { $0.lane == lane }
    if let pause { store.pauses.append(pause) }
    store.pausesVersion += 1
    note { "store: lane \(lane) \(pause == nil ? "goes on" : "is paused")" }
  }

  func setCordon(_ cordon: NodeControl.Cordon?, of name: NodeName) {
    store.controls.removeAll { $0.name == name }
    if let cordon { store.controls.append(NodeControl(name: name, cordon: cordon)) }
    store.controlsVersion += 1
    note { "store: worker \(name) \(cordon == nil ? "gets jobs again" : "is cordoned")" }
  }

  /// Before the first job, all there is; the shell waits for it.
  func readControl(first process: SimulatedCoordinator) {
    for input in controlNews(for: process) {
      queue.push(Event(target: process.index, body: .cluster(input)), at: now)
    }
  }

  func pollControl(_ process: SimulatedCoordinator) {
    guard now - process.polledAt >= ms(1_000), store.outageUntil <= now else { return }
    process.polledAt = now
    for input in controlNews(for: process) {
      push(Event(target: process.index, body: .cluster(input)), in: plan.storeDelay)
    }
  }

  /// What is new to a process; the real shell says what is old again, which changes nothing.
  private func controlNews(for process: SimulatedCoordinator) -> [Input] {
    var news: [Input] = []
    if process.cancelsRead < store.cancels.count {
      news.append(.cancelsRead(Array(store.cancels[process.cancelsRead...])))
      process.cancelsRead = store.cancels.count
    }
    if process.pausesVersion != store.pausesVersion {
      news.append(.pausesRead(store.pauses))
      process.pausesVersion = store.pausesVersion
    }
    if process.controlsVersion != store.controlsVersion {
      news.append(.controlsRead(store.controls))
      process.controlsVersion = store.controlsVersion
    }
    return news
  }

  /// Notes what a core is told, before it is.
  func learns(_ process: SimulatedCoordinator, _ input: Input) {
    switch input {
    case .cancelsRead(let jobs): process.knownCancels.formUnion(jobs)
    case .controlsRead(let controls):
      process.knownCordons = Set(controls.filter { $0.cordon != nil }.map(\.name))
    case .pausesRead(let pauses): process.knownPauses = Set(pauses.map(\.lane))
    default: return
    }
  }

  /// P1: what is paused or cancelled is not given out by one that knows, and nothing to a cordoned worker.
  func checkWanted(_ assign: Assign, to worker: NodeName, by process: SimulatedCoordinator) {
    if process.knownCordons.contains(worker) {
      fail(
        .P1, "\(process.name) gives \(assign.job.id) to \(worker), which it knows to be cordoned")
    }
    if process.knownCancels.contains(assign.job.id) {
      fail(.P1, "\(process.name) gives out \(assign.job.id), which it knows to be cancelled")
    }
    if process.knownPauses.contains(assign.job.lane) {
      fail(.P1, "\(process.name) gives out \(assign.job.id) of a lane that it knows to be paused")
    }
  }

  func cordonNode() -> Bool {
    let name = NodeName(trusted: "w\(choice.below(plan.workers.count))")
    guard !store.controls.contains(where: { $0.name == name }) else { return false }
    setCordon(NodeControl.Cordon(by: "op", reason: "", since: Simulator.start), of: name)
    queue.push(Event(body: .uncordon(name)), at: now + choice.within(ms(500)...ms(6_000)))
    return true
  }

  func pauseLane() -> Bool {
    let lane = choice.pick(plan.lanes)
    guard !store.pauses.contains(where: { $0.lane == lane }) else { return false }
    setPause(
      LanePause(lane: lane, by: "op", reason: "", since: Simulator.start), of: lane)
    queue.push(Event(body: .resume(lane)), at: now + choice.within(ms(500)...ms(6_000)))
    return true
  }
}
