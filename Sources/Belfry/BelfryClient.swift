package import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import NIOCore
internal import NIOPosix
internal import SwiftProtobuf

/// Gives jobs to a cluster and asks for their outcomes.
///
/// ```swift
/// let client = try BelfryClient(server: "https://coord:7443", identity: "certs/producer")
/// let id = try await client.submit(NewJob(kind: "resize", payload: bytes))
/// let outcome = try await client.outcome(of: id, within: .seconds(30))
/// await client.close()
/// ```
public final class BelfryClient: Sendable {
  private let rpc: RPCClient

  /// Connects when first used.
  /// - Parameters:
  ///   - server: `https://host:port` of a coordinator; the port defaults to 7443. Or `unix:/path`, the
  ///     operators' socket of one on this machine: then no identity is looked at.
  ///   - identity: a folder with `ca.pem`, `identity.pem` and `identity.key`, as `belfry cert issue`
  ///     makes it; role producer or operator.
  /// - Throws: `BelfryError` when the address or the files are wrong.
  public init(server: String, identity: String) throws {
    if let socket = ServerSocket(server) {
      rpc = RPCClient(
        socket: socket.path, eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
      return
    }
    let target = try ServerAddress(server)
    let files = IdentityFiles(folder: identity)
    do {
      rpc = try RPCClient(
        target: target.target,
        tls: TLSConfiguration(
          certificateChainFile: files.certificatePath, keyFile: files.keyPath,
          caFile: files.authorityPath),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
    } catch {
      throw BelfryError(.badIdentity, "the identity in \(identity) cannot be used: \(error.reason)")
    }
  }

  /// Gives one job to the cluster. When this returns the job is accepted: it will have exactly one
  /// outcome. When it throws `unavailable` nobody can know: submit the same id again.
  /// - Returns: the job's id.
  @discardableResult
  public func submit(_ job: NewJob, within timeout: Duration = .seconds(30)) async throws -> String
  {
    let request = Belfry_V1_SubmitRequest.with { $0.job = job.spec }
    return try await call(JobsService.submit, request, timeout).id
  }

  /// Gives many jobs to the cluster in one call; one verdict each, in the same order.
  public func submit(
    _ jobs: [NewJob], within timeout: Duration = .seconds(60)
  ) async throws -> [SubmitVerdict] {
    let request = Belfry_V1_SubmitManyRequest.with { $0.jobs = jobs.map(\.spec) }
    let reply = try await call(JobsService.submitMany, request, timeout)
    return reply.verdicts.map { verdict in
      verdict.status == 0
        ? .accepted(id: verdict.id)
        : .refused(
          id: verdict.id,
          BelfryError(RPCStatus(Self.code(verdict.status), verdict.message)))
    }
  }

  /// What is known of a job now. Throws `notFound` when nobody knows it.
  public func job(_ id: String, within timeout: Duration = .seconds(10)) async throws -> JobStatus {
    JobStatus(try await view(id, waiting: false, within: timeout))
  }

  /// Waits for a job's outcome. Throws `deadlineExceeded` when there is none in time.
  public func outcome(of id: String, within timeout: Duration) async throws -> JobStatus {
    JobStatus(try await view(id, waiting: true, within: timeout))
  }

  /// Ends a job wherever it is: queued, delayed or running. When this returns it holds, whatever
  /// restarts. When it throws `unavailable` nobody can know: cancel again.
  public func cancel(_ id: String, within timeout: Duration = .seconds(30)) async throws
    -> CancelAnswer
  {
    let reply = try await cancelReply(id, within: timeout)
    switch reply.answer {
    case "cancelled": return .cancelled
    case "unseen": return .cancelledUnseen
    default: return .finishedFirst(JobStatus(reply.job))
    }
  }

  /// Ends calls under way and the connection.
  public func close() async { await rpc.close() }

  private static func code(_ number: UInt32) -> RPCStatus.Code {
    RPCStatus.Code(rawValue: Int(number)) ?? .unknown
  }
}

extension BelfryClient {
  /// The cluster's health: first the whole picture, then changes, until the coordinator leaves. Where a
  /// cursor and its source are given, as an update had them, first what has changed since.
  package func watchHealth(
    since cursor: UInt64? = nil, of source: String? = nil,
    _ take: (Belfry_V1_HealthUpdate) throws -> Void
  ) async throws {
    let request = Belfry_V1_WatchHealthRequest.with {
      $0.since = cursor ?? 0
      $0.source = source ?? ""
    }
    do {
      for try await update in rpc.serverStream(
        ClusterService.watchHealth, request, options: RPCCallOptions(waitForReady: false))
      {
        try take(update)
      }
    } catch let status as RPCStatus {
      throw BelfryError(status)
    }
  }

  package func health(within timeout: Duration) async throws -> Belfry_V1_HealthUpdate {
    try await call(ClusterService.getHealth, Belfry_V1_WatchHealthRequest(), timeout)
  }

  package func cancelReply(
    _ id: String, within timeout: Duration
  ) async throws -> Belfry_V1_CancelReply {
    try await call(JobsService.cancel, .with { $0.id = id }, timeout)
  }

  package func find(
    _ request: Belfry_V1_FindRequest, within timeout: Duration
  ) async throws -> [Belfry_V1_JobView] {
    var jobs: [Belfry_V1_JobView] = []
    do throws(RPCStatus) {
      for try await job in jobViews(request, within: timeout) { jobs.append(job) }
    } catch {
      throw BelfryError(error)
    }
    return jobs
  }

  func jobViews(
    _ request: Belfry_V1_FindRequest, within timeout: Duration
  ) -> TypedReplies<Belfry_V1_JobView> {
    rpc.serverStream(JobsService.find, request, options: RPCCallOptions(timeout: timeout))
  }

  func resultParts(
    _ id: String, within timeout: Duration
  ) -> TypedReplies<Belfry_V1_ResultPart> {
    rpc.serverStream(
      JobsService.result, .with { $0.id = id }, options: RPCCallOptions(timeout: timeout))
  }

  package func retry(
    _ request: Belfry_V1_RetryRequest, within timeout: Duration
  ) async throws -> Belfry_V1_RetryReply {
    try await call(JobsService.retry, request, timeout)
  }

  package func forget(
    _ request: Belfry_V1_ForgetRequest, within timeout: Duration
  ) async throws -> Belfry_V1_ForgetReply {
    try await call(JobsService.forget, request, timeout)
  }

  package func putSchedule(
    _ schedule: Belfry_V1_Schedule, within timeout: Duration
  ) async throws -> Belfry_V1_Schedule {
    try await call(SchedulesService.put, schedule, timeout)
  }

  package func schedules(within timeout: Duration) async throws -> [Belfry_V1_Schedule] {
    try await call(SchedulesService.list, Belfry_V1_ListSchedulesRequest(), timeout).schedules
  }

  package func removeSchedule(_ name: String, within timeout: Duration) async throws {
    _ = try await call(SchedulesService.remove, .with { $0.name = name }, timeout)
  }

  package func setLane(
    _ request: Belfry_V1_SetLaneRequest, within timeout: Duration
  ) async throws -> Belfry_V1_LaneHealth {
    try await call(ClusterService.setLane, request, timeout)
  }

  package func attachQueue(
    _ request: Belfry_V1_AttachQueueRequest, within timeout: Duration
  ) async throws -> Belfry_V1_AttachedQueue {
    try await call(ClusterService.attachQueue, request, timeout)
  }

  package func detachQueue(
    _ name: String, within timeout: Duration
  ) async throws -> Belfry_V1_AttachedQueue {
    try await call(ClusterService.detachQueue, .with { $0.queue = name }, timeout)
  }

  package func attachedQueues(
    within timeout: Duration
  ) async throws -> [Belfry_V1_AttachedQueue] {
    try await call(ClusterService.listAttachedQueues, .init(), timeout).queues
  }

  package func purgeLane(
    _ name: String, isDryRun: Bool, wait: Duration, within timeout: Duration
  ) async throws -> Belfry_V1_PurgeLaneReply {
    var request = Belfry_V1_PurgeLaneRequest()
    request.name = name
    request.dryRun = isDryRun
    request.waitMs = UInt64(max(0, wait.millisecondsClamped))
    return try await call(ClusterService.purgeLane, request, timeout)
  }

  /// A job as a schedule has it. Returns its id.
  package func submit(
    spec: Belfry_V1_JobSpec, within timeout: Duration
  ) async throws -> String {
    let request = Belfry_V1_SubmitRequest.with { $0.job = spec }
    return try await call(JobsService.submit, request, timeout).id
  }

  package func view(
    _ id: String, waiting: Bool, within timeout: Duration
  ) async throws -> Belfry_V1_JobView {
    let request = Belfry_V1_GetRequest.with { $0.id = id }
    return try await call(waiting ? JobsService.await : JobsService.get, request, timeout)
  }

  func call<Request, Reply>(
    _ method: UnaryMethod<Request, Reply>, _ request: Request, _ timeout: Duration
  ) async throws -> Reply {
    do throws(RPCStatus) {
      return try await rpc.unary(method, request, options: RPCCallOptions(timeout: timeout))
    } catch {
      throw BelfryError(error)
    }
  }
}
