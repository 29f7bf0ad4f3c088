internal import OrderedCollections

/// C4: weighs the losses, then waits for a slot, then assigns.
extension ClusterCore {
  /// C4 for an entry without an outcome: adopt, settle at once, delay, or wait for a slot.
  mutating func queue(_ entry: Entry, at now: Now) {
    let id = entry.job.id
    if let run = adoptable(id) {
      entry.state = .running(run)
      return
    }
    if cancels.contains(id) {
      record(entry, state: .cancelled, reason: "cancelled", error: nil, at: now)
      return
    }
    // What is delayed waits for its time, not for its turn.
    if let purge = purges[entry.job.lane], purge.takes(entry.job, at: now.wall),
      entry.runAt.map({ $0 <= now.wall }) ?? true
    {
      laneCounts[purge.lane, default: LaneCounts()].purged += 1
      record(
        entry, state: .cancelled, reason: "cancelled",
        error: JobError(code: "cancelled", message: "its lane was emptied by \(purge.by)"), at: now)
      return
    }
    chargeRemembered(entry, at: now)
    entry.history.explain(deaths.explain)
    guard !entry.isSettling, !settleIfDecided(entry, at: now) else { return }
    entry.state = .queued
    dispatcher.enqueue(id, Demand(entry.job), entry.service)
    dispatchNeeded = true
  }

  /// Expired, poison, not yet decidable, or not yet due: no worker is asked.
  private mutating func settleIfDecided(_ entry: Entry, at now: Now) -> Bool {
    if let deadline = entry.job.deadline, now.wall >= deadline {
      record(
        entry, state: .expired, reason: "deadline",
        error: JobError(code: "deadline", message: "the job's deadline passed before it ran"),
        at: now)
      return true
    }
    if let runAt = entry.runAt, runAt > now.wall {
      succeed(entry, to: .lane, attempt: entry.attempt, runAt: nil, due: runAt, at: now)
      return true
    }
    let weight = weigh(entry.history, at: now)
    if weight.proven >= LossWeight.poison {
      record(entry, state: .failed, reason: "poison", error: poison(entry), at: now)
      return true
    }
    if weight.proven + weight.open >= LossWeight.poison {
      succeed(
        entry, to: .again, attempt: entry.attempt + 1,
        due: now.wall + configuration.lookAgainAfter, at: now)
      return true
    }
    return false
  }

  private func poison(_ entry: Entry) -> JobError {
    let lost = entry.history.lostLines
    let names = lost.map { line in
      let how = line.code.hasPrefix("signal-") ? line.code.dropFirst(7) : "signal unknown"
      return "\(line.worker) (\(line.boot)): \(how)"
    }
    return JobError(
      code: "poison",
      message: "its worker died under it \(names.count) times: \(names.joined(separator: ", "))",
      stderr: lost.last { !$0.stderr.isEmpty }?.stderr ?? "")
  }

  /// Gives out what waits while somebody has credit for it: one job a demand in turn, so that no
  /// demand starves another.
  mutating func dispatch(at now: Now) {
    guard !isDraining else { return }
    let demands = Array(dispatcher.groups.keys)
    guard !demands.isEmpty else { return }
    var open = demands.filter {
      pauses[$0.lane] == nil && dispatcher.groups[$0].map { $0.count > 0 } ?? false
    }
    while !open.isEmpty {
      open.removeAll { !dispatchOne($0, at: now) }
    }
    dispatcher.dropEmpty()
  }

  /// False when nothing more of this demand can be given out now.
  private mutating func dispatchOne(_ demand: Demand, at now: Now) -> Bool {
    guard let free = pick(demand) else { return false }
    var setAside: [JobID] = []
    defer { for id in setAside.reversed() { dispatcher.giveBack(id, demand) } }
    while let id = dispatcher.pop(demand) {
      guard let entry = entries[id], entry.isQueued else { continue }
      if cancels.contains(id) {
        look(entry)
        continue
      }
      if settleIfDecided(entry, at: now) { continue }
      let isHazard = self.isHazard(entry, at: now)
      guard let (worker, turn) = isHazard ? pick(demand, forHazard: true) : free else {
        // Every worker runs a hazard already: this one waits, the jobs behind it do not.
        setAside.append(id)
        continue
      }
      // Only what is given out takes a turn: jobs that come one by one go to all workers, too.
      dispatchCursor = turn + 1
      assign(entry, to: worker, isHazard: isHazard, at: now)
      return true
    }
    return false
  }

  /// The next worker with credit that serves the demand, and whose turn it is then: in turn, all demands
  /// together, so that the load spreads.
  private func pick(_ demand: Demand, forHazard: Bool = false) -> (Worker, turn: Int)? {
    let count = workers.count
    for offset in 0..<count {
      let index = (dispatchCursor + offset) % count
      let worker = workers.elements[index].value
      guard worker.takesNewJobs, worker.freeCredit > 0, worker.serves(demand) else { continue }
      if forHazard, worker.runs.contains(where: { runs[$0]?.isHazard ?? false }) { continue }
      return (worker, index)
    }
    return nil
  }

  private mutating func assign(_ entry: Entry, to worker: Worker, isHazard: Bool, at now: Now) {
    guard let session = worker.session else { return }
    let assignment = newAssignment()
    worker.spent += 1
    countWait(of: entry, at: now)
    add(
      Run(
        job: entry.job.id, assignment: assignment, worker: worker.name, boot: worker.boot,
        started: false, isHazard: isHazard, since: now.monotonic))
    entry.state = .running(assignment)
    let left = entry.job.deadline.map { $0 - now.wall }
    ready.sends.append(
      (
        session,
        .assign(
          Assign(
            job: entry.job, assignment: assignment, attempt: entry.attempt, left: left,
            history: entry.history, hazard: isHazard))
      ))
  }

  // MARK: runs

  mutating func add(_ run: Run) {
    guard runs[run.assignment] == nil else { return }
    runs[run.assignment] = run
    runsOfJob[run.job, default: []].append(run.assignment)
    workers[run.worker]?.runs.insert(run.assignment)
  }

  @discardableResult
  mutating func removeRun(_ assignment: AssignmentID) -> Run? {
    guard let run = runs.removeValue(forKey: assignment) else { return nil }
    workers[run.worker]?.runs.remove(assignment)
    if var list = runsOfJob[run.job] {
      list.removeAll { $0 == assignment }
      runsOfJob[run.job] = list.isEmpty ? nil : list
    }
    return run
  }

  /// Once an outcome is known, every run of the job that is left is stopped.
  mutating func stopRuns(of job: JobID) {
    for assignment in runsOfJob[job] ?? [] { stop(assignment) }
  }

  mutating func stop(_ assignment: AssignmentID) {
    guard let run = runs[assignment], !run.isStopping else { return }
    runs[assignment]?.isStopping = true
    guard let session = workers[run.worker]?.session else { return }
    let message: CoordinatorMessage =
      cancels.contains(run.job)
      ? .cancel(job: run.job, assignment: assignment)
      : .stop(job: run.job, assignment: assignment)
    ready.sends.append((session, message))
  }
}
