internal import OrderedCollections

/// The heartbeat monitor: suspect, lost, returned, and what follows for the jobs.
extension ClusterCore {
  mutating func heartbeatReceived(_ heartbeat: Heartbeat, from worker: Worker, at now: Now) {
    worker.heartbeatSeen = max(worker.heartbeatSeen, heartbeat.sequence)
    worker.heartbeatSeenAt = now.monotonic
    worker.running = heartbeat.running
    let hadTrouble = worker.trouble
    worker.stuck = heartbeat.stuck
    worker.storeAway = heartbeat.storeAway
    heardOfCoordinators(heartbeat, from: worker)
    if hadTrouble != nil || worker.trouble != nil { watchTroubles(of: worker, at: now) }
    guard let sent = worker.heartbeatSentAt.last(where: { $0.sequence == heartbeat.echo }) else {
      return
    }
    let roundTrip = now.monotonic - sent.at - heartbeat.held
    // A stuck stream says nothing of the way there and back; where there are datagrams, they are measured.
    if !worker.detector.isHeardByDatagram {
      worker.detector.measured(roundTrip: roundTrip, at: now.monotonic)
    }
    if let wall = heartbeat.wall { compareClocks(of: worker, wall, roundTrip, at: now) }
  }

  /// A heartbeat that was long on its way says little of its sender's clock.
  private mutating func compareClocks(
    of worker: Worker, _ wall: WallTime, _ roundTrip: Duration, at now: Now
  ) {
    guard roundTrip < .seconds(1) else { return }
    let offset = wall - now.wall + roundTrip / 2
    // Less is the network's doing.
    guard !(.milliseconds(-50)...(.milliseconds(50))).contains(offset - worker.clockOffset) else {
      return
    }
    worker.clockOffset = offset
    ready.healthChanged = true
  }

  mutating func sendHeartbeats(at now: Now) {
    for worker in workers.values {
      guard let session = worker.session else { continue }
      if let last = worker.heartbeatSentAt.last, now.monotonic - last.at < .milliseconds(450) {
        continue
      }
      worker.heartbeatSent += 1
      if worker.heartbeatSentAt.count >= 16 { worker.heartbeatSentAt.removeFirst() }
      worker.heartbeatSentAt.append((worker.heartbeatSent, now.monotonic))
      ready.sends.append(
        (
          session,
          .heartbeat(
            Heartbeat(
              sequence: worker.heartbeatSent, echo: worker.heartbeatSeen,
              held: now.monotonic - worker.heartbeatSeenAt))
        ))
    }
  }

  mutating func judgeWorkers(at now: Now) {
    for worker in workers.values where worker.standing == .up {
      suspected(worker, worker.detector.ticked(at: now.monotonic), at: now)
      if worker.standing == .up { watchStream(of: worker, at: now) }
    }
    for name in brake.release(among: workers.count, at: now.monotonic) {
      moveJobs(of: name, uncharged: true, at: now)
    }
    if !brake.isOn(at: now.monotonic), openAlerts["partition-suspected/cluster"] != nil {
      resolve(
        "partition-suspected", "cluster",
        why: "no more workers were lost for 10 s, and the jobs have moved", at: now)
    }
  }

  mutating func suspected(_ worker: Worker, _ verdict: FailureDetector.Verdict?, at now: Now) {
    guard let verdict, worker.standing == .up else { return }
    ready.healthChanged = true
    switch verdict {
    case .cleared:
      worker.reason = ""
      worker.since = now.wall
      dispatchNeeded = true
      streamTroubleIsOver(worker, why: "its stream gets through again", at: now)
    case .suspected(let reason), .degraded(let reason), .oneWay(let reason):
      worker.reason = text(reason, of: worker, at: now)
      worker.since = now.wall
      streamTroubleChanges(of: worker, at: now)
    case .lost(let reason): lost(worker, text(reason, of: worker, at: now), at: now)
    }
  }

  /// Of silence also what tells whose fault it may be: when it was last heard, and who else is.
  private func text(
    _ reason: FailureDetector.Reason, of worker: Worker, at now: Now
  ) -> String {
    guard case .silent(let silence) = reason else { return reason.description }
    let others = workers.values.count { $0.standing == .up && $0.name != worker.name }
    let heard = workers.values.count {
      $0.standing == .up && $0.name != worker.name && !$0.isSuspect
    }
    let broker = configuration.brokerName
    let witnesses = [
      parts.brokerState.state == .up ? "\(broker) answers" : "\(broker) does not answer either",
      others == 0 ? "" : "\(heard) of \(others) other workers are heard",
    ].filter { !$0.isEmpty }
    return "\(reason); last heard at \(RFC3339.text(now.wall - silence)); "
      + witnesses.joined(separator: ", ")
  }

  private mutating func lost(_ worker: Worker, _ reason: String, at now: Now) {
    let up = workers.values.count { $0.standing == .up }
    if let session = worker.session {
      sessions[session] = nil
      ready.closes.append((session, "lost: \(reason)"))
      worker.session = nil
    }
    worker.standing = .lost(reason)
    worker.reason = reason
    worker.since = now.wall
    troubleIsOver(worker, why: "it is lost", at: now)
    planConsumers(at: now)
    if worker.isDraining && worker.runs.isEmpty {
      worker.standing = .left
      return
    }
    let silent = workers.values.count { $0.standing == .up && $0.isSuspect }
    if brake.lost(worker.name, whenUp: up, silent: silent, at: now.monotonic) {
      raise(
        "partition-suspected", "cluster", .critical,
        "more than half of the workers were lost within 10 s, or are silent",
        why: "taken for a partition of this coordinator: no losses are charged", at: now)
      // Nobody is told while the partition is thought to last; who is still away then is named.
      raiseLost(worker, reason, jobsMoved: 0, at: now)
      return
    }
    raiseLost(worker, reason, jobsMoved: worker.runs.count, at: now)
    noteLoss(of: worker, at: now)
    moveJobs(of: worker.name, uncharged: false, at: now)
  }

  private mutating func raiseLost(
    _ worker: Worker, _ reason: String, jobsMoved: Int, at now: Now
  ) {
    raise(
      "node-lost", worker.name.text, .critical, "worker \(worker.name) is lost", why: reason,
      jobsMoved: jobsMoved, at: now)
  }

  private mutating func moveJobs(of name: NodeName, uncharged: Bool, at now: Now) {
    guard let worker = workers[name], worker.standing != .up else { return }
    vanished(worker.runs.sorted(), of: worker, uncharged: uncharged, at: now)
  }

  /// Assignments of one worker that ended without a word, together: a hazard among them explains
  /// the loss of the others.
  mutating func vanished(
    _ assignments: [AssignmentID], of worker: Worker, uncharged: Bool, at now: Now
  ) {
    let besideHazard = worker.runs.contains { runs[$0]?.isHazard ?? false }
    for assignment in assignments {
      vanished(assignment, besideHazard: besideHazard, uncharged: uncharged, at: now)
    }
  }

  /// C5': an assignment ended without a word; the store is asked before anything is charged.
  private mutating func vanished(
    _ assignment: AssignmentID, besideHazard: Bool, uncharged: Bool, at now: Now
  ) {
    guard let run = removeRun(assignment), let entry = entries[run.job],
      case .running(assignment) = entry.state
    else { return }
    let lost = Entry.Lost(
      assignment: assignment, worker: run.worker, boot: run.boot, started: run.started,
      beside: besideHazard && !run.isHazard, uncharged: uncharged)
    ask(entry, lost)
  }

  mutating func ask(_ entry: Entry, _ lost: Entry.Lost) {
    let ticket = newTicket()
    entry.state = .verdict(lost, ticket: ticket)
    lookups[ticket] = entry.job.id
    ready.lookups.append(Lookup(ticket: ticket, job: entry.job.id))
  }

  /// The answer was *unknown*: the same question again, after a pause.
  mutating func askAgain(_ entry: Entry, _ lost: Entry.Lost, at now: Now) {
    resting[entry.job.id] = now.monotonic + .milliseconds(500)
  }

  /// C5' with no outcome in the store: adopted, given back uncharged, or charged and moved.
  mutating func judged(_ entry: Entry, _ lost: Entry.Lost, at now: Now) {
    if let run = adoptable(entry.job.id) {
      joinWaiting(entry)
      entry.state = .running(run)
      return
    }
    let isInSession = workers[lost.worker].map { $0.isAlive && $0.boot == lost.boot } ?? false
    if isInSession || lost.uncharged {
      joinWaiting(entry)
      entry.service = .again
      queue(entry, at: now)
      return
    }
    entry.history.add(
      HistoryLine(
        assignment: lost.assignment, attempt: entry.attempt, what: .lost, worker: lost.worker,
        boot: lost.boot, started: lost.started, beside: lost.beside, at: now.wall,
        code: HistoryLine.lostCode,
        message: workers[lost.worker]?.reason ?? ""))
    succeed(entry, to: .again, attempt: entry.attempt + 1, at: now)
  }

  /// C5' gave the job back: what waited joins the set.
  private mutating func joinWaiting(_ entry: Entry) {
    let waiting = entry.waiting
    entry.waiting = []
    for (tag, arrival) in waiting {
      if case .job(let message) = arrival.content {
        entry.join(message, arrival)
      } else {
        entry.waiting.append((tag, arrival))
      }
    }
  }
}
