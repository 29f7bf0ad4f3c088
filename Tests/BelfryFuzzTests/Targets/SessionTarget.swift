import BelfryAPI
import BelfryCore
import BelfryWire

/// A coordinator's core between a broker and a store that answer anything at any time, and workers
/// that say anything. Nothing may trap; no assignment id is used twice; what is acked or given back
/// was delivered on a living channel, and not let go before.
func fuzzSession(_ input: inout FuzzInput) throws {
  var scene = SessionScene()
  while !input.isEmpty { try scene.step(&input) }
  try scene.end()
}

private struct SessionScene {
  private var core = ClusterCore(
    ClusterConfiguration(
      name: NodeName(trusted: "c0"), boot: BootID(high: 9 << 16, low: 0), lanes: [.default]))
  private var now = Now(
    monotonic: Instant(nanoseconds: 0), wall: WallTime(milliseconds: 1_700_000_000_000))
  private var sessions: UInt64 = 0
  private var tags: UInt64 = 0
  private var generation: UInt64 = 0
  private var isConsuming = false
  /// Deliveries that the core must hold.
  private var held: Set<DeliveryTag> = []
  private var assigned: [AssignmentID] = []
  private var assignedEver: Set<AssignmentID> = []
  private var publishes: [PublishID] = []
  private var lookups: [Lookup] = []
  private var records: [OutcomeRecorder.Request] = []
  private var tokens: UInt64 = 0

  mutating func step(_ input: inout FuzzInput) throws {
    switch input.byte() % 16 {
    case 0: try feed(.sessionOpened(nextSession(), hello(&input), from: "10.0.0.1"))
    case 1: try feed(.sessionClosed(session(&input), why: "closed"))
    case 2: try receive(input.chunk(), on: session(&input))
    case 3, 4, 5: try feed(.received(session(&input), [message(&input)]))
    case 6, 7: try arrive(&input)
    case 8: try pass(milliseconds: Int64(input.byte()) * 40)
    case 9: try answerPublishes(&input)
    case 10: try answerLookups(&input)
    case 11: try answerRecords(&input)
    case 12: try changeChannel(&input)
    case 13:
      tokens += 1
      try feed(.submitted(token: tokens, job(&input)))
    case 14:
      tokens += 1
      try feed(.cancelled(token: tokens, id(&input), by: "someone"))
    default:
      let problem = StoreProblem(isPermanent: input.bool(), message: "no primary")
      if input.bool() { return try feed(.storeAnswered(problem)) }
      if input.bool() { return try feed(.drain) }
      try feed(.beats([(session: session(&input), beat: beat(&input))]))
    }
  }

  /// All sessions end and time passes: what was believed to run is looked after.
  mutating func end() throws {
    for number in stride(from: 1, through: sessions, by: 1) {
      try feed(.sessionClosed(SessionID(number), why: "the end"))
    }
    for _ in 0..<8 { try pass(milliseconds: 30_000) }
  }

  // MARK: what the core asks for

  private mutating func feed(_ what: Input) throws {
    let ready = core.step(what, at: now)
    for (_, message) in ready.sends {
      guard case .assign(let assign) = message else { continue }
      try promise(
        assignedEver.insert(assign.assignment).inserted, "\(assign.assignment) is used twice")
      assigned.append(assign.assignment)
    }
    for tag in ready.acks + ready.requeues where tag.generation.number == generation {
      try promise(!isConsuming || held.remove(tag) != nil, "\(tag) is let go, and was not held")
    }
    publishes += ready.publishes.map(\.id) + ready.owes.map(\.id)
    lookups += ready.lookups
    records += ready.records
    try checkHeld()
  }

  /// Each delivery is in exactly one place.
  private func checkHeld() throws {
    var seen: Set<DeliveryTag> = []
    var twice: DeliveryTag?
    core.forEachHeldDelivery { tag in
      if !seen.insert(tag).inserted { twice = tag }
    }
    try promise(twice == nil, "\(twice.debugDescription) is in two places")
    try promise(
      seen == held, "held: \(seen.map(\.tag).sorted()), delivered: \(held.map(\.tag).sorted())")
  }

  private mutating func pass(milliseconds: Int64) throws {
    now.monotonic = now.monotonic + .milliseconds(milliseconds)
    now.wall = now.wall + .milliseconds(milliseconds)
    try feed(.tick)
  }

  // MARK: broker and store

  private mutating func changeChannel(_ input: inout FuzzInput) throws {
    switch input.byte() % 5 {
    case 0:
      // A new channel: what came on the old one is gone.
      if isConsuming { try lose() }
      generation += 1
      isConsuming = true
      try feed(.queue(.consumingUp(ChannelGeneration(generation))))
    case 1: if isConsuming { try lose() }
    case 2: try feed(.queue(.publishingUp))
    case 3: try feed(.queue(.publishingDown(reason: "closed")))
    default: try feed(.queue(input.bool() ? .blocked(reason: "memory") : .unblocked))
    }
  }

  private mutating func lose() throws {
    isConsuming = false
    held = []
    try feed(.queue(.consumingDown(ChannelGeneration(generation), reason: "closed")))
  }

  private mutating func arrive(_ input: inout FuzzInput) throws {
    guard isConsuming else { return }
    tags += 1
    let tag = DeliveryTag(ChannelGeneration(generation), tags)
    held.insert(tag)
    let flags = input.byte()
    let message = job(&input)
    var content = Arrival.Content.job(message)
    if flags & 32 != 0 {
      content = .malformed(
        Malformed(
          id: flags & 64 == 0 ? message.job.id : nil, kind: nil, lane: .default, code: "malformed",
          reason: "no kind", message: QueueMessage()))
    }
    let sources: [Arrival.Source] = [.lane, .again, .parked, .attached]
    try feed(
      .arrived([
        Arrival(
          tag: tag, source: sources[Int(flags & 3)], redelivered: flags & 4 != 0,
          deliveryCount: Int(flags >> 3 & 3), content: content)
      ]))
  }

  private mutating func answerPublishes(_ input: inout FuzzInput) throws {
    guard let id = Self.take(&publishes, input.byte()) else { return }
    let results: [PublishResult] = [.confirmed, .returned("no queue"), .unknown("closed")]
    try feed(.queue(.published([Published(id, input.pick(results))])))
    let answers: [InsertAnswer] = [.inserted, .duplicate, .unknown("slow"), .refused("too deep")]
    try feed(.owed([(id: id, answer: input.pick(answers))]))
  }

  private mutating func answerLookups(_ input: inout FuzzInput) throws {
    guard let lookup = Self.take(&lookups, input.byte()) else { return }
    try feed(.lookedUp([(ticket: lookup.ticket, answer: find(lookup.job, &input))]))
  }

  private mutating func answerRecords(_ input: inout FuzzInput) throws {
    switch Self.take(&records, input.byte()) {
    case .insert(let batch, let outcomes):
      let answers: [InsertAnswer] = [.inserted, .duplicate, .unknown("slow"), .refused("too deep")]
      try feed(.inserted(batch: batch, outcomes.map { _ in input.pick(answers) }))
    case .find(let batch, let jobs):
      try feed(.found(batch: batch, jobs.map { find($0, &input) }))
    case nil: return
    }
  }

  private mutating func find(_ job: JobID, _ input: inout FuzzInput) -> FindAnswer {
    switch input.byte() % 4 {
    case 0: .unknown("slow")
    case 1: .found(outcome(job, &input))
    default: .absent
    }
  }

  private static func take<Item>(_ items: inout [Item], _ byte: UInt8) -> Item? {
    items.isEmpty ? nil : items.remove(at: Int(byte) % items.count)
  }
}

/// What stands in messages: few names, so that they meet, and numbers at their bounds.
extension SessionScene {
  private mutating func nextSession() -> SessionID {
    sessions += 1
    return SessionID(sessions)
  }

  private func session(_ input: inout FuzzInput) -> SessionID {
    SessionID(sessions - min(sessions, UInt64(input.byte() % 4)))
  }

  /// The bytes of one message of the schema, by our codec.
  private mutating func receive(_ bytes: [UInt8], on session: SessionID) throws {
    let read: WorkerMessage?
    do {
      read = try Belfry_V1_WorkerMessage(wire: bytes).workerMessage()
    } catch is WireError {
      return
    } catch is MappingError {
      return
    }
    if let read { try feed(.received(session, [read])) }
  }

  private func message(_ input: inout FuzzInput) -> WorkerMessage {
    switch input.byte() % 9 {
    case 0: .hello(hello(&input))
    case 1:
      .heartbeat(
        Heartbeat(
          sequence: number(&input), echo: number(&input), held: duration(&input),
          running: Int(UInt32(truncatingIfNeeded: number(&input))), stuck: duration(&input)))
    case 2, 3: .credit(total: number(&input))
    case 4: .recall
    case 5:
      .already(
        job: id(&input), refused: assignment(&input), holding: assignment(&input),
        hazard: input.bool())
    case 6:
      .refused(
        job: id(&input), assignment: assignment(&input),
        RefusalReason(rawValue: input.byte() % 6) ?? .noSlot)
    case 7:
      .started(
        job: id(&input), assignment: assignment(&input), attempt: Int(input.byte()),
        hazard: input.bool())
    default: input.byte() == 0 ? .leaving : finished(&input)
    }
  }

  private func beat(_ input: inout FuzzInput) -> HeardBeat {
    HeardBeat(
      Beat(
        isStreamClosed: input.bool(), streamSilence: duration(&input),
        running: Int(UInt32(truncatingIfNeeded: number(&input)))),
      silence: duration(&input), missed: Int(input.byte()),
      roundTrip: input.bool() ? duration(&input) : nil)
  }

  private func finished(_ input: inout FuzzInput) -> WorkerMessage {
    let job = id(&input)
    let assignment = assignment(&input)
    let result: FinishedResult =
      switch input.byte() % 4 {
      case 0: .recorded(outcome(job, &input))
      case 1:
        .failed(
          Failure(
            isTimeout: input.bool(), neverAgain: input.bool(),
            error: JobError(code: "exit-1", message: "no"), startedAt: time(&input),
            finishedAt: time(&input)))
      case 2: .stopped
      default: .unrecorded(outcome(job, &input))
      }
    return .finished(job: job, assignment: assignment, result)
  }

  private func outcome(_ job: JobID, _ input: inout FuzzInput) -> Outcome {
    Outcome(
      id: job, state: input.pick([.succeeded, .failed, .cancelled, .expired]),
      kind: Kind(trusted: "k0"), lane: .default, attempt: Int(input.byte()),
      assignment: assignment(&input), finishedAt: time(&input))
  }

  private func hello(_ input: inout FuzzInput) -> Hello {
    let flags = input.byte()
    var holding: [Holding] = []
    for _ in 0..<(flags & 3) {
      holding.append(
        Holding(
          job: id(&input), assignment: assignment(&input), attempt: Int(input.byte()),
          finished: input.bool(), hazard: input.bool()))
    }
    return Hello(
      worker: NodeName(trusted: "w\(flags >> 2 & 3)"),
      boot: BootID(high: UInt64(input.byte() & 3) << 16, low: 0),
      slots: Int(UInt32(truncatingIfNeeded: number(&input))),
      kinds: flags & 16 == 0 ? [Kind(trusted: "k0")] : [],
      lanes: flags & 32 == 0 ? [.default] : [Lane(trusted: "elsewhere")],
      coordinatorRecords: flags & 64 != 0, holding: holding)
  }

  private func job(_ input: inout FuzzInput) -> JobMessage {
    let flags = input.byte()
    let id = id(&input)
    let policy = RetryPolicy(triesMax: Int(flags & 3), backoff: .default)
    return JobMessage(
      job: Job(
        id: id, kind: Kind(trusted: flags & 4 == 0 ? "k0" : "k1"),
        reply: flags & 8 == 0 ? nil : ReplyAddress(queue: "replies", correlationID: nil),
        deadline: flags & 16 == 0 ? nil : time(&input), retry: RetryWish(policy)),
      attempt: flags & 32 == 0 ? 1 : Int(UInt32(truncatingIfNeeded: number(&input))),
      runAt: flags & 64 == 0 ? nil : time(&input), isRepeat: flags & 128 != 0)
  }

  private func id(_ input: inout FuzzInput) -> JobID { JobID(trusted: "j\(input.byte() % 4)") }

  /// One that was given out, or an invented one.
  private func assignment(_ input: inout FuzzInput) -> AssignmentID {
    let byte = input.byte()
    guard byte < 192, !assigned.isEmpty else {
      return AssignmentID(boot: BootID(high: 9 << 16, low: 0), counter: UInt64(byte))
    }
    return assigned[assigned.count - 1 - Int(byte) % assigned.count]
  }

  private func number(_ input: inout FuzzInput) -> UInt64 {
    let byte = input.byte()
    return byte < 250 ? UInt64(byte) : .max - UInt64(byte & 3)
  }

  private func duration(_ input: inout FuzzInput) -> Duration {
    .milliseconds(Int64(clamping: number(&input)))
  }

  private func time(_ input: inout FuzzInput) -> WallTime {
    let byte = input.byte()
    switch byte {
    case 254: return WallTime(milliseconds: .max)
    case 255: return WallTime(milliseconds: .min)
    default: return now.wall + .seconds(Int64(byte) - 100)
    }
  }
}
