internal import OrderedCollections

/// W1 to W4: an assignment is taken or refused, run, recorded and reported.
extension WorkerCore {
  // MARK: W1

  mutating func assigned(_ assign: Assign, by session: SessionID) {
    sessions[session]?.spent += 1
    let job = assign.job.id
    if let holding = runsOfJob[job], let run = runs[holding], holding != assign.assignment {
      if answerHolder(assign, session, holding, run) { return }
    }
    guard runs[assign.assignment] == nil else { return }
    if let reason = reasonToRefuse(assign) {
      ready.sends.append(
        (session, .refused(job: job, assignment: assign.assignment, reason)))
      return
    }
    runs.add(WorkerRun(assign, by: session, owedTo: Array(coordinators.keys)))
    runsOfJob[job] = assign.assignment
    ready.starts.append(assign)
    for other in sessions.keys {
      ready.sends.append(
        (
          other,
          .started(
            job: job, assignment: assign.assignment, attempt: assign.attempt,
            hazard: assign.hazard)
        ))
    }
  }

  /// The job is here already: says under which assignment; when that run has ended and waits, its
  /// Finished goes again directly behind.
  private mutating func answerHolder(
    _ assign: Assign, _ session: SessionID, _ holding: AssignmentID, _ run: WorkerRun
  ) -> Bool {
    let already = WorkerMessage.already(
      job: run.job, refused: assign.assignment, holding: holding, hazard: run.isRunningHazard)
    switch run.phase {
    case .running, .cancelling, .recording: ready.sends.append((session, already))
    case .stopping:
      ready.sends.append(
        (session, .refused(job: run.job, assignment: assign.assignment, .stopping)))
    case .finished(.failed), .finished(.stopped): return false
    case .finished(let result):
      ready.sends.append((session, already))
      ready.sends.append((session, .finished(job: run.job, assignment: holding, result)))
    }
    return true
  }

  private func reasonToRefuse(_ assign: Assign) -> RefusalReason? {
    if isDraining { return .draining }
    if slotsInUse >= configuration.slots { return .noSlot }
    if !configuration.kinds.contains(assign.job.kind) { return .unknownKind }
    if assign.hazard, runs.hazards > 0 { return .hazard }
    return nil
  }

  // MARK: W2, W3

  mutating func ended(_ assignment: AssignmentID, _ result: HandlerResult, at now: Now) {
    guard let run = runs[assignment] else { return }
    switch run.phase {
    case .recording, .finished: return
    case .stopping: finish(assignment, .stopped)
    case .cancelling:
      record(
        assignment, .cancelled, reason: "cancelled", startedAt: result.startedAt,
        finishedAt: result.finishedAt)
    case .running:
      switch result {
      case .succeeded(let value, let startedAt, let finishedAt):
        record(
          assignment, .succeeded, result: value, startedAt: startedAt, finishedAt: finishedAt)
      case .failed(let failure): finish(assignment, .failed(failure))
      case .ended(let startedAt, let finishedAt):
        guard let limit = run.timedOutAfter else { return finish(assignment, .stopped) }
        let error = JobError(
          code: "timeout", message: "the handler ran longer than \(limit.shortText)")
        finish(
          assignment,
          .failed(
            Failure(
              isTimeout: true, error: error, startedAt: startedAt, finishedAt: finishedAt)))
      }
    }
  }

  private mutating func record(
    _ assignment: AssignmentID, _ state: Outcome.State, reason: String = "",
    result: JobResult? = nil, startedAt: WallTime, finishedAt: WallTime
  ) {
    guard let run = runs[assignment] else { return }
    let job = run.assign.job
    let outcome = Outcome(
      id: job.id, state: state, reason: reason, kind: job.kind, lane: job.lane,
      attempt: run.assign.attempt, tries: run.assign.history.tries,
      losses: run.assign.history.losses, assignment: assignment, worker: configuration.name,
      submittedAt: job.submittedAt, startedAt: startedAt, finishedAt: finishedAt, result: result,
      history: run.assign.history.lines, retryOf: job.retryOf, requires: job.requires)
    if hasStore {
      runs.move(run, to: .recording)
      recording[recorder.record(outcome)] = assignment
    } else {
      finish(assignment, .unrecorded(outcome))
    }
  }

  mutating func recorded(_ results: [OutcomeRecorder.Recorded]) {
    for result in results {
      guard let assignment = recording.removeValue(forKey: result.ticket) else { continue }
      finish(assignment, .recorded(result.outcome))
    }
  }

  // MARK: W4

  private mutating func finish(_ assignment: AssignmentID, _ result: FinishedResult) {
    guard let run = runs[assignment] else { return }
    runs.move(run, to: .finished(result))
    for session in sessions.keys {
      ready.sends.append((session, .finished(job: run.job, assignment: assignment, result)))
    }
    if run.owedTo.isEmpty { remove(assignment) }
    while let surplus = runs.surplus() { remove(surplus) }
  }

  mutating func acknowledge(_ assignment: AssignmentID, by coordinator: String) {
    guard let run = runs[assignment] else { return }
    run.owedTo.removeAll { $0 == coordinator }
    run.isHeard = true
    guard run.isFinished, run.owedTo.isEmpty else { return }
    remove(assignment)
  }

  mutating func remove(_ assignment: AssignmentID) {
    guard let run = runs.remove(assignment) else { return }
    if runsOfJob[run.job] == assignment { runsOfJob[run.job] = nil }
  }
}

extension WorkerCore.HandlerResult {
  var startedAt: WallTime {
    switch self {
    case .succeeded(_, let startedAt, _), .ended(let startedAt, _): startedAt
    case .failed(let failure): failure.startedAt
    }
  }

  var finishedAt: WallTime {
    switch self {
    case .succeeded(_, _, let finishedAt), .ended(_, let finishedAt): finishedAt
    case .failed(let failure): failure.finishedAt
    }
  }
}
