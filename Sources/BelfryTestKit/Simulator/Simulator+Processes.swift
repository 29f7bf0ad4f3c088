import BelfryCore

/// Nodes that start, sleep, crash and leave.
extension Simulator {
  func coordinator(_ process: SimulatedProcess) -> SimulatedCoordinator {
    unsafeDowncast(process, to: SimulatedCoordinator.self)
  }

  func worker(_ process: SimulatedProcess) -> SimulatedWorker {
    unsafeDowncast(process, to: SimulatedWorker.self)
  }

  func isCoordinator(_ node: Int) -> Bool { node < plan.coordinators }

  /// The coordinators, or the workers, that are alive now.
  func alive(coordinators: Bool) -> [SimulatedProcess] {
    current.indices.filter { isCoordinator($0) == coordinators && current[$0] >= 0 }
      .map { processes[Int(current[$0])] }
  }

  func happened(_ body: Event.Body, to process: SimulatedProcess) {
    if isCoordinator(process.node) {
      happened(body, to: coordinator(process))
    } else {
      happened(body, to: worker(process))
    }
  }

  // MARK: birth

  func rebirth(_ node: Int) {
    guard !isGone[node], current[node] < 0 else { return }
    boots += 1
    let boot = BootID(high: boots << 16 | 0x7000, low: UInt64(node))
    let offsets = (random.within(0...ms(60_000)), random.within(ms(-500)...ms(500)))
    links.append(Link())
    let storeLink = Int32(links.count - 1)
    let index = Int32(processes.count)
    let process: SimulatedProcess
    if isCoordinator(node) {
      process = SimulatedCoordinator(
        core: ClusterCore(configuration(node, boot)), index: index, node: node, boot: boot,
        offsets: offsets, storeLink: storeLink)
    } else {
      process = SimulatedWorker(
        core: WorkerCore(workerConfiguration(node, boot)), index: index, node: node, boot: boot,
        offsets: offsets, storeLink: storeLink)
    }
    processes.append(process)
    current[node] = index
    note { "\(process.name) starts, boot \(self.boots)" }
    push(Event(target: index, body: .tick), in: plan.tickEvery)
    if isCoordinator(node) {
      readControl(first: coordinator(process))
      push(Event(target: index, body: .openChannel(isAttached: false)), in: ms(50))
      push(Event(target: index, body: .openPublisher), in: ms(50))
      push(Event(target: index, body: .openChannel(isAttached: true)), in: ms(50))
    } else {
      for other in 0..<plan.coordinators {
        push(Event(target: index, body: .connect(coordinator: other)), in: ms(100))
      }
    }
  }

  private func configuration(_ node: Int, _ boot: BootID) -> ClusterConfiguration {
    var configuration = ClusterConfiguration(
      name: NodeName(trusted: "c\(node)"), boot: boot, lanes: plan.lanes,
      storeForWorkers: plan.storeForWorkers)
    configuration.holdMax = plan.holdMax
    configuration.parkAfter = plan.parkAfter
    configuration.lookAgainAfter = plan.lookAgainAfter
    configuration.forgetAfter = SimulationPlan.forgetAfter
    return configuration
  }

  private func workerConfiguration(_ node: Int, _ boot: BootID) -> WorkerCore.Configuration {
    let worker = plan.workers[node - plan.coordinators]
    var configuration = WorkerCore.Configuration(
      name: NodeName(trusted: "w\(node - plan.coordinators)"), boot: boot, slots: worker.slots,
      kinds: worker.kinds, lanes: worker.lanes, labels: worker.labels, hasStore: worker.hasStore)
    configuration.forgetAfter = SimulationPlan.forgetAfter
    return configuration
  }

  // MARK: sleep and death

  /// The process sleeps; what it has sent is on its way, or still in it.
  func pause(_ process: SimulatedProcess, for duration: Int64) {
    process.pausedUntil = max(process.pausedUntil, now + duration)
    note { "\(process.name) sleeps for \(duration / 1_000_000) ms" }
    for link in process.outgoing where random.coin() {
      stall(link, until: process.pausedUntil)
    }
  }

  /// The process is gone at once. `silently`: nobody is told that its connections are closed.
  func crash(_ process: SimulatedProcess, silently: Bool, backWithin: Int64?, cutWithin: Int64) {
    guard process.isAlive else { return }
    note { "\(process.name) crashes\(silently ? " silently" : "")" }
    end(process, silently: silently, cutWithin: cutWithin)
    if let backWithin {
      push(Event(body: .rebirth(node: process.node)), in: backWithin)
    } else {
      isGone[process.node] = true
    }
  }

  /// `cutWithin`: what it sent is lost from some moment on; nil: all of it arrives.
  private func end(_ process: SimulatedProcess, silently: Bool, cutWithin: Int64?) {
    process.isAlive = false
    current[process.node] = -1
    if let cutWithin {
      for link in process.outgoing { cut(link, within: cutWithin) }
    }
    if isCoordinator(process.node) {
      let coordinator = coordinator(process)
      for channel in coordinator.channels where channel.isOpen { close(channel, tells: false) }
      if let publisher = coordinator.publisher { close(publisher, tells: false) }
      for queue in 0..<Queue.count { deliver(queue) }
      for index in coordinator.sessions where sessions[index].isOpenAtWorker {
        sessions[index].isOpenAtCoordinator = false
        noticeLater(.workerNotices(session: index), sessions[index].worker, silently)
      }
    } else {
      for index in worker(process).sessions where sessions[index].isOpenAtCoordinator {
        sessions[index].isOpenAtWorker = false
        // The coordinator's own silence detector finds a worker that vanished without a word.
        if silently, random.coin() { continue }
        noticeLater(.coordinatorNotices(session: index), sessions[index].coordinator, silently)
      }
      worker(process).handlers = []
    }
  }

  private func noticeLater(_ body: Event.Body, _ process: SimulatedProcess, _ silently: Bool) {
    let least = silently ? ms(1_000) : plan.sessionDelay
    let most = silently ? ms(6_000) : plan.sessionDelay + ms(20)
    queue.push(
      Event(target: process.index, body: body), at: now + random.within(least...max(least, most)))
  }

  /// A planned end: all is said before.
  func leave(_ process: SimulatedProcess) {
    guard process.isAlive else { return }
    note { "\(process.name) leaves" }
    end(process, silently: false, cutWithin: nil)
    push(Event(body: .rebirth(node: process.node)), in: ms(2_000))
  }
}
