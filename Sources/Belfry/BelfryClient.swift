package import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import BelfryWire
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
  ///   - server: `https://host:port` of a coordinator; the port defaults to 7443.
  ///   - identity: a folder with `ca.pem`, `identity.pem` and `identity.key`, as `belfry cert issue`
  ///     makes it; role producer or operator.
  /// - Throws: `BelfryError` when the address or the files are wrong.
  public init(server: String, identity: String) throws {
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
    let reply: Belfry_V1_SubmitReply = try await call(
      BelfryAPI.JobsService.submit.descriptor, request, timeout)
    return reply.id
  }

  /// Gives many jobs to the cluster in one call; one verdict each, in the same order.
  public func submit(
    _ jobs: [NewJob], within timeout: Duration = .seconds(60)
  ) async throws -> [SubmitVerdict] {
    let request = Belfry_V1_SubmitManyRequest.with { $0.jobs = jobs.map(\.spec) }
    let reply: Belfry_V1_SubmitManyReply = try await call(
      BelfryAPI.JobsService.submitMany.descriptor, request, timeout)
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
    let request = Belfry_V1_GetRequest.with { $0.id = id }
    let view: Belfry_V1_JobView = try await call(
      BelfryAPI.JobsService.get.descriptor, request, timeout)
    return JobStatus(view)
  }

  /// Waits for a job's outcome. Throws `deadlineExceeded` when there is none in time.
  public func outcome(of id: String, within timeout: Duration) async throws -> JobStatus {
    let request = Belfry_V1_GetRequest.with { $0.id = id }
    let view: Belfry_V1_JobView = try await call(
      BelfryAPI.JobsService.await.descriptor, request, timeout)
    return JobStatus(view)
  }

  /// Ends calls under way and the connection.
  public func close() async { await rpc.close() }

  private static func code(_ number: UInt32) -> RPCStatus.Code {
    RPCStatus.Code(rawValue: Int(number)) ?? .unknown
  }
}

extension BelfryClient {
  /// The cluster's health: first the whole picture, then changes.
  package func watchHealth() -> some AsyncSequence<Belfry_V1_HealthUpdate, any Error> {
    rpc.serverStream(
      BelfryAPI.ClusterService.watchHealth.descriptor,
      WireCoding.encode(Belfry_V1_WatchHealthRequest()),
      options: RPCCallOptions(waitForReady: false)
    )
    .map { try WireCoding.decode($0) as Belfry_V1_HealthUpdate }
  }

  package func health(within timeout: Duration) async throws -> Belfry_V1_HealthUpdate {
    try await call(
      BelfryAPI.ClusterService.getHealth.descriptor, Belfry_V1_WatchHealthRequest(), timeout)
  }

  package func view(
    _ id: String, waiting: Bool, within timeout: Duration
  ) async throws -> Belfry_V1_JobView {
    let request = Belfry_V1_GetRequest.with { $0.id = id }
    return try await call(
      waiting ? BelfryAPI.JobsService.await.descriptor : BelfryAPI.JobsService.get.descriptor,
      request, timeout)
  }

  fileprivate func call<Reply: WireMessage>(
    _ method: MethodDescriptor, _ request: some WireMessage, _ timeout: Duration
  ) async throws -> Reply {
    do {
      let reply = try await rpc.unary(
        method, WireCoding.encode(request), options: RPCCallOptions(timeout: timeout))
      return try WireCoding.decode(reply.message)
    } catch let status as RPCStatus {
      throw BelfryError(status)
    } catch let error as WireError {
      throw BelfryError(.protocolError, "\(method.path): the answer cannot be read: \(error)")
    }
  }
}
