internal import OrderedCollections

/// What people ask for: submit, cancel, pause a lane, cordon a node.
extension ClusterCore {
  mutating func submitted(_ token: UInt64, _ message: JobMessage, at now: Now) {
    guard configuration.lanes.contains(message.job.lane) else {
      ready.answers.append(.submitted(token: token, .noSuchLane))
      return
    }
    guard ledger.canSubmit, !isDraining else {
      let why =
        isDraining
        ? "this coordinator is leaving"
        : ledger.blockedBy.map { "\(configuration.brokerName) takes no messages: \($0)" }
          ?? "\(configuration.brokerName) cannot be reached"
      ready.answers.append(.submitted(token: token, .unavailable(why)))
      return
    }
    ledger.add(.job(message, .lane), for: .submit(token: token), at: now, into: &ready)
  }

  /// Inserts the outcome `cancelled` at once: the exact answer is cancelled, or finished first.
  mutating func cancel(_ token: UInt64, _ id: JobID, by: String, at now: Now) {
    let entry = entries[id]
    let outcome = Outcome(
      id: id, state: .cancelled, reason: "cancelled", kind: entry?.job.kind,
      lane: entry?.job.lane ?? .default, attempt: entry?.attempt ?? 0,
      tries: entry?.history.tries ?? 0, losses: entry?.history.losses ?? 0,
      submittedAt: entry?.job.submittedAt, finishedAt: now.wall,
      error: JobError(code: "cancelled", message: "cancelled by \(by)"),
      history: entry?.history.lines ?? [], requires: entry?.job.requires ?? [])
    recording[recorder.record(outcome)] = .cancel(
      token: token, id, wasSeen: entry != nil || runsOfJob[id] != nil)
  }

  mutating func cancelRecorded(_ id: JobID, _ outcome: Outcome, at now: Now) {
    if outcome.state == .cancelled { cancels.insert(id, at: now.monotonic) }
    recentlyFinished.insert(id, hasOutcome: true, at: now.monotonic)
    stopRuns(of: id)
    knownOutcome(outcome, at: now)
  }

  /// An id new in the store's collection of cancels: what waits here is looked up, what runs here is told.
  mutating func cancelRead(_ id: JobID, at now: Now) {
    guard cancels.insert(id, at: now.monotonic) else { return }
    stopRuns(of: id)
    if let entry = entries[id] { lookIfWaiting(entry) }
  }

  private mutating func lookIfWaiting(_ entry: Entry) {
    switch entry.state {
    case .queued, .resting: look(entry)
    case .looking, .running, .verdict, .settling: return
    }
  }

  // MARK: lanes

  /// What is held and not given out stays here: given back, the broker would count it as delivered once
  /// more, and ten pauses would look like ten deaths. After 20 minutes a copy takes its place.
  mutating func pausesRead(_ list: [LanePause], at now: Now) {
    var next: [Lane: LanePause] = [:]
    for pause in list where configuration.lanes.contains(pause.lane) { next[pause.lane] = pause }
    guard next != pauses else { return }
    pauses = next
    planConsumers(at: now)
    dispatchNeeded = true
    ready.healthChanged = true
  }

  /// What waits here is looked up and then cancelled, as after a cancel; what is still in the broker comes,
  /// whether or not anybody could run it. What runs goes on: after a start the workers are first given time
  /// to say what they run. The list is read again every second.
  mutating func purgesRead(_ list: [LanePurge], at now: Now) {
    guard let firstTick, now.monotonic - firstTick >= Self.purgesAfter else { return }
    var next: [Lane: LanePurge] = [:]
    for purge in list where configuration.lanes.contains(purge.lane) && now.wall < purge.ends {
      next[purge.lane] = purge
    }
    guard next != purges else { return }
    purges = next
    parkedRead.wanted.formUnion(next.keys)
    planConsumers(at: now)
    for (_, entry) in entries.sorted(by: { $0.key < $1.key }) where isPurged(entry.job, at: now) {
      lookIfWaiting(entry)
    }
  }

  private static let purgesAfter = Duration.seconds(5)

  func isPurged(_ job: Job, at now: Now) -> Bool {
    purges[job.lane].map { $0.takes(job, at: now.wall) } ?? false
  }

  /// How many jobs of a lane were cancelled here because it was emptied.
  package func purged(_ lane: Lane) -> Int { laneCounts[lane]?.purged ?? 0 }

  // MARK: nodes

  /// What a cordoned worker runs goes on, and its session stays; its slots count for nothing. What only it
  /// could run waits as if it were not there: parked, once it has waited for 5 s.
  mutating func controlsRead(_ list: [NodeControl], at now: Now) {
    let next = Dictionary(list.map { ($0.name, $0) }) { _, last in last }
    guard next != controls else { return }
    let served = abilities
    controls = next
    for worker in workers.values { worker.control = next[worker.name] }
    slotsChanged(served, at: now)
  }
}
