import BelfryCore

/// The store: one document a job, unknown answers, late writes, step-downs, stale reads; and the
/// publishes that are owed.
extension Simulator {
  /// Sends a question; it travels for itself, and not at all if the process dies first.
  func ask(_ body: Event.Body, of process: SimulatedProcess) {
    queue.push(
      Event(link: process.storeLink, body: body), at: now + random.within(0...plan.storeDelay))
  }

  func ask(_ request: OutcomeRecorder.Request, of process: SimulatedProcess) {
    switch request {
    case .insert(let batch, let outcomes):
      ask(.insert(owner: process.index, batch: batch, outcomes), of: process)
    case .find(let batch, let jobs):
      ask(.find(owner: process.index, batch: batch, jobs), of: process)
    }
  }

  func storeHears(_ body: Event.Body) {
    switch body {
    case .insert(let owner, let batch, let outcomes): insert(outcomes, owner, batch)
    case .commit(let owner, let batch, let applied): commit(applied, owner, batch)
    case .rollBack(let applied): rollBack(applied)
    case .find(let owner, let batch, let jobs):
      let answers = find(jobs)
      answer(owner) {
        $0 ? .cluster(.found(batch: batch, answers)) : .worker(.found(batch: batch, answers))
      }
    case .lookups(let owner, let lookups):
      let answers = find(lookups.map(\.job))
      answer(owner) { _ in
        .cluster(.lookedUp(zip(lookups, answers).map { ($0.ticket, $1) }))
      }
    case .owe(let owner, let owes): owe(owes, owner)
    case .commitOwed(let owner, let owes): commitOwed(owes, owner)
    case .claim(let owner): claim(coordinator(processes[Int(owner)]))
    case .settleOwed(let ids):
      guard store.outageUntil <= now else { return }
      for id in ids {
        guard let index = store.owed.firstIndex(where: { $0.id == id }) else { continue }
        let owed = store.owed.remove(at: index)
        if !owed.isGivenUp { countOwed(owed, -1) }
      }
    case .addCancel(let id):
      guard store.outageUntil <= now, !store.cancels.contains(id) else { return }
      store.cancels.append(id)
    case .resume(let lane): setPause(nil, of: lane)
    case .uncordon(let name): setCordon(nil, of: name)
    default: return
    }
  }

  private func answer(_ owner: Int32, _ body: (_ isCoordinator: Bool) -> Event.Body) {
    guard owner >= 0 else { return }
    let isCoordinator = isCoordinator(processes[Int(owner)].node)
    push(Event(target: owner, body: body(isCoordinator)), in: plan.storeDelay)
  }

  // MARK: outcomes

  private func takeTrick() -> SimulatedStore.Trick? {
    if store.outageUntil > now { return random.pick([.lost, .appliedUnanswered, .appliedLate]) }
    defer { store.trick = nil }
    return store.trick
  }

  private func insert(_ outcomes: [Outcome], _ owner: Int32, _ batch: UInt64) {
    let unknown = outcomes.map { _ in InsertAnswer.unknown("time-out") }
    switch owner < 0 ? nil : takeTrick() {
    case nil: commitLater(apply(outcomes), owner, batch)
    case .lost: answerInsert(owner, batch, unknown)
    case .appliedUnanswered:
      commitLater(apply(outcomes), -1, 0)
      answerInsert(owner, batch, unknown)
    case .appliedLate:
      answerInsert(owner, batch, unknown)
      push(Event(body: .insert(owner: -1, batch: 0, outcomes)), in: ms(3_000))
    case .rolledBack:
      let applied = apply(outcomes)
      queue.push(
        Event(body: .rollBack(applied)), at: now + random.within(0...max(plan.storeDelay, ms(400))))
      queue.push(
        Event(body: .commit(owner: owner, batch: batch, applied)),
        at: now + max(plan.storeDelay, ms(400)))
    }
  }

  private func commitLater(_ applied: Applied, _ owner: Int32, _ batch: UInt64) {
    push(Event(body: .commit(owner: owner, batch: batch, applied)), in: plan.storeDelay)
  }

  /// The primary has it: another insert is a duplicate. Only the majority makes it an outcome.
  private func apply(_ outcomes: [Outcome]) -> Applied {
    let applied = Applied(outcomes, [])
    for outcome in outcomes {
      let job = index(of: outcome.id)
      if store.committed[job] != nil || store.applied[job] != nil {
        applied.answers.append(.duplicate)
      } else {
        store.applied[job] = applied
        applied.answers.append(.inserted)
      }
    }
    return applied
  }

  private func commit(_ applied: Applied, _ owner: Int32, _ batch: UInt64) {
    for (offset, outcome) in applied.outcomes.enumerated() {
      guard case .inserted = applied.answers[offset] else { continue }
      let job = index(of: outcome.id)
      if store.applied[job] === applied {
        store.applied[job] = nil
        if store.committed[job] != nil { fail(.S3, "the outcome of \(outcome.id) changed") }
        store.committed[job] = outcome
        note { "store: \(Transcript.text(outcome))" }
        if outcome.reason == "poison" { checkPoison(job) }
      } else {
        applied.answers[offset] = .unknown("not primary any more")
      }
    }
    answerInsert(owner, batch, applied.answers)
  }

  private func rollBack(_ applied: Applied) {
    for job in store.applied.indices where store.applied[job] === applied {
      store.applied[job] = nil
      note { "store: j\(job) is rolled back" }
    }
  }

  private func answerInsert(_ owner: Int32, _ batch: UInt64, _ answers: [InsertAnswer]) {
    answer(owner) {
      $0 ? .cluster(.inserted(batch: batch, answers)) : .worker(.inserted(batch: batch, answers))
    }
  }

  private func find(_ jobs: [JobID]) -> [FindAnswer] {
    jobs.map { id in
      if store.outageUntil > now { return .unknown("no primary") }
      guard let outcome = store.committed[index(of: id)] else { return .absent }
      return store.staleUntil > now && random.coin() ? .absent : .found(outcome)
    }
  }

  // MARK: owed publishes

  private func owe(_ owes: [Owe], _ owner: Int32) {
    let unknown = owes.map { (id: $0.id, answer: InsertAnswer.unknown("time-out")) }
    switch owner < 0 ? nil : takeTrick() {
    case nil: push(Event(body: .commitOwed(owner: owner, owes)), in: plan.storeDelay)
    case .lost, .rolledBack: answer(owner) { _ in .cluster(.owed(unknown)) }
    case .appliedUnanswered, .appliedLate:
      push(Event(body: .commitOwed(owner: -1, owes)), in: ms(3_000))
      answer(owner) { _ in .cluster(.owed(unknown)) }
    }
  }

  private func commitOwed(_ owes: [Owe], _ owner: Int32) {
    for owe in owes {
      let owed = SimulatedStore.Owed(
        id: owe.owedID, what: owe.what, job: jobOwed(owe.what), due: owe.due)
      if store.owedOnce.updateValue(owe.what, forKey: owe.owedID) != nil {
        fail(.S7, "owed id \(owe.owedID) is used twice")
      }
      store.owed.append(owed)
      countOwed(owed, 1)
    }
    answer(owner) { _ in .cluster(.owed(owes.map { ($0.id, .inserted) })) }
  }

  private func jobOwed(_ what: Publish.What) -> Int {
    switch what {
    case .job(let message, _): index(of: message.job.id)
    case .event(let outcome), .reply(_, let outcome): index(of: outcome.id)
    case .rejected, .owed: -1
    }
  }

  func countOwed(_ owed: SimulatedStore.Owed, _ step: Int) {
    switch owed.what {
    case .job: ledger.copies[owed.job] += step
    case .event: ledger.eventsOwed[owed.job] += step
    case .reply, .rejected, .owed: return
    }
  }

  /// By the store's own clock.
  func isDue(_ owed: SimulatedStore.Owed) -> Bool {
    let wall = Self.start.milliseconds + now / 1_000_000
    return owed.due.milliseconds <= wall && owed.claimedUntil <= now
  }

  private func claim(_ process: SimulatedCoordinator) {
    process.isClaiming = false
    guard store.outageUntil <= now else { return }
    var claimed: [OwedPublish] = []
    for index in store.owed.indices where claimed.count < 10 && isDue(store.owed[index]) {
      store.owed[index].claimedUntil = now + ms(10_000)
      if store.owed[index].isGivenUp {
        store.owed[index].isGivenUp = false
        countOwed(store.owed[index], 1)
      }
      let owed = store.owed[index]
      let what: OwedPublish.What =
        switch owed.what {
        case .event: .event
        case .reply: .reply
        default: .job
        }
      claimed.append(
        OwedPublish(
          id: owed.id, what: what, job: nil, attempt: 0, due: owed.due, exchange: "",
          routingKey: "", message: QueueMessage()))
    }
    if !claimed.isEmpty {
      answer(process.index) { _ in .cluster(.claimed(claimed)) }
    }
  }
}
