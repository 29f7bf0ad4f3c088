internal import BelfryAPI
internal import BelfryNet
internal import BelfryRPC
internal import Logging
internal import NIOCore

/// Methods to services.
enum Routes {
  static func register(_ jobs: JobsService, in router: inout RPCRouter) {
    router.unaryAsync(BelfryAPI.JobsService.submit) { try await jobs.submit($1) }
    router.unaryAsync(BelfryAPI.JobsService.submitMany) { try await jobs.submitMany($1) }
    router.unaryAsync(BelfryAPI.JobsService.get) { try await jobs.get($1) }
    router.unaryAsync(BelfryAPI.JobsService.await) { try await jobs.await($1) }
    router.serverStream(BelfryAPI.JobsService.result) { _, request, writer in
      try await jobs.result(request) { try await writer.sendWhenFree($0) }
    }
    router.unaryAsync(BelfryAPI.JobsService.cancel) { context, request in
      try await jobs.cancel(request, by: context.peerName)
    }
    router.serverStream(BelfryAPI.JobsService.find) { _, request, writer in
      try await jobs.find(request) { try await writer.sendWhenFree($0) }
    }
    router.unaryAsync(BelfryAPI.JobsService.retry) { try await jobs.retry($1) }
    router.unaryAsync(BelfryAPI.JobsService.forget) { try await jobs.forget($1) }
  }

  static func register(_ cluster: ClusterService, in router: inout RPCRouter) {
    router.unaryAsync(BelfryAPI.ClusterService.getHealth) { _, _ in await cluster.picture() }
    router.unaryAsync(BelfryAPI.ClusterService.setLane) { context, request in
      try await cluster.setLane(request, by: context.peerName)
    }
    router.serverStream(BelfryAPI.ClusterService.watchHealth) { context, _, writer in
      try await cluster.watchHealth(on: context.eventLoop) { try await writer.sendWhenFree($0) }
    }
  }

  static func register(_ schedules: SchedulesService, in router: inout RPCRouter) {
    router.unaryAsync(BelfryAPI.SchedulesService.put) { try await schedules.put($1) }
    router.unaryAsync(BelfryAPI.SchedulesService.list) { _, _ in try await schedules.list() }
    router.unaryAsync(BelfryAPI.SchedulesService.remove) { try await schedules.remove($1) }
  }

  static func registerSession(
    _ shell: CoreShell, _ logger: Logger, in router: inout RPCRouter
  ) {
    router.events(BelfryAPI.SessionService.connect) { context, writer in
      SessionStream(
        shell: shell, writer: writer, peerName: context.peer?.name,
        address: context.remoteAddress?.description ?? "", logger: logger)
    }
  }
}

extension ServerCallContext {
  /// Who asks, for records: role and name of the certificate.
  fileprivate var peerName: String {
    peer.map { "\($0.role.rawValue) \($0.name)" } ?? "a stranger"
  }
}
