import BelfryCore

/// What must hold after every step, looked at from outside of the cores where that is possible.
extension Simulator {
  // MARK: what a coordinator asks for

  func check(_ ready: Ready, of process: SimulatedCoordinator) {
    for tag in ready.requeues { giveUp(tag, of: process, isAck: false) }
    var acked: [Int] = []
    for tag in ready.acks {
      if let job = giveUp(tag, of: process, isAck: true) { acked.append(job) }
    }
    for id in ready.settledOwed {
      guard let index = store.owed.firstIndex(where: { $0.id == id }),
        !store.owed[index].isGivenUp
      else { continue }
      store.owed[index].isGivenUp = true
      countOwed(store.owed[index], -1)
      if store.owed[index].job >= 0 { acked.append(store.owed[index].job) }
    }
    for job in acked { checkKept(job, process) }
    for publish in ready.publishes { checkAnnounced(publish.what) }
    for owe in ready.owes { checkAnnounced(owe.what) }
    if isUnbroken, let alert = ready.alerts.first(where: { $0.state == .firing }) {
      fail(.A1, "\(process.name) raises \(alert.rule) of \(alert.subject): \(alert.why)")
    }
    for outcome in ready.settled { checkOutcome(outcome, "told to those who wait") }
    for case .cancelled(_, let outcome, _) in ready.answers {
      checkOutcome(outcome, "the answer to a cancel")
    }
    for (session, message) in ready.sends {
      guard case .assign(let assign) = message else { continue }
      if !ledger.assignments.insert(assign.assignment).inserted {
        fail(.S7, "\(assign.assignment) is used twice")
      }
      checkRepeated(index(of: assign.job.id))
      checkWanted(assign, to: sessions[Int(session.number)].worker.name, by: process)
      ledger.give(
        index(of: assign.job.id), to: sessions[Int(session.number)].worker.index, started: false)
    }
  }

  /// The coordinator lets go of a delivery: which job's, if its message is still out with it.
  @discardableResult
  private func giveUp(
    _ tag: DeliveryTag, of process: SimulatedCoordinator, isAck: Bool
  ) -> Int? {
    guard let channel = process.channel(tag.generation), channel.isKnownUp else { return nil }
    guard let held = channel.held.firstIndex(where: { $0.tag == tag.tag }) else {
      fail(.S4, "\(process.name) acks or requeues \(tag.generation.number)/\(tag.tag), not held")
      return nil
    }
    channel.held.remove(at: held)
    guard isAck, channel.isOpen,
      let index = channel.unacked.firstIndex(where: { $0.tag == tag.tag })
    else { return nil }
    channel.unacked[index].isGivenUp = true
    let job = channel.unacked[index].message.job
    ledger.copies[job] -= 1
    return job
  }

  /// S1: what was let go is kept elsewhere.
  private func checkKept(_ job: Int, _ process: SimulatedCoordinator) {
    if ledger.copies[job] > 0 { return }
    if plan.jobs[job].form == .nameless {
      if ledger.rejected[job] == 0 { fail(.S1, "j\(job) was acked and is nowhere") }
      return
    }
    guard store.committed[job] != nil else {
      return fail(.S1, "\(process.name) gave up the last of j\(job), which has no outcome")
    }
    if ledger.events[job] + ledger.eventsOwed[job] == 0 {
      fail(.S1, "\(process.name) gave up the last of j\(job), which has no event")
    }
  }

  private func checkAnnounced(_ what: Publish.What) {
    switch what {
    case .event(let outcome): checkOutcome(outcome, "an event")
    case .reply(_, let outcome): checkOutcome(outcome, "a reply")
    case .job, .rejected, .owed: return
    }
  }

  /// S2: what is told is what the store holds.
  private func checkOutcome(_ outcome: Outcome, _ what: String) {
    if store.committed[index(of: outcome.id)] != outcome {
      fail(.S2, "\(what) of \(outcome.id) is not what the store holds")
    }
  }

  // MARK: what a coordinator holds

  /// S4: what was delivered and not given up is held in exactly one place.
  func checkPlaces(_ process: SimulatedCoordinator) {
    guard process.isAlive else { return }
    places += 1
    var count = 0
    process.core.forEachHeldDelivery { tag in
      count += 1
      guard let channel = process.channel(tag.generation), channel.isKnownUp,
        let index = channel.held.firstIndex(where: { $0.tag == tag.tag })
      else {
        return fail(.S4, "\(process.name) holds \(tag.generation.number)/\(tag.tag), which is gone")
      }
      if channel.held[index].seen == places {
        fail(.S4, "\(process.name) holds \(tag.generation.number)/\(tag.tag) twice")
      }
      channel.held[index].seen = places
    }
    var expected = 0
    for channel in process.channels { expected += channel.held.count }
    if count != expected {
      fail(.S4, "\(process.name) holds \(count) deliveries, and was given \(expected)")
    }
  }

  // MARK: workers

  func check(_ ready: WorkerCore.Ready, of process: SimulatedWorker) {
    if ready.starts.isEmpty, ready.records.isEmpty, ready.sends.isEmpty { return }
    if process.core.slotsTaken > process.core.configuration.slots || process.core.slotsTaken < 0 {
      fail(.S5, "\(process.name) has \(process.core.slotsTaken) slots taken")
    }
    for (_, message) in ready.sends {
      switch message {
      case .finished(_, _, .recorded(let outcome)): checkOutcome(outcome, "a Finished")
      case .refused(let job, _, let reason) where reason == .noSlot || reason == .unknownKind:
        fail(.S5, "\(process.name) refuses \(job), which should not have been offered: \(reason)")
      default: continue
      }
    }
  }

  /// No fault was done, and no job kills its worker.
  private var isUnbroken: Bool {
    lastFaultAt == 0 && !plan.jobs.contains(where: \.isDeadly)
  }

  /// R1: with no fault but restarts of the broker, a run that everybody heard of is not repeated
  /// while it goes on or after it succeeded.
  private func checkRepeated(_ job: Int) {
    let restarts = faultsDone[FaultKind.brokerRestart.rawValue]
    guard faultsDone.reduce(0, +) == restarts else { return }
    for run in ledger.runs[job]
    where run.heardBy == 1 << plan.coordinators - 1 && run.state != .over
      && processes[Int(run.process)].isAlive
    {
      fail(
        .R1, "j\(job) is given out again though \(Transcript.text(run.assignment)) was announced")
    }
  }

  /// S6: three processes that the job was given to are dead; one that never started it counts half.
  func checkPoison(_ job: Int) {
    var weight = 0.0
    for given in ledger.given[job] where !processes[Int(given.process)].isAlive {
      weight += given.started ? 1 : 0.5
    }
    if weight < 3 { fail(.S6, "j\(job) is called poison after \(weight) deaths") }
  }

  // MARK: the end

  /// What has not settled yet, in words; empty: all is done.
  func unsettled() -> [String] {
    for job in plan.jobs.indices where isProduced(job) {
      if let reason = unsettled(job) { return ["j\(job) \(reason)"] }
    }
    if !store.owed.isEmpty { return ["\(store.owed.count) owed publishes are left"] }
    if broker.queues.contains(where: { !$0.isEmpty }) { return ["a queue is not empty"] }
    if channels.contains(where: { !$0.unacked.isEmpty }) { return ["a delivery is not acked"] }
    for node in current.indices where !isGone[node] {
      guard current[node] >= 0 else { return ["node \(node) is away"] }
      let process = processes[Int(current[node])]
      if process.pausedUntil > now { return ["\(process.name) sleeps"] }
      let reason =
        isCoordinator(node) ? unsettled(coordinator(process)) : unsettled(worker(process))
      if let reason { return ["\(process.name) \(reason)"] }
    }
    return []
  }

  private func unsettled(_ job: Int) -> String? {
    let planned = plan.jobs[job]
    if !ledger.isConfirmed[job] { return "is not taken" }
    if planned.form == .nameless { return ledger.rejected[job] > 0 ? nil : "is not rejected" }
    if store.committed[job] == nil { return "has no outcome" }
    if ledger.events[job] == 0 { return "has no event" }
    if planned.job.reply != nil, !planned.replyIsGone, ledger.replies[job] == 0 {
      return "was not replied to"
    }
    if ledger.copies[job] > 0 { return "is still in a queue" }
    return nil
  }

  private func unsettled(_ process: SimulatedCoordinator) -> String? {
    let load = process.core.load
    if process.isLeaving { return "is leaving" }
    if load.entries > 0 { return "holds \(load.entries) jobs" }
    if load.beliefs > 0 { return "believes \(load.beliefs) assignments to run" }
    if load.publishes > 0 { return "waits for \(load.publishes) publishes" }
    // That a worker came and went is told for ten minutes.
    for alert in process.core.firingAlerts
    where alert.rule != "node-flapping" && (alert.rule != "node-lost" || !isGone.contains(true)) {
      return "still raises \(alert.rule) of \(alert.subject)"
    }
    if load.records > 0 { return "waits for \(load.records) records" }
    return nil
  }

  private func unsettled(_ process: SimulatedWorker) -> String? {
    if process.core.hasWork { return "still has work" }
    if !process.handlers.isEmpty { return "still runs a handler" }
    let open = process.sessions.filter { sessions[$0].isOpenAtWorker }
    var offered: UInt64 = 0
    for node in 0..<plan.coordinators where !isGone[node] {
      guard let session = open.first(where: { sessions[$0].coordinator.node == node }) else {
        return "is not in session with c\(node)"
      }
      let id = sessions[session].id
      let here = process.core.creditOffered(to: id)
      let there = sessions[session].coordinator.core.credit(of: process.name)
      if there != here { return "has offered \(here) slots to c\(node), which knows of \(there)" }
      offered += here
    }
    let slots = UInt64(process.core.configuration.slots)
    return offered == slots ? nil : "offers \(offered) of its \(slots) slots"
  }
}

extension Input {
  /// Can change where a delivery is held. Clock and heartbeats do so with an effect only.
  var isWorthALook: Bool {
    switch self {
    case .tick: return false
    case .received(_, let messages):
      if case .heartbeat? = messages.first { return messages.count > 1 }
      return true
    default: return true
    }
  }
}

extension Ready {
  /// Nothing but heartbeats and wishes.
  var isQuiet: Bool {
    lookups.isEmpty && records.isEmpty && publishes.isEmpty && owes.isEmpty && acks.isEmpty
      && requeues.isEmpty && closes.isEmpty && alerts.isEmpty
  }
}
