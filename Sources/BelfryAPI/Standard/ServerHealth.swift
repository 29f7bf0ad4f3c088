package import BelfryRPC
internal import SwiftProtobuf
internal import Synchronization

/// `grpc.health.v1.Health`: whether a server serves, for probes and load balancers.
///
/// The server and all its services have one state: they serve until `stopServing`. What is wrong
/// with a part of the cluster is not said here but by `belfry.v1.Cluster`.
package final class ServerHealth: Sendable {
  private typealias Response = Grpc_Health_V1_HealthCheckResponse
  private typealias Status = Response.ServingStatus

  private struct State {
    var status = Status.serving
    var isFinished = false
    var nextWatcher: UInt64 = 0
    /// Of all services, and those of the known ones, whose state changes.
    var watchers: [UInt64: AsyncStream<Status>.Continuation] = [:]
    var known: Set<UInt64> = []
  }

  static let service = "grpc.health.v1.Health"
  /// The empty name is the server as a whole.
  private let services: Set<String>
  private let state = Mutex(State())

  private init(services: some Sequence<String>) {
    self.services = Set(services).union(["", Self.service])
  }

  /// Adds the service to a router. It answers for the services that the router has by then.
  package static func register(in router: inout RPCRouter) -> ServerHealth {
    let health = ServerHealth(services: router.methods.map(\.service))
    router.standardUnary(.init(service: service, method: "Check")) {
      (request: Grpc_Health_V1_HealthCheckRequest) throws(RPCStatus) -> Response in
      try health.check(request.service)
    }
    router.standardUnary(.init(service: service, method: "List")) {
      (_: Grpc_Health_V1_HealthListRequest) -> Grpc_Health_V1_HealthListResponse in
      health.list()
    }
    router.standardStream(.init(service: service, method: "Watch")) {
      (request: Grpc_Health_V1_HealthCheckRequest, send: (Response) async throws -> Void) in
      for await status in health.watch(request.service) {
        try await send(.with { $0.status = status })
      }
      throw RPCStatus(.unavailable, "the server is shutting down")
    }
    return health
  }

  /// The server is about to leave: every state becomes NOT_SERVING, and watchers are told.
  package func stopServing() {
    let watchers = state.withLock { state in
      state.status = .notServing
      return state.known.compactMap { state.watchers[$0] }
    }
    for watcher in watchers { watcher.yield(.notServing) }
  }

  /// Ends all watches, which would keep the server from ending.
  package func finish() {
    let watchers = state.withLock { state in
      state.isFinished = true
      defer { state.watchers = [:] }
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.finish() }
  }

  private func check(_ service: String) throws(RPCStatus) -> Response {
    guard services.contains(service) else {
      throw RPCStatus(.notFound, "no service \(service.prefix(128)) here")
    }
    return .with { $0.status = current }
  }

  private func list() -> Grpc_Health_V1_HealthListResponse {
    let response = Response.with { $0.status = current }
    return .with { $0.statuses = Dictionary(uniqueKeysWithValues: services.map { ($0, response) }) }
  }

  private var current: Status { state.withLock { $0.status } }

  /// The state now, then each change; a slow watcher is given the last one only. A service that is
  /// not here stays unknown: none is added while a server runs.
  private func watch(_ service: String) -> AsyncStream<Status> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Status.self, bufferingPolicy: .bufferingNewest(1))
    let isKnown = services.contains(service)
    let id = state.withLock { state -> UInt64? in
      continuation.yield(isKnown ? state.status : .serviceUnknown)
      if state.isFinished { return nil }
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = continuation
      if isKnown { state.known.insert(state.nextWatcher) }
      return state.nextWatcher
    }
    guard let id else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock {
        $0.watchers[id] = nil
        $0.known.remove(id)
      }
    }
    return stream
  }
}
