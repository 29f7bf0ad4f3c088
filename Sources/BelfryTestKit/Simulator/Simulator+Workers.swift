import BelfryCore

/// The shell around a worker's core: sessions, handlers that succeed, fail or kill it.
extension Simulator {
  func happened(_ body: Event.Body, to process: SimulatedWorker) {
    switch body {
    case .tick:
      queue.push(Event(target: process.index, body: .tick), at: now + plan.tickEvery)
      step(process, .tick)
    case .worker(let input): step(process, input)
    case .handlerEnds(let assignment): handlerEnds(assignment, in: process)
    case .handlerKills(let assignment):
      guard process.handlers.contains(where: { $0.assignment == assignment }) else { return }
      crash(
        process, silently: random.oneIn(4), backWithin: ms(2_000), cutWithin: plan.sessionDelay)
    case .handlerTimesOut(let assignment): handlerTimesOut(assignment, in: process)
    case .handlerIsGivenUp(let assignment): handlerIsGivenUp(assignment, in: process)
    case .handlerReturns(let assignment): handlerReturns(assignment, in: process)
    case .connect(let coordinator): connect(process, to: coordinator)
    default: return
    }
  }

  func step(_ process: SimulatedWorker, _ input: WorkerCore.Input) {
    let ready = process.core.step(input, at: time(of: process))
    noteStep(of: process, Transcript.text(input)) { Transcript.lines(ready) }
    mix(UInt64(ready.sends.count + ready.starts.count << 8 + ready.records.count << 16))
    check(ready, of: process)
    for request in ready.records { ask(request, of: process) }
    sendToCoordinators(ready.sends, by: process)
    for assignment in ready.ends { end(assignment, in: process) }
    sendBeats(ready.beats, toWorkers: false)
    for id in ready.renews { renew(sessions[Int(id.number)]) }
    for id in ready.closes {
      push(
        Event(target: process.index, body: .workerNotices(session: Int(id.number))), in: ms(20))
    }
    for assign in ready.starts where process.isAlive { start(assign, in: process) }
    if ready.hasDrained, process.isAlive { leave(process) }
  }

  private func sendToCoordinators(
    _ sends: [(session: SessionID, message: WorkerMessage)], by process: SimulatedWorker
  ) {
    var index = 0
    while index < sends.count {
      let session = sessions[Int(sends[index].session.number)]
      var batch = [sends[index].message]
      index += 1
      while index < sends.count, sends[index].session == session.id, random.below(4) > 0 {
        batch.append(sends[index].message)
        index += 1
      }
      guard session.isOpenAtWorker else { continue }
      send(
        .toCoordinator(session: Int(session.id.number), batch), to: session.coordinator,
        on: session.up, within: plan.sessionDelay)
    }
  }

  // MARK: handlers

  private func start(_ assign: Assign, in process: SimulatedWorker) {
    let job = index(of: assign.job.id)
    let planned = plan.jobs[job]
    if process.handlers.contains(where: { $0.job == job && !$0.isGivenUp }) {
      fail(.S5, "\(process.name) runs \(assign.job.id) twice at once")
    }
    ledger.runs[job].append(
      SimulationLedger.Run(assignment: assign.assignment, process: process.index))
    ledger.handlerRuns += 1
    ledger.give(job, to: process.index, started: true)
    process.handlers.append(
      SimulatedWorker.Handler(
        assignment: assign.assignment, job: job, tries: assign.history.tries,
        startedAt: time(of: process).wall))
    if process.handlers.count > process.core.configuration.slots {
      fail(.S5, "\(process.name) runs more handlers than it has slots")
    }
    switch planned.behaviour {
    case .fastPoison:
      crash(process, silently: random.oneIn(4), backWithin: ms(2_000), cutWithin: 0)
    case .poison:
      queue.push(
        Event(target: process.index, body: .handlerKills(assign.assignment)),
        at: now + planned.runs + plan.sessionDelay)
    case .killsTwice:
      let deaths = ledger.given[job].count { !processes[Int($0.process)].isAlive }
      let body: Event.Body =
        deaths < 2 ? .handlerKills(assign.assignment) : .handlerEnds(assign.assignment)
      queue.push(
        Event(target: process.index, body: body),
        at: now + planned.runs + plan.sessionDelay + (deaths < 2 ? 0 : ms(5_000)))
    case .hangs where assign.history.tries == 0, .stuck where assign.history.tries == 0:
      queue.push(
        Event(target: process.index, body: .handlerTimesOut(assign.assignment)),
        at: now + planned.runs)
    default:
      queue.push(
        Event(target: process.index, body: .handlerEnds(assign.assignment)), at: now + planned.runs)
    }
  }

  private func handlerTimesOut(_ assignment: AssignmentID, in process: SimulatedWorker) {
    guard process.handlers.contains(where: { $0.assignment == assignment && !$0.isEnding })
    else { return }
    step(process, .handlerTimedOut(assignment, after: .seconds(1)))
    end(assignment, in: process)
  }

  private func handlerIsGivenUp(_ assignment: AssignmentID, in process: SimulatedWorker) {
    guard let index = process.handlers.firstIndex(where: { $0.assignment == assignment }),
      !process.handlers[index].isGivenUp
    else { return }
    process.handlers[index].isGivenUp = true
    let handler = process.handlers[index]
    ledger.ended(handler.job, assignment, .over)
    let failure = Failure(
      isTimeout: true, error: JobError(code: "timeout", message: "it does not end"),
      startedAt: handler.startedAt, finishedAt: time(of: process).wall)
    queue.push(
      Event(target: process.index, body: .handlerReturns(assignment)),
      at: now + random.within(0...ms(4_000)))
    step(process, .handlerGivenUp(assignment, failure))
  }

  private func handlerReturns(_ assignment: AssignmentID, in process: SimulatedWorker) {
    process.handlers.removeAll { $0.assignment == assignment }
    step(process, .handlerReturned(assignment))
  }

  /// Told to end; it ends soon, or its end was on the way already.
  private func end(_ assignment: AssignmentID, in process: SimulatedWorker) {
    guard let index = process.handlers.firstIndex(where: { $0.assignment == assignment })
    else { return }
    if plan.jobs[process.handlers[index].job].behaviour == .stuck,
      process.handlers[index].tries == 0
    {
      return push(
        Event(target: process.index, body: .handlerIsGivenUp(assignment)), in: ms(1_000))
    }
    process.handlers[index].isEnding =
      plan.jobs[process.handlers[index].job].behaviour == .hangs || random.below(4) > 0
    push(Event(target: process.index, body: .handlerEnds(assignment)), in: ms(500))
  }

  private func handlerEnds(_ assignment: AssignmentID, in process: SimulatedWorker) {
    guard let index = process.handlers.firstIndex(where: { $0.assignment == assignment }),
      !process.handlers[index].isGivenUp
    else { return }
    let handler = process.handlers.remove(at: index)
    let result = result(of: handler, at: time(of: process).wall)
    let hasSucceeded = if case .succeeded = result { true } else { false }
    ledger.ended(handler.job, assignment, hasSucceeded ? .succeeded : .over)
    step(process, .handlerEnded(assignment, result))
  }

  private func result(
    of handler: SimulatedWorker.Handler, at finishedAt: WallTime
  ) -> WorkerCore.HandlerResult {
    if handler.isEnding {
      return .ended(startedAt: handler.startedAt, finishedAt: finishedAt)
    }
    let behaviour = plan.jobs[handler.job].behaviour
    let fails =
      switch behaviour {
      case .failsOnce: handler.tries < 1
      case .failsTwice: handler.tries < 2
      case .failsAlways, .neverAgain: true
      default: false
      }
    if fails {
      return .failed(
        Failure(
          isTimeout: handler.tries & 1 == 1, neverAgain: behaviour == .neverAgain,
          error: JobError(code: "exit-1", message: "no"), startedAt: handler.startedAt,
          finishedAt: finishedAt))
    }
    return .succeeded(
      JobResult(bytes: .empty), startedAt: handler.startedAt, finishedAt: finishedAt)
  }
}
