internal import BelfryAPI
internal import BelfryCore
internal import BelfryNet
internal import BelfryRPC
internal import BelfryWire
internal import Logging
internal import NIOCore

/// Methods to services, in our codec.
enum Routes {
  static func register(_ jobs: JobsService, in router: inout RPCRouter) {
    unary(BelfryAPI.JobsService.submit.descriptor, in: &router, jobs.submit)
    unary(BelfryAPI.JobsService.submitMany.descriptor, in: &router, jobs.submitMany)
    unary(BelfryAPI.JobsService.get.descriptor, in: &router, jobs.get)
    unary(BelfryAPI.JobsService.await.descriptor, in: &router, jobs.await)
  }

  static func register(_ cluster: ClusterService, in router: inout RPCRouter) {
    unary(BelfryAPI.ClusterService.getHealth.descriptor, in: &router) {
      (_: Belfry_V1_WatchHealthRequest) in
      await cluster.picture()
    }
    router.register(
      BelfryAPI.ClusterService.watchHealth.descriptor,
      .serverStream { context, _, writer in
        try await cluster.watchHealth(on: context.eventLoop) { update in
          try await writer.sendWhenFree(WireCoding.encode(update))
        }
      })
  }

  static func registerSession(
    _ shell: CoreShell, _ logger: Logger, in router: inout RPCRouter
  ) {
    router.register(
      BelfryAPI.SessionService.connect.descriptor,
      .events { context, writer in
        SessionStream(
          shell: shell, writer: writer, peerName: context.peer?.name,
          address: context.remoteAddress?.description ?? "", logger: logger)
      })
  }

  private static func unary<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor, in router: inout RPCRouter,
    _ body: @escaping @Sendable (Request) async throws -> Reply
  ) {
    router.register(
      method,
      .unaryAsync { _, buffer in
        let request: Request
        do {
          request = try WireCoding.decode(buffer)
        } catch {
          throw RPCStatus(.invalidArgument, "the request cannot be read: \(error)")
        }
        return WireCoding.encode(try await body(request))
      })
  }
}
