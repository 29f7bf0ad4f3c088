import BelfryCore

/// Producers: each publishes its job until it hears that it was taken; after the first time with the
/// repeat mark.
extension Simulator {
  func produce(_ job: Int) {
    guard !ledger.isConfirmed[job] else { return }
    publish(job)
  }

  func publish(_ job: Int) {
    let planned = plan.jobs[job]
    guard broker.downUntil <= now else { return produceAgain(job, after: ms(300)) }
    var message = JobMessage(job: planned.job, isRepeat: ledger.published[job] > 0)
    message.runAt = planned.runAt.map { Self.start + .nanoseconds($0) }
    if planned.door == .submit { return submit(message, job) }
    guard broker.alarmUntil <= now else { return produceAgain(job, after: ms(300)) }
    note { "producer: publishes \(planned.job.id)\(message.isRepeat ? " again" : "")" }
    let queue =
      planned.door == .attached
      ? Queue.attached : Queue.lane(SimulatedBroker.lane(planned.job), planned.job.priority)
    let isTaken = enqueue(BrokerMessage(job: job, content: content(message, planned)), queue)
    ledger.published[job] += 1
    if !isTaken || ledger.isUnsure[job] {
      ledger.isUnsure[job] = false
      produceAgain(job, after: ms(700))
    } else {
      push(Event(body: .producerHears(job: job)), in: plan.brokerDelay)
    }
  }

  private func submit(_ message: JobMessage, _ job: Int) {
    produceAgain(job, after: ms(3_000))
    let open = alive(coordinators: true)
    guard !open.isEmpty else { return }
    let process = random.pick(open)
    ledger.published[job] += 1
    push(
      Event(
        target: process.index, body: .cluster(.submitted(token: UInt64(job), message))),
      in: plan.sessionDelay)
  }

  /// Unless the first was heard of meanwhile.
  private func produceAgain(_ job: Int, after delay: Int64) {
    guard !ledger.isConfirmed[job] else { return }
    queue.push(Event(body: .produce(job: job)), at: now + delay)
  }

  private func content(
    _ message: JobMessage, _ planned: SimulationPlan.PlannedJob
  ) -> BrokerMessage.Content {
    switch planned.form {
    case .job: return .job(message)
    case .malformed, .nameless:
      let id = planned.form == .malformed ? planned.job.id : nil
      return .malformed(
        Malformed(
          id: id, kind: nil, lane: .default, code: "malformed", reason: "it has no type",
          reply: planned.job.reply, message: QueueMessage(messageID: planned.job.id.text)))
    }
  }
}
