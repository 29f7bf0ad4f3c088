internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import SwiftProtobuf

/// What is done to jobs that are there already: cancel, find, retry, forget.
extension JobsService {
  /// Dead jobs are read so many at a time, with their payloads.
  private static let retryPortion = 16
  private static let forgetPortion = 1_000
  /// Cancels that are heeded at a time, of jobs that nobody has seen: each is in every coordinator's memory
  /// for 7 days, and ids are quickly invented. Of jobs that are known here any number is taken.
  static let cancelsMax = 100_000

  // MARK: cancel

  /// The outcome first: it is the answer. Then the entry in `cancels`, by which every coordinator, now or
  /// later, knows not to run what is still queued somewhere.
  func cancel(_ request: Belfry_V1_CancelRequest, by: String) async throws -> Belfry_V1_CancelReply
  {
    let id = try Self.jobID(request.id)
    if let problem = await shell.storeProblem { throw Self.away(problem) }
    if await shell.cancelCount >= Self.cancelsMax, try await !isKnown(id) {
      throw RPCStatus(
        .failedPrecondition,
        "\(Self.cancelsMax) cancels are heeded already, each for 7 days, and nobody here has seen job"
          + " \(id): of such jobs no more can be cancelled now; belfry job forget takes cancels back"
      )
    }
    let (outcome, wasHeld) = await shell.cancel(id, by: by)
    var reply = Belfry_V1_CancelReply()
    reply.job = Belfry_V1_JobView(outcome)
    guard outcome.state == .cancelled else {
      reply.answer = "finished-first"
      return reply
    }
    if let problem = await store.addCancel(id, by: by) { throw Self.away(problem.message) }
    let isSeen = if wasHeld { true } else { await isDelayed(id) }
    reply.answer = isSeen ? "cancelled" : "unseen"
    return reply
  }

  private func isKnown(_ id: JobID) async throws -> Bool {
    if await shell.place(of: id) != nil { return true }
    if try await stored(id) != nil { return true }
    return await isDelayed(id)
  }

  /// False also when the store does not say: the cancel holds all the same.
  private func isDelayed(_ id: JobID) async -> Bool {
    var filter = OutcomeFilter()
    filter.ids = [id]
    guard case .success(let found) = await store.delayed(filter, limit: 1) else { return false }
    return !found.isEmpty
  }

  // MARK: find

  func find(
    _ request: Belfry_V1_FindRequest, send: (Belfry_V1_JobView) async throws -> Void
  ) async throws {
    let filter = try Self.filter(request)
    var left = filter.limit
    for (id, place) in await shell.places(filter) {
      try await send(Belfry_V1_JobView(id, place))
      left -= 1
    }
    if filter.wantsDelayed, filter.outcomes.worker == nil, filter.outcomes.requires.isEmpty,
      left > 0
    {
      for job in try await read(store.delayed(filter.outcomes, limit: left)) {
        try await send(Belfry_V1_JobView(job))
        left -= 1
      }
    }
    if filter.wantsOutcomes, left > 0 {
      for outcome in try await read(store.search(filter.outcomes, limit: left)) {
        try await send(Belfry_V1_JobView(outcome))
      }
    }
  }

  // MARK: dead jobs

  /// One retry a dead job, by an id made of its own: who asks twice gets the same job.
  func retry(_ request: Belfry_V1_RetryRequest) async throws -> Belfry_V1_RetryReply {
    var filter = try Self.filter(request.filter, limit: OutcomeFilter.limitMax)
    if filter.outcomes.states.isEmpty { filter.outcomes.states = JobFilter.dead }
    guard filter.outcomes.states.allSatisfy(JobFilter.dead.contains) else {
      throw RPCStatus(.invalidArgument, "only dead jobs (failed, expired) can be retried")
    }
    let found = try await read(store.search(filter.outcomes, limit: filter.limit)).map(\.id)
    guard !found.isEmpty else { throw RPCStatus(.notFound, "no dead job matches") }
    var reply = Belfry_V1_RetryReply()
    for start in stride(from: 0, to: found.count, by: Self.retryPortion) {
      let ids = Array(found[start..<min(start + Self.retryPortion, found.count)])
      reply.jobs += try await retry(ids, isDryRun: request.dryRun)
    }
    for id in Self.missing(filter, found) {
      reply.jobs.append(
        .with {
          $0.id = id
          $0.problem = "no dead job has this id"
        })
    }
    return reply
  }

  private func retry(_ ids: [JobID], isDryRun: Bool) async throws -> [Belfry_V1_RetriedJob] {
    var filter = OutcomeFilter()
    filter.ids = ids
    let jobs = try await read(store.dead(filter, limit: ids.count)).compactMap(\.job)
    let messages = jobs.map {
      $0.again(
        as: DerivedID.retry(of: $0.id), retryOf: $0.id, at: shell.clock.now().wall)
    }
    let answers = isDryRun ? messages.map { _ in .accepted } : await shell.submit(messages)
    var verdicts: [JobID: Belfry_V1_RetriedJob] = [:]
    for ((job, message), answer) in zip(zip(jobs, messages), answers) {
      verdicts[job.id] = .with {
        $0.id = job.id.text
        if let status = Self.status(answer, message) {
          $0.problem = status.message
        } else {
          $0.newID = message.job.id.text
        }
      }
    }
    return ids.map { id in
      verdicts[id]
        ?? .with {
          $0.id = id.text
          $0.problem = "what was asked for was not kept with its outcome"
        }
    }
  }

  func forget(_ request: Belfry_V1_ForgetRequest) async throws -> Belfry_V1_ForgetReply {
    let filter = try Self.filter(request.filter, limit: OutcomeFilter.limitMax)
    guard filter.wantsOutcomes else {
      throw RPCStatus(.invalidArgument, "only jobs with an outcome can be forgotten")
    }
    let found = try await read(store.search(filter.outcomes, limit: filter.limit)).map(\.id)
    guard !found.isEmpty else { throw RPCStatus(.notFound, "no outcome matches") }
    if !request.dryRun {
      for start in stride(from: 0, to: found.count, by: Self.forgetPortion) {
        let ids = Array(found[start..<min(start + Self.forgetPortion, found.count)])
        if let problem = await store.forget(ids) { throw Self.away(problem.message) }
        shell.post(.forgotten(ids))
      }
    }
    return .with {
      $0.ids = found.map(\.text)
      $0.missing = Self.missing(filter, found)
    }
  }

  // MARK: parts

  /// Ids that were named and not found.
  private static func missing(_ filter: JobFilter, _ found: [JobID]) -> [String] {
    let known = Set(found)
    return filter.outcomes.ids.filter { !known.contains($0) }.map(\.text)
  }

  private func read<Answer>(_ result: Result<Answer, StoreProblem>) throws(RPCStatus) -> Answer {
    switch result {
    case .success(let answer): answer
    case .failure(let problem): throw Self.away(problem.message)
    }
  }

  private static func filter(
    _ request: Belfry_V1_FindRequest, limit: Int = 100
  ) throws(RPCStatus) -> JobFilter {
    do { return try request.filter(limit: limit) } catch {
      throw RPCStatus(.invalidArgument, error.description)
    }
  }

  private static func away(_ problem: String) -> RPCStatus {
    RPCStatus(.unavailable, "the store does not answer: \(problem)")
  }
}
