internal import OrderedCollections

/// C1 to C3: a delivery comes in, joins what is known of its job, or is looked up.
extension ClusterCore {
  mutating func arrived(_ arrival: Arrival, at now: Now) {
    guard generations.contains(arrival.tag.generation) else { return }
    switch arrival.content {
    case .malformed(let malformed): refuse(malformed, arrival, at: now)
    case .job(let message):
      switch arrival.source {
      case .lane, .again: take(message, arrival, at: now)
      case .attached: takeIn(message, arrival, at: now)
      case .parked: sortParked(message, arrival, at: now)
      }
    }
  }

  /// C1, C2: joins, adopts, waits, or begins.
  mutating func take(_ message: JobMessage, _ arrival: Arrival, at now: Now) {
    let id = message.job.id
    if let entry = entries[id] {
      if entry.makesArrivalsWait {
        entry.waiting.append((arrival.tag, arrival))
      } else {
        entry.join(message, arrival)
        nameSuspicious(entry, at: now)
      }
      return
    }
    let entry = Entry(message, arrival, state: .queued, at: now.monotonic)
    entries[id] = entry
    nameSuspicious(entry, at: now)
    begin(entry, mustLook: mustLook(message, arrival), at: now)
  }

  /// Delivered ten times without an outcome: when coordinator and worker die together nobody can
  /// charge a loss. It runs as a hazard, and somebody should look; it is never failed for that.
  private mutating func nameSuspicious(_ entry: Entry, at now: Now) {
    guard entry.isSuspicious else { return }
    raise(
      "job-redelivered", entry.job.id.text, .warning,
      "job \(entry.job.id) was delivered ten times and has no outcome",
      why: "whoever holds it dies, or loses its connection; its kind is \(entry.job.kind)", at: now)
  }

  /// The entry is gone: nothing more is held of this job here.
  mutating func drop(_ entry: Entry, at now: Now) {
    let id = entry.job.id
    entries[id] = nil
    if entry.isSuspicious {
      resolveIfOpen("job-redelivered", id.text, why: "it is not held here any more", at: now)
    }
  }

  /// C2 for an entry that is neither assigned nor settled: adopt, look, or queue.
  mutating func begin(_ entry: Entry, mustLook: Bool, at now: Now) {
    if let run = adoptable(entry.job.id) {
      entry.state = .running(run)
    } else if mustLook {
      look(entry)
    } else {
      queue(entry, at: now)
    }
  }

  /// A run of this job that was announced, or assigned here, and is not being stopped.
  func adoptable(_ job: JobID) -> AssignmentID? {
    runsOfJob[job]?.first { assignment in
      guard let run = runs[assignment], !run.isStopping else { return false }
      return run.started || assignment.boot == configuration.boot
    }
  }

  /// C3: asking saves work; nothing rests on it.
  private func mustLook(_ message: JobMessage, _ arrival: Arrival) -> Bool {
    let id = message.job.id
    return arrival.redelivered || message.attempt > 1 || message.isRepeat
      || runsOfJob[id] != nil || cancels.contains(id) || recentlyFinished.contains(id)
  }

  mutating func look(_ entry: Entry) {
    let ticket = newTicket()
    entry.state = .looking(ticket: ticket)
    lookups[ticket] = entry.job.id
    ready.lookups.append(Lookup(ticket: ticket, job: entry.job.id))
  }

  mutating func lookedUp(_ ticket: UInt64, _ answer: FindAnswer, at now: Now) {
    guard let id = lookups.removeValue(forKey: ticket), let entry = entries[id] else { return }
    switch entry.state {
    case .looking(ticket):
      switch answer {
      case .found(let outcome): announce(entry, outcome, at: now)
      case .absent where isBeingRecorded(id):
        rest(entry, for: .milliseconds(500), thenLook: true, at: now)
      case .absent: queue(entry, at: now)
      case .unknown: rest(entry, for: .milliseconds(500), thenLook: true, at: now)
      }
    case .verdict(let lost, ticket):
      switch answer {
      case .found(let outcome): announce(entry, outcome, at: now)
      case .absent: judged(entry, lost, at: now)
      case .unknown: askAgain(entry, lost, at: now)
      }
    default: return
    }
  }

  /// An insert of this job's outcome is on its way from here: the store did not have it yet, but will.
  private func isBeingRecorded(_ job: JobID) -> Bool {
    recording.values.contains { purpose in
      switch purpose {
      case .worker(job, _), .cancel(_, job, _): true
      default: false
      }
    }
  }

  /// Intake: published to the lane with a confirm, and only then acked where it came from.
  private mutating func takeIn(_ message: JobMessage, _ arrival: Arrival, at now: Now) {
    ledger.add(.job(message, .lane), for: .delivery(arrival.tag), at: now, into: &ready)
  }

  /// What is no job: with a valid id it fails, without one it is kept in `belfry.rejected`.
  private mutating func refuse(_ malformed: Malformed, _ arrival: Arrival, at now: Now) {
    guard let id = malformed.id, arrival.source != .attached else {
      ledger.add(.rejected(malformed), for: .delivery(arrival.tag), at: now, into: &ready)
      return
    }
    if let entry = entries[id] {
      // The id is in use by a job that is one: this copy waits until that is settled.
      entry.waiting.append((arrival.tag, arrival))
      return
    }
    let job = Job(
      id: id, kind: malformed.kind ?? Kind(trusted: "unknown"), lane: malformed.lane,
      reply: malformed.reply)
    let entry = Entry(JobMessage(job: job), arrival, state: .queued, at: now.monotonic)
    entries[id] = entry
    record(
      entry, state: .failed, reason: malformed.code,
      error: JobError(code: malformed.code, message: malformed.reason), keepsJob: false, at: now)
  }

  /// A pause before the next try of something that was answered *unknown*, or refused.
  mutating func rest(_ entry: Entry, for pause: Duration, thenLook: Bool, at now: Now) {
    let until = now.monotonic + pause
    entry.state = .resting(until: until, thenLook: thenLook)
    resting[entry.job.id] = until
  }

  mutating func wakeResting(at now: Now) {
    guard !resting.isEmpty else { return }
    for id in resting.keys.sorted() {
      guard let until = resting[id], now.monotonic >= until else { continue }
      resting[id] = nil
      guard let entry = entries[id] else { continue }
      switch entry.state {
      case .resting(_, let thenLook): begin(entry, mustLook: thenLook, at: now)
      case .verdict(let lost, _): ask(entry, lost)
      default: continue
      }
    }
  }
}
