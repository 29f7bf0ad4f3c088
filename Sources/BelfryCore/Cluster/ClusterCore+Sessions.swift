internal import OrderedCollections

/// Sessions with workers: the hello, what they report, and what their silence means.
extension ClusterCore {
  // MARK: opening and closing

  mutating func sessionOpened(
    _ session: SessionID, _ hello: Hello, from address: String, datagrams offer: DatagramOffer?,
    at now: Now
  ) {
    if let known = workers[hello.worker], hello.boot < known.boot {
      ready.closes.append((session, "a later start of \(hello.worker) is known already"))
      if offer != nil { ready.beatsOver.append(session) }
      return
    }
    let served = abilities
    if let death = deaths.heard(hello.death, of: hello.worker), !death.signal.isEmpty {
      ready.notices.append(.crashed(hello.worker, role: "worker", death, at: now.wall))
    }
    let worker = open(session, hello, from: address, at: now)
    welcome(worker, session, datagrams: heedBeats(of: worker, on: session, offer))
    reconcile(worker, hello, at: now)
    resolve("node-lost", worker.name.text, why: "back since its session from \(address)", at: now)
    brake.returned(worker.name)
    slotsChanged(served, at: now)
  }

  /// What workers that offer slots can take.
  var abilities: Set<Worker.Ability> {
    Set(workers.values.lazy.filter(\.offersSlots).map(\.ability))
  }

  /// Other workers offer slots than before: what was parked may be wanted now. A job needs all of its labels
  /// in one worker, so only one that could do all the same makes a new one no news.
  mutating func slotsChanged(_ served: Set<Worker.Ability>, at now: Now) {
    for worker in workers.values where worker.offersSlots && !served.contains(worker.ability) {
      if served.contains(where: { $0.covers(worker.ability) }) { continue }
      parkedRead.wanted.formUnion(worker.hello.lanes)
    }
    planConsumers(at: now)
    dispatchNeeded = true
    ready.healthChanged = true
  }

  /// One session a worker: opening a new one closes the old, of which nothing more is read.
  private mutating func open(
    _ session: SessionID, _ hello: Hello, from address: String, at now: Now
  ) -> Worker {
    sessions[session] = hello.worker
    guard let worker = workers[hello.worker] else {
      let worker = Worker(
        hello, controls[hello.worker], session: session, address: address, at: now)
      workers[hello.worker] = worker
      return worker
    }
    if let old = worker.session {
      sessions[old] = nil
      ready.closes.append((old, "a newer session of this worker is open"))
    }
    if worker.standing != .up || worker.boot != hello.boot { worker.since = now.wall }
    if worker.boot != hello.boot {
      troubleIsOver(worker, why: "it was started anew", at: now)
    } else {
      streamTroubleIsOver(worker, why: "it has opened a new session", at: now)
    }
    worker.resetSession(session, hello: hello, address: address, at: now)
    worker.standing = .up
    worker.reason = ""
    return worker
  }

  private mutating func welcome(
    _ worker: Worker, _ session: SessionID, datagrams: DatagramOffer?
  ) {
    let records =
      worker.hello.coordinatorRecords && configuration.storeForWorkers == nil
    worker.coordinatorRecords = records
    ready.sends.append(
      (
        session,
        .welcome(
          Welcome(
            coordinator: configuration.name, boot: configuration.boot,
            store: configuration.storeForWorkers, coordinatorRecords: records,
            datagrams: datagrams))
      ))
    tellCoordinators(session)
  }

  /// The hello names, by assignment id, what runs and what is not yet acknowledged: those are
  /// adopted or stopped; what it does not name has ended without a word.
  private mutating func reconcile(
    _ worker: Worker, _ hello: Hello, at now: Now
  ) {
    let named = Set(hello.holding.map(\.assignment))
    let missing = worker.runs.sorted().filter { !named.contains($0) }
    for holding in hello.holding {
      if runs[holding.assignment] == nil {
        add(
          Run(
            job: holding.job, assignment: holding.assignment, worker: worker.name,
            boot: hello.boot, started: true, isHazard: holding.hazard, since: now.monotonic))
      }
      runs[holding.assignment]?.started = true
      runs[holding.assignment]?.isStopping = false
      greet(holding, at: now)
    }
    vanished(missing, of: worker, uncharged: false, at: now)
  }

  /// A run that is named to us: stopped when its job has an outcome, else adopted.
  private mutating func greet(_ holding: Holding, at now: Now) {
    if !holding.finished, hasEnded(holding.job) {
      stop(holding.assignment)
      return
    }
    announcedStart(holding.job, holding.assignment)
  }

  /// Cancelled, or its outcome was met here lately. A failure heard is no end: its retry may run.
  private func hasEnded(_ job: JobID) -> Bool {
    cancels.contains(job) || recentlyFinished.hasOutcome(job)
  }

  /// C2 from the other side: the job waits here, so its deliveries join the run.
  private mutating func announcedStart(_ job: JobID, _ assignment: AssignmentID) {
    guard let entry = entries[job] else { return }
    switch entry.state {
    case .looking, .resting, .queued: entry.state = .running(assignment)
    case .running, .verdict: return
    case .settling(.announcing, _): stop(assignment)
    case .settling: return
    }
  }

  mutating func sessionClosed(
    _ session: SessionID, _ why: String, _ end: SessionEnd, at now: Now
  ) {
    guard let name = sessions.removeValue(forKey: session), let worker = workers[name],
      worker.session == session
    else { return }
    worker.session = nil
    ready.healthChanged = true
    if worker.standing == .left { return }
    if hasLeft(worker) {
      worker.standing = .left
      endBeats(of: worker)
      worker.since = now.wall
      troubleIsOver(worker, why: "it has left", at: now)
      planConsumers(at: now)
      vanished(worker.runs.sorted(), of: worker, uncharged: true, at: now)
      return
    }
    if end == .refused { endBeats(of: worker) }
    // The worker may not know that it is closed: a firewall that resets one end is not seen at the other.
    if let beats = worker.beats { sendBeat(to: worker, on: beats, at: now) }
    // Its datagrams, if it has any, say whether it lives.
    let verdict = worker.detector.connectionClosed(
      why, peerMayLive: end == .stuck && worker.beats != nil, at: now.monotonic)
    suspected(worker, verdict, at: now)
  }

  /// It said that it leaves, and all that it started has ended: an Assign that crossed its farewell
  /// was never started.
  private func hasLeft(_ worker: Worker) -> Bool {
    worker.isDraining && worker.runs.allSatisfy { runs[$0]?.started == false }
  }

  // MARK: messages

  mutating func received(_ session: SessionID, _ messages: [WorkerMessage], at now: Now) {
    guard let name = sessions[session], let worker = workers[name], worker.session == session
    else { return }
    suspected(worker, worker.detector.heard(at: now.monotonic), at: now)
    for message in messages { take(message, from: worker, session, at: now) }
  }

  private mutating func take(
    _ message: WorkerMessage, from worker: Worker, _ session: SessionID, at now: Now
  ) {
    switch message {
    case .hello: ready.closes.append((session, "a second hello on one session"))
    case .heartbeat(let heartbeat): heartbeatReceived(heartbeat, from: worker, at: now)
    case .credit(let total):
      worker.granted = max(worker.granted, total)
      dispatchNeeded = true
    case .recall:
      worker.returned += worker.freeCredit
      ready.sends.append((session, .returned(total: worker.returned)))
    case .already(let job, let refused, let holding, let hazard):
      already(worker, job, refused: refused, holding: holding, hazard: hazard, at: now)
    case .refused(let job, let assignment, let reason):
      refused(worker, job, assignment, reason, at: now)
    case .started(let job, let assignment, _, let hazard):
      started(worker, job, assignment, hazard: hazard, at: now)
    case .finished(let job, let assignment, let result):
      finished(worker, session, job, assignment, result, at: now)
    case .progress(_, let assignment, let progress):
      if runs[assignment]?.worker == worker.name { runs[assignment]?.progress = progress }
    case .leaving:
      worker.isDraining = true
      ready.healthChanged = true
      planConsumers(at: now)
    }
  }

  private mutating func started(
    _ worker: Worker, _ job: JobID, _ assignment: AssignmentID, hazard: Bool, at now: Now
  ) {
    add(
      Run(
        job: job, assignment: assignment, worker: worker.name, boot: worker.boot, started: true,
        isHazard: hazard, since: now.monotonic))
    runs[assignment]?.started = true
    if hasEnded(job), entries[job] == nil {
      stop(assignment)
    } else {
      announcedStart(job, assignment)
    }
  }

  /// W1: the worker has the job under another assignment, which is adopted.
  private mutating func already(
    _ worker: Worker, _ job: JobID, refused: AssignmentID, holding: AssignmentID, hazard: Bool,
    at now: Now
  ) {
    removeRun(refused)
    add(
      Run(
        job: job, assignment: holding, worker: worker.name, boot: worker.boot, started: true,
        isHazard: hazard, since: now.monotonic))
    guard let entry = entries[job], case .running(refused) = entry.state else { return }
    entry.state = .running(holding)
  }

  /// Not started, uncharged: back to the head, after a pause, so that a refusal cannot spin.
  private mutating func refused(
    _ worker: Worker, _ job: JobID, _ assignment: AssignmentID, _ reason: RefusalReason,
    at now: Now
  ) {
    removeRun(assignment)
    if reason == .draining { worker.isDraining = true }
    guard let entry = entries[job], case .running(assignment) = entry.state else { return }
    rest(entry, for: .milliseconds(reason == .draining ? 0 : 100), thenLook: false, at: now)
  }

  private mutating func finished(
    _ worker: Worker, _ session: SessionID, _ job: JobID, _ assignment: AssignmentID,
    _ result: FinishedResult, at now: Now
  ) {
    let known = removeRun(assignment)
    // Each run is counted once: where it was given out, and when it is first told.
    if known != nil, assignment.boot == configuration.boot {
      countRun(assignment, result, lane: entries[job]?.job.lane)
    }
    var run =
      known
      ?? Run(
        job: job, assignment: assignment, worker: worker.name, boot: worker.boot, started: true,
        isHazard: false, since: now.monotonic)
    run.started = true
    if case .unrecorded(let outcome) = result {
      recordFor(worker, run, outcome, at: now)
      return
    }
    ready.sends.append((session, .finishedAck(assignment)))
    let entry = entries[job]
    let isOurs = if case .running(assignment) = entry?.state { true } else { false }
    switch result {
    case .recorded(let outcome):
      heardOfRecorded(outcome, at: now)
      if let entry, !entry.isSettling {
        announce(entry, outcome, at: now)
      } else {
        recentlyFinished.insert(job, hasOutcome: true, at: now.monotonic)
        stopRuns(of: job)
      }
    case .failed(let failure):
      recentlyFinished.insert(job, hasOutcome: false, at: now.monotonic)
      if isOurs, let entry {
        failed(entry, run, failure, at: now)
      } else if entry == nil {
        rememberedFailures.remember(job, run, failure)
      }
    case .stopped:
      if isOurs, let entry { look(entry) }
    case .unrecorded: return
    }
  }

  /// Records for a worker that has no route to the store, by the same rule.
  private mutating func recordFor(
    _ worker: Worker, _ run: Run, _ outcome: Outcome, at now: Now
  ) {
    guard recordingFor[run.assignment] == nil else { return }
    recordingFor[run.assignment] = worker.name
    recentlyFinished.insert(run.job, hasOutcome: false, at: now.monotonic)
    if let entry = entries[run.job], case .running(run.assignment) = entry.state {
      record(entry, outcome, reporter: run.assignment)
    } else {
      recording[recorder.record(outcome)] = .worker(run.job, run.assignment)
    }
  }
}
