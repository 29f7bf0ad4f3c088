internal import OrderedCollections

/// C5 to C7: what ends a set. Every path goes through a durable insert or a publish that counts, and
/// only then acks.
extension ClusterCore {
  // MARK: C5, a failure

  /// An attempt failed: with tries left a successor waits out its back-off, else it is the outcome.
  mutating func failed(
    _ entry: Entry, _ run: Run, _ failure: Failure, at now: Now
  ) {
    entry.history.add(line(for: run, failure, attempt: entry.attempt))
    settleFailure(entry, failure, assignment: run.assignment, worker: run.worker, at: now)
  }

  private func line(for run: Run, _ failure: Failure, attempt: Int) -> HistoryLine {
    HistoryLine(
      assignment: run.assignment, attempt: attempt, what: failure.isTimeout ? .timeout : .failed,
      worker: run.worker, boot: run.boot, at: failure.finishedAt, code: failure.error.code,
      message: String(failure.error.message.prefix(256)), stderr: failure.error.stderr)
  }

  private mutating func settleFailure(
    _ entry: Entry, _ failure: Failure, assignment: AssignmentID, worker: NodeName, at now: Now
  ) {
    let tries = entry.history.tries
    let policy = configuration.retryPolicy(of: entry.job)
    if let deadline = entry.job.deadline, now.wall >= deadline {
      record(
        entry, state: .expired, reason: "deadline", error: failure.error, run: assignment,
        worker: worker, startedAt: failure.startedAt, at: now)
    } else if failure.neverAgain || tries >= policy.triesMax {
      record(
        entry, state: .failed, reason: failure.isTimeout ? "timeout" : "error",
        error: failure.error, run: assignment, worker: worker, startedAt: failure.startedAt,
        at: now)
    } else {
      let wait = policy.delay(afterFailures: tries, of: entry.job.id)
      succeed(
        entry, to: .again, attempt: entry.attempt + 1,
        due: wait > .milliseconds(200) ? now.wall + wait : nil, at: now)
    }
  }

  /// A failure that was heard while the set was empty is charged when the delivery comes, unless its
  /// history has that assignment already.
  mutating func chargeRemembered(_ entry: Entry, at now: Now) {
    guard let (run, failure) = rememberedFailures.take(entry.job.id),
      !entry.history.contains(run.assignment)
    else { return }
    failed(entry, run, failure, at: now)
  }

  // MARK: recording by the coordinator

  mutating func record(
    _ entry: Entry, state: Outcome.State, reason: String, error: JobError?,
    run: AssignmentID? = nil, worker: NodeName? = nil, startedAt: WallTime? = nil,
    keepsJob: Bool = true, at now: Now
  ) {
    let job = entry.job
    record(
      entry,
      Outcome(
        id: job.id, state: state, reason: reason, kind: job.kind, lane: job.lane,
        attempt: entry.attempt, tries: entry.history.tries, losses: entry.history.losses,
        assignment: run, worker: worker, submittedAt: job.submittedAt, startedAt: startedAt,
        finishedAt: now.wall, error: error, history: entry.history.lines, retryOf: job.retryOf,
        requires: job.requires, job: keepsJob && state != .cancelled ? job : nil))
  }

  /// `reporter`: the assignment whose worker waits to hear *recorded*.
  mutating func record(_ entry: Entry, _ outcome: Outcome, reporter: AssignmentID? = nil) {
    let serial = newSerial()
    let ticket = recorder.record(outcome)
    recording[ticket] = .entry(entry.job.id, serial: serial, reporter: reporter)
    entry.state = .settling(.recording(ticket), serial: serial)
  }

  mutating func recorded(_ results: [OutcomeRecorder.Recorded], at now: Now) {
    for result in results {
      switch recording.removeValue(forKey: result.ticket) {
      case .entry(let id, let serial, let reporter):
        if let reporter { tellRecorded(id, reporter) }
        if let entry = entries[id], case .settling(.recording, serial) = entry.state {
          announce(entry, result.outcome, at: now)
        } else {
          knownOutcome(result.outcome, at: now)
        }
      case .worker(let job, let assignment):
        tellRecorded(job, assignment)
        recentlyFinished.insert(job, hasOutcome: true, at: now.monotonic)
        stopRuns(of: job)
        knownOutcome(result.outcome, at: now)
      case .cancel(let token, let job, let wasSeen):
        ready.answers.append(
          .cancelled(token: token, result.outcome, wasSeen: wasSeen || !result.isOwn))
        cancelRecorded(job, result.outcome, at: now)
      case nil: continue
      }
    }
  }

  private mutating func tellRecorded(_ job: JobID, _ assignment: AssignmentID) {
    guard let name = recordingFor.removeValue(forKey: assignment),
      let session = workers[name]?.session
    else { return }
    ready.sends.append((session, .recorded(job: job, assignment: assignment)))
  }

  /// An outcome became known other than by the entry's own way.
  mutating func knownOutcome(_ outcome: Outcome, at now: Now) {
    if let entry = entries[outcome.id], !entry.isSettling {
      announce(entry, outcome, at: now)
    }
  }

  // MARK: C6, event and answers

  /// Publishes what the store holds, and the answer to whoever asked; then C7.
  mutating func announce(_ entry: Entry, _ outcome: Outcome, at now: Now) {
    let id = entry.job.id
    let serial = newSerial()
    recentlyFinished.insert(id, hasOutcome: true, at: now.monotonic)
    stopRuns(of: id)
    entry.state = .settling(
      .announcing(outcome, outstanding: 1 + entry.replies.count), serial: serial)
    let purpose = PublishLedger.Purpose.announcement(id, serial: serial)
    ledger.add(.event(outcome), for: purpose, at: now, into: &ready)
    for reply in entry.replies {
      ledger.add(.reply(reply, outcome), for: purpose, at: now, into: &ready)
    }
    laneCounts[outcome.lane, default: LaneCounts()].finished += 1
    if outcome.state == .failed { laneCounts[outcome.lane]?.failed += 1 }
    ready.settled.append(outcome)
  }

  // MARK: successors

  /// Publishes a message that takes the set's place, then C7.
  mutating func succeed(
    _ entry: Entry, to destination: Publish.Destination, attempt: Int, runAt: WallTime? = nil,
    due: WallTime? = nil, at now: Now
  ) {
    let serial = newSerial()
    entry.state = .settling(.succeeding(attempt: attempt), serial: serial)
    let isRepeat = destination == .parked || due != nil
    // The store that would keep it until then is away here only: it goes to those who reach it.
    let (runAt, due) = standingAside.isOn ? (due ?? runAt, nil) : (runAt, due)
    let message = JobMessage(
      job: entry.job, attempt: attempt, history: entry.history, runAt: runAt, isRepeat: isRepeat)
    ledger.add(
      .job(message, destination), for: .successor(entry.job.id, serial: serial), due: due,
      at: now, into: &ready)
  }

  // MARK: publishes that count, and C7

  mutating func counted(_ purposes: [PublishLedger.Purpose], at now: Now) {
    for purpose in purposes {
      switch purpose {
      case .successor(let id, let serial):
        guard let entry = entries[id],
          case .settling(.succeeding(let attempt), serial) = entry.state
        else { continue }
        finish(entry, successor: attempt, at: now)
      case .announcement(let id, let serial): announced(id, serial, at: now)
      case .delivery(let tag): ack(tag)
      case .repark(let id, let tags): reparked(id, tags, at: now)
      case .owed(let owed): ready.settledOwed.append(owed)
      case .submit(let token): ready.answers.append(.submitted(token: token, .accepted))
      }
    }
  }

  private mutating func announced(_ id: JobID, _ serial: UInt64, at now: Now) {
    guard let entry = entries[id],
      case .settling(.announcing(let outcome, let outstanding), serial) = entry.state
    else { return }
    if outstanding > 1 {
      entry.state = .settling(
        .announcing(outcome, outstanding: outstanding - 1), serial: serial)
    } else {
      finish(entry, successor: nil, at: now)
    }
  }

  /// C7: acks each delivery on its own channel generation; where that is gone, nothing. What waited
  /// is acked with the set if the confirmed successor is newer, else it starts again at C1.
  private mutating func finish(_ entry: Entry, successor: Int?, at now: Now) {
    drop(entry, at: now)
    for tag in entry.deliveries { ack(tag) }
    for (tag, arrival) in entry.waiting {
      if let successor, case .job(let message) = arrival.content, message.attempt < successor {
        ack(tag)
      } else {
        arrived(arrival, at: now)
      }
    }
  }

  mutating func ack(_ tag: DeliveryTag) {
    guard generations.contains(tag.generation) else { return }
    ready.acks.append(tag)
  }
}
