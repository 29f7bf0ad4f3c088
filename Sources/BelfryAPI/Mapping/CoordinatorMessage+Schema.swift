package import BelfryCore
internal import Foundation
internal import SwiftProtobuf

/// What coordinators say, between the core and the schema.
extension Belfry_V1_CoordinatorMessage {
  package init(_ message: CoordinatorMessage) {
    self.init()
    switch message {
    case .welcome(let welcome): self.message = .welcome(Belfry_V1_Welcome(welcome))
    case .heartbeat(let heartbeat): self.message = .heartbeat(Belfry_V1_Heartbeat(heartbeat))
    case .assign(let assign): self.message = .assign(Belfry_V1_Assign(assign))
    case .finishedAck(let assignment):
      self.message = .finishedAck(.with { $0.assignment = assignment.description })
    case .recorded(let job, let assignment):
      self.message = .recorded(
        .with {
          $0.job = job.text
          $0.assignment = assignment.description
        })
    case .stop(let job, let assignment):
      self.message = .stop(
        .with {
          $0.job = job.text
          $0.assignment = assignment.description
        })
    case .cancel(let job, let assignment):
      self.message = .cancel(
        .with {
          $0.job = job.text
          $0.assignment = assignment.description
        })
    case .drain: self.message = .drain(Belfry_V1_Drain())
    case .want(let slots): self.message = .want(.with { $0.slots = UInt32(clamping: slots) })
    case .returned(let total): self.message = .returned(.with { $0.total = total })
    case .coordinators(let all):
      self.message = .coordinators(
        .with { message in
          message.coordinators = all.map { coordinator in
            .with {
              $0.name = coordinator.name.text
              $0.addresses = coordinator.addresses
            }
          }
        })
    }
  }

  /// Nil for a message of a later version, which is skipped.
  package func coordinatorMessage() throws(MappingError) -> CoordinatorMessage? {
    switch message {
    case .welcome(let welcome): return .welcome(try welcome.welcome())
    case .heartbeat(let heartbeat): return .heartbeat(heartbeat.heartbeat())
    case .assign(let assign): return .assign(try assign.assign())
    case .finishedAck(let m): return .finishedAck(try Field.assignment(m.assignment))
    case .recorded(let m):
      return .recorded(job: try Field.job(m.job), assignment: try Field.assignment(m.assignment))
    case .stop(let m):
      return .stop(job: try Field.job(m.job), assignment: try Field.assignment(m.assignment))
    case .cancel(let m):
      return .cancel(job: try Field.job(m.job), assignment: try Field.assignment(m.assignment))
    case .drain: return .drain
    case .want(let m): return .want(slots: Int(m.slots))
    case .returned(let m): return .returned(total: m.total)
    case .coordinators(let m):
      return .coordinators(
        try m.coordinators.map { (item) throws(MappingError) in
          CoordinatorAddress(
            name: try Field.node(item.name, "coordinator"), addresses: item.addresses)
        })
    case nil: return nil
    }
  }
}

extension Belfry_V1_Welcome {
  fileprivate init(_ welcome: Welcome) {
    self.init()
    version = 1
    coordinator = welcome.coordinator.text
    boot = welcome.boot.description
    store = welcome.store ?? ""
    coordinatorRecords = welcome.coordinatorRecords
    guard let offer = welcome.datagrams else { return }
    datagramPort = UInt32(clamping: offer.port)
    datagramSession = offer.session
  }

  fileprivate func welcome() throws(MappingError) -> Welcome {
    Welcome(
      coordinator: try Field.node(coordinator, "coordinator"), boot: try Field.boot(boot),
      store: store.isEmpty ? nil : store, coordinatorRecords: coordinatorRecords,
      datagrams: (1...65_535).contains(datagramPort)
        ? DatagramOffer(port: Int(datagramPort), session: datagramSession) : nil)
  }
}

extension Belfry_V1_Assign {
  fileprivate init(_ assign: Assign) {
    self.init()
    let job = assign.job
    self.job = job.id.text
    assignment = assign.assignment.description
    attempt = UInt32(clamping: assign.attempt)
    kind = job.kind.text
    lane = job.lane.text
    payload = Data(job.payload.bytes)
    contentType = job.contentType ?? ""
    contentEncoding = job.contentEncoding ?? ""
    timeoutMs = job.timeout?.wireMilliseconds ?? 0
    leftMs = assign.left?.wireMilliseconds ?? 0
    submittedAtMs = job.submittedAt.wireMilliseconds
    tries = UInt32(clamping: assign.history.triesCut)
    triesMax = UInt32(clamping: job.retry.triesMax ?? 0)
    losses = UInt32(clamping: assign.history.losses)
    history = assign.history.lines.map(Belfry_V1_HistoryLine.init)
    retryOf = job.retryOf?.text ?? ""
    hazard = assign.hazard
    traceparent = job.traceparent ?? ""
    tracestate = job.tracestate ?? ""
    requires = job.requires.map(Belfry_V1_Label.init)
  }

  fileprivate func assign() throws(MappingError) -> Assign {
    var lines: [HistoryLine] = []
    for line in history { lines.append(try line.line()) }
    let job = Job(
      id: try Field.job(job), kind: try Field.kind(kind), lane: try Field.lane(lane),
      payload: Payload([UInt8](payload)), contentType: contentType.isEmpty ? nil : contentType,
      contentEncoding: contentEncoding.isEmpty ? nil : contentEncoding,
      submittedAt: Field.time(submittedAtMs), requires: try Field.labels(requires),
      timeout: Field.duration(timeoutMs),
      retry: RetryWish(triesMax: triesMax == 0 ? nil : Int(triesMax)),
      retryOf: retryOf.isEmpty ? nil : try Field.job(retryOf),
      traceparent: traceparent.isEmpty ? nil : traceparent,
      tracestate: tracestate.isEmpty ? nil : tracestate)
    return Assign(
      job: job, assignment: try Field.assignment(assignment), attempt: Int(attempt),
      left: Field.duration(leftMs), history: History(lines: lines, triesCut: Int(tries)),
      hazard: hazard)
  }
}
