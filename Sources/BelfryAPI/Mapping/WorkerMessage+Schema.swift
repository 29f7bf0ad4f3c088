package import BelfryCore
internal import SwiftProtobuf

/// What workers say, between the core and the schema. Out of the schema every id is checked.
extension Belfry_V1_WorkerMessage {
  package init(_ message: WorkerMessage) {
    self.init()
    switch message {
    case .hello(let hello): self.message = .hello(Belfry_V1_Hello(hello))
    case .heartbeat(let heartbeat): self.message = .heartbeat(Belfry_V1_Heartbeat(heartbeat))
    case .credit(let total): self.message = .credit(.with { $0.total = total })
    case .recall: self.message = .recall(Belfry_V1_Recall())
    case .already(let job, let refused, let holding, let hazard):
      self.message = .already(
        .with {
          $0.job = job.text
          $0.assignment = refused.description
          $0.holding = holding.description
          $0.hazard = hazard
        })
    case .refused(let job, let assignment, let reason):
      self.message = .refused(
        .with {
          $0.job = job.text
          $0.assignment = assignment.description
          $0.reason = UInt32(reason.rawValue)
        })
    case .started(let job, let assignment, let attempt, let hazard):
      self.message = .started(
        .with {
          $0.job = job.text
          $0.assignment = assignment.description
          $0.attempt = UInt32(clamping: attempt)
          $0.hazard = hazard
        })
    case .finished(let job, let assignment, let result):
      self.message = .finished(Belfry_V1_Finished(job, assignment, result))
    case .progress(let job, let assignment, let progress):
      self.message = .progress(
        .with {
          $0.job = job.text
          $0.assignment = assignment.description
          $0.permille = UInt32(clamping: progress.permille)
          $0.text = progress.text
        })
    case .leaving: self.message = .leaving(Belfry_V1_Leaving())
    }
  }

  /// Nil for a message of a later version, which is skipped.
  package func workerMessage() throws(MappingError) -> WorkerMessage? {
    switch message {
    case .hello(let hello): return .hello(try hello.hello())
    case .heartbeat(let heartbeat): return .heartbeat(heartbeat.heartbeat())
    case .credit(let credit): return .credit(total: credit.total)
    case .recall: return .recall
    case .already(let m):
      return .already(
        job: try Field.job(m.job), refused: try Field.assignment(m.assignment),
        holding: try Field.assignment(m.holding), hazard: m.hazard)
    case .refused(let m):
      guard let raw = UInt8(exactly: m.reason), let reason = RefusalReason(rawValue: raw)
      else { throw MappingError("reason", m.reason) }
      return .refused(
        job: try Field.job(m.job), assignment: try Field.assignment(m.assignment), reason)
    case .started(let m):
      return .started(
        job: try Field.job(m.job), assignment: try Field.assignment(m.assignment),
        attempt: Int(m.attempt), hazard: m.hazard)
    case .finished(let m): return try m.workerMessage()
    case .progress(let m):
      return .progress(
        job: try Field.job(m.job), assignment: try Field.assignment(m.assignment),
        JobProgress(permille: Int(m.permille), text: m.text))
    case .leaving: return .leaving
    case nil: return nil
    }
  }
}

extension Belfry_V1_Hello {
  fileprivate init(_ hello: Hello) {
    self.init()
    version = 1
    worker = hello.worker.text
    boot = hello.boot.description
    slots = UInt32(clamping: hello.slots)
    kinds = hello.kinds.map(\.text)
    lanes = hello.lanes.map(\.text)
    labels = hello.labels.map(Belfry_V1_Label.init)
    coordinatorRecords = hello.coordinatorRecords
    software = hello.software
    if let death = hello.death { self.death = Belfry_V1_Death(death) }
    datagrams = hello.datagrams
    holding = hello.holding.map { held in
      .with {
        $0.job = held.job.text
        $0.assignment = held.assignment.description
        $0.attempt = UInt32(clamping: held.attempt)
        $0.finished = held.finished
        $0.hazard = held.hazard
      }
    }
  }

  fileprivate func hello() throws(MappingError) -> Hello {
    guard version >= 1 else { throw MappingError("version", version) }
    var kinds: [Kind] = []
    for kind in self.kinds { kinds.append(try Field.kind(kind)) }
    var lanes: [Lane] = []
    for lane in self.lanes { lanes.append(try Field.lane(lane)) }
    var labels: [Label] = []
    for label in self.labels { labels.append(try Field.label(label)) }
    var holding: [Holding] = []
    for held in self.holding {
      holding.append(
        Holding(
          job: try Field.job(held.job), assignment: try Field.assignment(held.assignment),
          attempt: Int(held.attempt), finished: held.finished, hazard: held.hazard))
    }
    return Hello(
      worker: try Field.node(worker), boot: try Field.boot(boot), slots: Int(slots), kinds: kinds,
      lanes: lanes.isEmpty ? [.default] : lanes, labels: labels,
      coordinatorRecords: coordinatorRecords, holding: holding,
      software: String(software.prefix(128)), death: hasDeath ? try death.death() : nil,
      datagrams: datagrams)
  }
}

extension Belfry_V1_Death {
  fileprivate init(_ death: Death) {
    self.init()
    boot = death.boot.description
    signal = death.signal
    lastWords = death.lastWords.sorted { $0.key < $1.key }.map { assignment, text in
      .with {
        $0.assignment = assignment.description
        $0.stderr = text
      }
    }
  }

  fileprivate func death() throws(MappingError) -> Death {
    var result = Death(boot: try Field.boot(boot), signal: String(signal.prefix(16)))
    for words in lastWords.prefix(Death.runsMax) {
      result.lastWords[try Field.assignment(words.assignment)] = String(words.stderr.prefix(1_024))
    }
    return result
  }
}

extension Belfry_V1_Label {
  package init(_ label: Label) {
    self.init()
    key = label.key
    value = label.value
  }
}

extension Belfry_V1_Heartbeat {
  init(_ heartbeat: Heartbeat) {
    self.init()
    sequence = heartbeat.sequence
    echo = heartbeat.echo
    running = UInt32(clamping: heartbeat.running)
    stuckMs = UInt64(clamping: heartbeat.stuck.millisecondsClamped)
    heldMs = UInt64(clamping: heartbeat.held.millisecondsClamped)
    storeAwayMs = UInt64(clamping: heartbeat.storeAway.millisecondsClamped)
    wallMs = heartbeat.wall.wireMilliseconds
    hears = heartbeat.hears.map(\.text)
    misses = heartbeat.misses.map(\.text)
  }

  /// Names that make no sense are of no coordinator that anybody knows.
  func heartbeat() -> Heartbeat {
    func names(_ texts: [String]) -> [NodeName] {
      texts.prefix(LinkPlan.coordinatorsMax).compactMap { NodeName($0) }
    }
    return Heartbeat(
      sequence: sequence, echo: echo, held: .milliseconds(Int64(clamping: heldMs)),
      running: Int(running), stuck: .milliseconds(Int64(clamping: stuckMs)),
      storeAway: .milliseconds(Int64(clamping: storeAwayMs)), wall: Field.time(wallMs),
      hears: names(hears), misses: names(misses))
  }
}

extension Belfry_V1_Finished {
  fileprivate init(_ job: JobID, _ assignment: AssignmentID, _ result: FinishedResult) {
    self.init()
    self.job = job.text
    self.assignment = assignment.description
    switch result {
    case .recorded(let outcome): self.result = .recorded(Belfry_V1_Outcome(outcome))
    case .failed(let failure): self.result = .failed(Belfry_V1_Failure(failure))
    case .stopped: self.result = .stopped(Belfry_V1_Stopped())
    case .unrecorded(let outcome): self.result = .unrecorded(Belfry_V1_Outcome(outcome))
    }
  }

  fileprivate func workerMessage() throws(MappingError) -> WorkerMessage {
    let job = try Field.job(job)
    let result: FinishedResult
    switch self.result {
    case .recorded(let outcome): result = .recorded(try Self.outcome(outcome, of: job))
    case .failed(let failure): result = .failed(failure.failure())
    case .stopped: result = .stopped
    case .unrecorded(let outcome):
      // Who cannot record cannot have kept chunks either.
      guard outcome.resultChunks == 0 else {
        throw MappingError("outcome.result_chunks", outcome.resultChunks)
      }
      result = .unrecorded(try Self.outcome(outcome, of: job))
    case nil: throw MappingError("finished.result", "none")
    }
    return .finished(job: job, assignment: try Field.assignment(assignment), result)
  }

  /// An outcome speaks of the job it is sent for, and of no other.
  private static func outcome(
    _ outcome: Belfry_V1_Outcome, of job: JobID
  ) throws(MappingError) -> Outcome {
    let result = try outcome.outcome()
    guard result.id == job else { throw MappingError("outcome.id", outcome.id) }
    return result
  }
}
