import BelfryCore

/// Does one fault, drawn by the seed's weights, if the moment has a place for it.
extension Simulator {
  func injectFault() {
    guard plan.weightSum > 0 else { return }
    var rest = random.below(plan.weightSum)
    for kind in FaultKind.allCases {
      rest -= plan.weights[kind.rawValue]
      guard rest < 0 else { continue }
      note { "FAULT \(kind)" }
      guard inject(kind) else { return note { "(not now)" } }
      faultsLeft -= 1
      faultsDone[kind.rawValue] += 1
      lastFaultAt = now
      return
    }
  }

  private func inject(_ kind: FaultKind) -> Bool {
    switch kind {
    case .coordinatorCrash, .coordinatorPause, .coordinatorDrain, .workerCrash, .workerPause,
      .workerDrain, .workerGone, .clockJump:
      injectIntoProcess(kind)
    case .sessionCut, .sessionStall, .partition: injectIntoNetwork(kind)
    case .consumeChannel, .publishConnection, .brokerRestart, .brokerBlocked, .unroutable,
      .consumerEnded:
      injectIntoBroker(kind)
    case .storeOutage, .storeUnknown, .storeRollback, .staleReads: injectIntoStore(kind)
    case .producerUnsure, .producerRepeats, .cancel: injectIntoProducer(kind)
    }
  }

  private func injectIntoProcess(_ kind: FaultKind) -> Bool {
    let wantsCoordinator =
      switch kind {
      case .coordinatorCrash, .coordinatorPause, .coordinatorDrain: true
      case .clockJump: random.coin()
      default: false
      }
    let choices = alive(coordinators: wantsCoordinator).filter { $0.pausedUntil <= now }
    guard !choices.isEmpty else { return false }
    let process = random.pick(choices)
    switch kind {
    case .coordinatorCrash, .workerCrash:
      crash(
        process, silently: random.oneIn(4),
        backWithin: random.pick([ms(50), ms(1_000), ms(6_000)]),
        cutWithin: random.coin() ? 0 : plan.sessionDelay)
    case .coordinatorPause, .workerPause:
      pause(process, for: random.within(ms(100)...ms(7_000)))
    case .coordinatorDrain:
      let coordinator = coordinator(process)
      guard !coordinator.isLeaving else { return false }
      coordinator.isLeaving = true
      step(coordinator, .drain)
      push(Event(target: process.index, body: .leave), in: ms(2_000))
    case .workerDrain:
      step(worker(process), .drain)
      push(Event(target: process.index, body: .worker(.handBack)), in: ms(6_000))
    case .workerGone:
      guard plan.workers.count >= 3, !isGone.contains(true), process.node > plan.coordinators
      else { return false }
      crash(process, silently: random.coin(), backWithin: nil, cutWithin: plan.sessionDelay)
    default: process.wallOffset = random.within(ms(-2_000)...ms(2_000))
    }
    return true
  }

  private func injectIntoNetwork(_ kind: FaultKind) -> Bool {
    let open = sessions.filter { $0.isOpenAtWorker && $0.isOpenAtCoordinator }
    guard !open.isEmpty else { return false }
    let session = random.pick(open)
    switch kind {
    case .sessionCut: cutSession(session)
    case .sessionStall:
      let until = now + random.within(ms(100)...ms(7_000))
      let ways = random.below(3)
      if ways != 0 { stall(session.up, until: until) }
      if ways != 1 { stall(session.down, until: until) }
    default:
      let worker = session.worker.node - plan.coordinators
      unreachableUntil[session.coordinator.node][worker] =
        now + random.within(ms(300)...ms(7_000))
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
      close(random.pick(open))
    case .publishConnection:
      let open = publishers.filter(\.isOpen)
      guard !open.isEmpty else { return false }
      close(random.pick(open))
    case .brokerRestart:
      broker.downUntil = now + random.within(ms(50)...ms(3_000))
      for channel in channels { close(channel) }
      for publisher in publishers { close(publisher) }
    case .brokerBlocked:
      guard broker.alarmUntil <= now else { return false }
      broker.lastsUntilDrained = random.coin()
      broker.alarmUntil =
        broker.lastsUntilDrained ? .max : now + random.within(ms(100)...ms(5_000))
      for publisher in publishers where publisher.isOpen { block(publisher) }
      if !broker.lastsUntilDrained {
        queue.push(Event(body: .alarmEnds), at: broker.alarmUntil)
      }
    case .unroutable:
      let queue = random.below(Queue.attached)
      broker.isMissing[queue] = true
      endConsumer(queue)
    default: endConsumer(random.below(Queue.parked))
    }
    return true
  }

  private func injectIntoStore(_ kind: FaultKind) -> Bool {
    switch kind {
    case .storeOutage: store.outageUntil = now + random.within(ms(100)...ms(4_000))
    case .staleReads: store.staleUntil = now + random.within(ms(100)...ms(4_000))
    case .storeRollback: store.trick = .rolledBack
    default: store.trick = random.pick([.lost, .appliedUnanswered, .appliedLate])
    }
    return true
  }

  private func injectIntoProducer(_ kind: FaultKind) -> Bool {
    let job = random.below(plan.jobs.count)
    switch kind {
    case .producerUnsure:
      guard !ledger.isConfirmed[job], plan.jobs[job].door != .submit else { return false }
      ledger.isUnsure[job] = true
    case .producerRepeats:
      guard ledger.isConfirmed[job] else { return false }
      publish(job)
    default:
      let open = alive(coordinators: true)
      guard !open.isEmpty, plan.jobs[job].form == .job else { return false }
      push(
        Event(
          target: random.pick(open).index,
          body: .cluster(.cancelled(token: UInt64(job), plan.jobs[job].job.id, by: "op"))),
        in: plan.sessionDelay)
    }
    return true
  }
}
