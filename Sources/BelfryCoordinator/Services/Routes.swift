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
  }

  static func register(_ cluster: ClusterService, in router: inout RPCRouter) {
    router.unaryAsync(BelfryAPI.ClusterService.getHealth) { _, _ in await cluster.picture() }
    router.serverStream(BelfryAPI.ClusterService.watchHealth) { context, _, writer in
      try await cluster.watchHealth(on: context.eventLoop) { try await writer.sendWhenFree($0) }
    }
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
