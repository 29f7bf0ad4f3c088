internal import OrderedCollections

/// Sessions with coordinators: hello, credit, and what they ask.
extension WorkerCore {
  mutating func connected(_ session: SessionID, _ coordinator: String, at now: Now) {
    sessions[session] = CoordinatorSession(coordinator: coordinator, at: now.monotonic)
    coordinators[coordinator] = .some(nil)
    let held = runs.sorted
    for (_, run) in held where !run.owedTo.contains(coordinator) { run.owedTo.append(coordinator) }
    let holding = held.map { assignment, run in
      Holding(
        job: run.job, assignment: assignment, attempt: run.assign.attempt,
        finished: run.isFinished, hazard: run.isRunningHazard)
    }
    ready.sends.append(
      (
        session,
        .hello(
          Hello(
            worker: configuration.name, boot: configuration.boot, slots: configuration.slots,
            kinds: configuration.kinds, lanes: configuration.lanes, labels: configuration.labels,
            coordinatorRecords: !hasStore, holding: holding, software: configuration.software,
            death: configuration.death, datagrams: configuration.datagrams))
      ))
    for (assignment, run) in held {
      guard case .finished(let result) = run.phase else { continue }
      ready.sends.append((session, .finished(job: run.job, assignment: assignment, result)))
    }
    if isDraining { ready.sends.append((session, .leaving)) }
  }

  mutating func disconnected(_ session: SessionID, at now: Now) {
    guard let old = sessions.removeValue(forKey: session) else { return }
    losesStream(session, old, at: now)
    guard !sessions.values.contains(where: { $0.coordinator == old.coordinator }) else { return }
    coordinators[old.coordinator] = .some(now.monotonic)
    ready.links += links.ended(old.coordinator)
    // The other coordinators hear of it at once.
    sendHeartbeats(at: now)
  }

  mutating func take(_ message: CoordinatorMessage, _ session: SessionID, at now: Now) {
    switch message {
    case .welcome(let welcome):
      sessions[session]?.isWelcome = true
      if let link = sessions[session]?.coordinator {
        ready.links += links.welcomed(link, by: welcome.coordinator)
      }
      hasBeenWelcome = true
      sessions[session]?.records = welcome.coordinatorRecords
      sessions[session]?.hasBeats = welcome.datagrams != nil
      endStreamless(of: sessions[session]?.coordinator)
      if !hasStore, let store = welcome.store {
        hasStore = true
        ready.store = store
      }
    case .heartbeat(let heartbeat):
      let seen = sessions[session]?.seen ?? 0
      sessions[session]?.seen = max(seen, heartbeat.sequence)
      sessions[session]?.seenAt = now.monotonic
    case .assign(let assign): assigned(assign, by: session)
    case .finishedAck(let assignment):
      guard let coordinator = sessions[session]?.coordinator else { return }
      if case .finished(.unrecorded) = runs[assignment]?.phase { return }
      acknowledge(assignment, by: coordinator)
    case .recorded(_, let assignment):
      // Known to be in the store: nobody need be told by us, each finds it when its delivery comes.
      guard case .finished(.unrecorded) = runs[assignment]?.phase else { return }
      remove(assignment)
    case .stop(_, let assignment): end(assignment, as: .stopping)
    case .cancel(_, let assignment): end(assignment, as: .cancelling)
    case .drain: beginDraining()
    case .want(let slots): sessions[session]?.wanted = max(0, slots)
    case .coordinators(let list): ready.links += links.told(list)
    case .returned(let total):
      guard let old = sessions[session]?.returned, total >= old else { return }
      sessions[session]?.returned = total
      sessions[session]?.isRecalling = false
    }
  }

  mutating func end(_ assignment: AssignmentID, as phase: WorkerRun.Phase) {
    guard let run = runs[assignment], case .running = run.phase else { return }
    runs.move(run, to: phase)
    ready.ends.append(assignment)
  }

  // MARK: credit

  /// Offers free slots: first to those that asked, one each in turn, then to each coordinator its
  /// share. What is offered to one is offered to no other before it was given back; while a wish is
  /// open, what the others do not use is recalled.
  mutating func grantCredit() {
    guard !isDraining else { return }
    var free = configuration.slots - slotsInUse
    var hasWish = false
    for session in sessions.values {
      free -= session.outstanding
      hasWish = hasWish || session.wanted > 0
    }
    guard free > 0 || hasWish else { return }
    let open = sessions.elements.filter(\.value.isWelcome).map(\.key)
    guard !open.isEmpty else { return }
    if hasWish {
      grantWishes(open, &free)
      recallForWishes(open)
    }
    guard free > 0 else { return }
    // One that is connected and not yet welcome will want its share at once.
    let share = max(1, (configuration.slots + sessions.count - 1) / sessions.count)
    for id in open where free > 0 {
      let offered = sessions[id].map { $0.outstanding + heldSlots(by: id) } ?? 0
      let part = min(free, max(0, share - offered))
      if part > 0 { grant(part, to: id) }
      free -= part
    }
  }

  /// One slot to each that asked, in turn, beginning behind the one that was served last: with one
  /// slot and two busy coordinators each gets its turn.
  private mutating func grantWishes(_ open: [SessionID], _ free: inout Int) {
    guard free > 0 else { return }
    let first = open.firstIndex { $0 > lastWishServed ?? SessionID(0) } ?? 0
    let turns = open[first...] + open[..<first]
    var parts: [SessionID: Int] = [:]
    var isServing = true
    while free > 0, isServing {
      isServing = false
      for id in turns where free > 0 {
        guard let wanted = sessions[id]?.wanted, wanted > parts[id] ?? 0 else { continue }
        parts[id, default: 0] += 1
        free -= 1
        lastWishServed = id
        isServing = true
      }
    }
    for id in turns {
      guard let part = parts[id] else { continue }
      // One that wants more asks again: an old wish must not hold back another's.
      sessions[id]?.wanted = 0
      grant(part, to: id)
    }
  }

  /// Slots taken by what a session assigned; with one session, all are its own.
  private func heldSlots(by session: SessionID) -> Int {
    sessions.count == 1
      ? slotsTaken
      : runs.byAssignment.values.count { $0.holdsSlot && $0.assignedBy == session }
  }

  private mutating func recallForWishes(_ open: [SessionID]) {
    for id in open {
      guard let session = sessions[id], session.outstanding > 0, !session.isRecalling,
        open.contains(where: { $0 != id && (sessions[$0]?.wanted ?? 0) > 0 })
      else { continue }
      sessions[id]?.isRecalling = true
      ready.sends.append((id, .recall))
    }
  }

  private mutating func grant(_ slots: Int, to session: SessionID) {
    sessions[session]?.granted += UInt64(slots)
    guard let total = sessions[session]?.granted else { return }
    ready.sends.append((session, .credit(total: total)))
  }
}
