import BelfryCore

/// Does one fault, drawn by the seed's weights, if the moment has a place for it.
extension Simulator {
  func injectFault() {
    eventsNow = eventsNow.time == now ? (now, eventsNow.count + 1) : (now, 0)
    if let faults = identity.faults {
      let isDue = { (fault: PlannedFault) in
        fault.time < self.now || (fault.time == self.now && fault.order <= self.eventsNow.count)
      }
      while nextFault < faults.count, isDue(faults[nextFault]) {
        nextFault += 1
        inject(faults[nextFault - 1])
      }
    } else if now >= plan.faultsFrom, now < SimulationPlan.faultsUntil,
      faultRandom.oneIn(plan.faultEvery), plan.weightSum > 0
    {
      inject(
        PlannedFault(
          kind: drawKind(), time: now, order: eventsNow.count, choice: faultRandom.next() >> 48))
    }
  }

  private func drawKind() -> FaultKind {
    var rest = faultRandom.below(plan.weightSum)
    for kind in FaultKind.allCases {
      rest -= plan.weights[kind.rawValue]
      if rest < 0 { return kind }
    }
    return .workerCrash
  }

  private func inject(_ fault: PlannedFault) {
    note { "FAULT \(fault.text)" }
    choice = SeededRandom(seed: fault.choice)
    guard inject(fault.kind) else { return note { "(not now)" } }
    faultsLeft -= 1
    faultsDone[fault.kind.rawValue] += 1
    faultsInjected.append(fault)
    lastFaultAt = now
  }

  private func inject(_ kind: FaultKind) -> Bool {
    switch kind {
    case .coordinatorCrash, .coordinatorPause, .coordinatorDrain, .coordinatorGone, .workerCrash,
      .workerPause, .workerDrain, .workerGone, .clockJump:
      injectIntoProcess(kind)
    case .sessionCut, .sessionStall, .partition: injectIntoNetwork(kind)
    case .coordinatorCutOff: cutOff()
    case .consumeChannel, .publishConnection, .brokerRestart, .brokerBlocked, .unroutable,
      .consumerEnded:
      injectIntoBroker(kind)
    case .storeOutage, .storeUnknown, .storeRollback, .staleReads: injectIntoStore(kind)
    case .producerUnsure, .producerRepeats, .cancel: injectIntoProducer(kind)
    case .lanePause: pauseLane()
    case .nodeCordon: cordonNode()
    }
  }

  private func injectIntoProcess(_ kind: FaultKind) -> Bool {
    let wantsCoordinator =
      switch kind {
      case .coordinatorCrash, .coordinatorPause, .coordinatorDrain, .coordinatorGone: true
      case .clockJump: choice.coin()
      default: false
      }
    let choices = alive(coordinators: wantsCoordinator).filter { $0.pausedUntil <= now }
    guard !choices.isEmpty else { return false }
    let process = choice.pick(choices)
    switch kind {
    case .coordinatorCrash, .workerCrash:
      crash(
        process, silently: choice.oneIn(4),
        backWithin: choice.pick([ms(50), ms(1_000), ms(6_000)]),
        cutWithin: choice.coin() ? 0 : plan.sessionDelay)
    case .coordinatorPause, .workerPause:
      pause(process, for: choice.within(ms(100)...ms(7_000)))
    case .coordinatorDrain:
      let coordinator = coordinator(process)
      guard !coordinator.isLeaving else { return false }
      coordinator.isLeaving = true
      step(coordinator, .drain)
      push(Event(target: process.index, body: .leave), in: ms(2_000))
    case .workerDrain:
      step(worker(process), .drain)
      push(Event(target: process.index, body: .worker(.handBack)), in: ms(6_000))
    case .workerGone, .coordinatorGone:
      let isSpare =
        wantsCoordinator
        ? choices.count > 1 : plan.workers.count >= 3 && process.node > plan.coordinators
      guard isSpare, !isGone.contains(true) else { return false }
      crash(process, silently: choice.coin(), backWithin: nil, cutWithin: plan.sessionDelay)
    default: process.wallOffset = choice.within(ms(-2_000)...ms(2_000))
    }
    return true
  }

  private func injectIntoNetwork(_ kind: FaultKind) -> Bool {
    let open = sessions.filter { $0.isOpenAtWorker && $0.isOpenAtCoordinator }
    guard !open.isEmpty else { return false }
    let session = choice.pick(open)
    switch kind {
    case .sessionCut: cutSession(session)
    case .sessionStall:
      let until = now + choice.within(ms(100)...ms(7_000))
      let ways = choice.below(3)
      if ways != 0 { stall(session.up, until: until) }
      if ways != 1 { stall(session.down, until: until) }
    default:
      let worker = session.worker.node - plan.coordinators
      unreachableUntil[session.coordinator.node][worker] =
        now + choice.within(ms(300)...ms(7_000))
      cutSession(session)
    }
    return true
  }

  /// No worker can reach one coordinator for a while.
  private func cutOff() -> Bool {
    let choices = alive(coordinators: true)
    guard !choices.isEmpty else { return false }
    let node = choice.pick(choices).node
    let until = now + choice.within(ms(1_000)...ms(12_000))
    for worker in plan.workers.indices { unreachableUntil[node][worker] = until }
    for session in sessions
    where session.coordinator.node == node && session.isOpenAtWorker && session.isOpenAtCoordinator
    {
      cutSession(session)
    }
    return true
  }

  private func injectIntoBroker(_ kind: FaultKind) -> Bool {
    guard broker.downUntil <= now else { return false }
    switch kind {
    case .consumeChannel:
      let open = channels.filter(\.isOpen)
      guard !open.isEmpty else { return false }
      close(choice.pick(open))
    case .publishConnection:
      let open = publishers.filter(\.isOpen)
      guard !open.isEmpty else { return false }
      close(choice.pick(open))
    case .brokerRestart:
      broker.downUntil = now + choice.within(ms(50)...ms(3_000))
      for channel in channels { close(channel) }
      for publisher in publishers { close(publisher) }
    case .brokerBlocked:
      guard broker.alarmUntil <= now else { return false }
      broker.lastsUntilDrained = choice.coin()
      broker.alarmUntil =
        broker.lastsUntilDrained ? .max : now + choice.within(ms(100)...ms(5_000))
      for publisher in publishers where publisher.isOpen { block(publisher) }
      if !broker.lastsUntilDrained {
        queue.push(Event(body: .alarmEnds), at: broker.alarmUntil)
      }
    case .unroutable:
      let queue = choice.below(plan.lanes.count * Queue.ofLane)
      broker.isMissing[queue] = true
      endConsumer(queue)
    default: endConsumer(choice.below(plan.lanes.count * Queue.ofLane))
    }
    return true
  }

  private func injectIntoStore(_ kind: FaultKind) -> Bool {
    switch kind {
    case .storeOutage: store.outageUntil = now + choice.within(ms(100)...ms(4_000))
    case .staleReads: store.staleUntil = now + choice.within(ms(100)...ms(4_000))
    case .storeRollback: store.trick = .rolledBack
    default: store.trick = choice.pick([.lost, .appliedUnanswered, .appliedLate])
    }
    return true
  }

  private func injectIntoProducer(_ kind: FaultKind) -> Bool {
    let job = choice.below(plan.jobs.count)
    switch kind {
    case .producerUnsure:
      guard !ledger.isConfirmed[job], isProduced(job), plan.jobs[job].door != .submit else {
        return false
      }
      ledger.isUnsure[job] = true
    case .producerRepeats:
      guard ledger.isConfirmed[job] else { return false }
      publish(job)
    default:
      let open = alive(coordinators: true)
      guard !open.isEmpty, plan.jobs[job].form == .job, isProduced(job) else { return false }
      push(
        Event(
          target: choice.pick(open).index,
          body: .cluster(.cancelled(token: UInt64(job), plan.jobs[job].job.id, by: "op"))),
        in: plan.sessionDelay)
    }
    return true
  }
}
