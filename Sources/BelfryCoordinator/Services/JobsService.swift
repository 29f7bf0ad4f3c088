internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import Foundation
internal import NIOCore
internal import SwiftProtobuf

/// `belfry.v1.Jobs`: jobs by RPC. Accepted means confirmed by the broker, and nothing less.
struct JobsService: Sendable {
  let shell: CoreShell
  let store: any ClusterStore
  let payloadBytesMax: Int
  let newJobID: @Sendable () -> JobID

  func submit(_ request: Belfry_V1_SubmitRequest) async throws -> Belfry_V1_SubmitReply {
    let message = try read(request.job)
    let verdict = await shell.submit([message]).first ?? .unavailable("no answer")
    if let status = Self.status(verdict, message) { throw status }
    return .with { $0.id = message.job.id.text }
  }

  func submitMany(_ request: Belfry_V1_SubmitManyRequest) async throws -> Belfry_V1_SubmitManyReply
  {
    var reply = Belfry_V1_SubmitManyReply()
    var accepted: [(index: Int, message: JobMessage)] = []
    for spec in request.jobs {
      var verdict = Belfry_V1_SubmitVerdict()
      do {
        let message = try read(spec)
        verdict.id = message.job.id.text
        accepted.append((reply.verdicts.count, message))
      } catch {
        verdict.id = spec.id
        verdict.status = UInt32(error.code.rawValue)
        verdict.message = error.message
      }
      reply.verdicts.append(verdict)
    }
    let answers = await shell.submit(accepted.map(\.message))
    for ((index, message), answer) in zip(accepted, answers) {
      guard let status = Self.status(answer, message) else { continue }
      reply.verdicts[index].status = UInt32(status.code.rawValue)
      reply.verdicts[index].message = status.message
    }
    return reply
  }

  func get(_ request: Belfry_V1_GetRequest) async throws -> Belfry_V1_JobView {
    let id = try Self.jobID(request.id)
    if let place = await shell.place(of: id) { return Belfry_V1_JobView(id, place) }
    if let outcome = try await stored(id) { return Belfry_V1_JobView(outcome) }
    var filter = OutcomeFilter()
    filter.ids = [id]
    if case .success(let delayed) = await store.delayed(filter, limit: 1), let job = delayed.first {
      return Belfry_V1_JobView(job)
    }
    // If it waits in its queue, one of these is why.
    let waits = await shell.picture().lanes.filter { !$0.waitsFor.isEmpty }.prefix(3)
      .map { "; jobs of lane \($0.name) wait: \($0.waitsFor)" }
    throw RPCStatus(
      .notFound,
      "job \(id) has no outcome, is not delayed, and this coordinator does not hold it: it waits in"
        + " its queue, is with another coordinator, or was never submitted" + waits.joined())
  }

  func await(_ request: Belfry_V1_GetRequest) async throws -> Belfry_V1_JobView {
    let id = try Self.jobID(request.id)
    guard let outcome = await shell.awaitOutcome(of: id) else {
      throw RPCStatus(.cancelled, "the call ended before job \(id) had an outcome")
    }
    return Belfry_V1_JobView(outcome)
  }

  func result(
    _ request: Belfry_V1_GetRequest, send: (Belfry_V1_ResultPart) async throws -> Void
  ) async throws {
    let id = try Self.jobID(request.id)
    guard let outcome = try await stored(id) else {
      throw RPCStatus(.notFound, "job \(id) has no outcome: it has not ended, or nobody knows it")
    }
    guard let result = outcome.result else {
      throw RPCStatus(.failedPrecondition, "job \(id) \(outcome.state.rawValue): it has no result")
    }
    try await send(
      .with {
        $0.contentType = result.contentType
        $0.size = UInt64(result.size)
      })
    guard let chunks = result.chunks else {
      if result.size > 0 { try await send(.with { $0.bytes = Data(result.bytes.bytes) }) }
      return
    }
    guard let assignment = outcome.assignment else {
      throw RPCStatus(.dataLoss, "the outcome of job \(id) does not say whose chunks it means")
    }
    for number in 0..<chunks.count {
      let bytes = try await chunk(ChunkID(job: id, assignment: assignment, number: number))
      try await send(.with { $0.bytes = Data(bytes.bytes) })
    }
  }

  private func chunk(_ id: ChunkID) async throws(RPCStatus) -> Payload {
    switch await store.chunk(id) {
    case .success(let bytes?): return bytes
    case .success(nil):
      throw RPCStatus(.dataLoss, "chunk \(id.number) of the result of job \(id.job) is gone")
    case .failure(let problem):
      throw RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
    }
  }

  func stored(_ id: JobID) async throws -> Outcome? {
    switch await store.find([id]).first {
    case .found(let outcome): return outcome
    case .absent, nil: return nil
    case .unknown(let why): throw RPCStatus(.unavailable, "MongoDB does not answer: \(why)")
    }
  }

  private func read(_ spec: Belfry_V1_JobSpec) throws(RPCStatus) -> JobMessage {
    do {
      return try spec.jobMessage(
        newID: newJobID, keyedID: DerivedID.keyed, at: shell.clock.now().wall,
        payloadBytesMax: payloadBytesMax)
    } catch {
      throw RPCStatus(
        error.field == "payload" ? .resourceExhausted : .invalidArgument, error.description)
    }
  }

  static func jobID(_ text: String) throws(RPCStatus) -> JobID {
    guard let id = JobID(text) else {
      throw RPCStatus(.invalidArgument, "a job id is 1 to 64 of [A-Za-z0-9._-]")
    }
    return id
  }

  static func status(_ answer: SubmitAnswer, _ message: JobMessage) -> RPCStatus? {
    switch answer {
    case .accepted: nil
    case .unavailable(let why): RPCStatus(.unavailable, why)
    case .noSuchLane:
      RPCStatus(.notFound, "no coordinator serves lane \(message.job.lane)")
    }
  }
}
