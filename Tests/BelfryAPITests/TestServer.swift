import BelfryNet
import BelfryRPC
import Logging
import NIOPosix

/// A server and a client for it, both in this process: what is tested here is above the network.
enum TestServer {
  /// Runs `body` with a client of a server with these methods; both end with it.
  static func with(
    _ register: (inout RPCRouter) -> Void, _ body: (RPCClient) async throws -> Void
  ) async throws {
    var router = RPCRouter(encodings: [.belfry, .protobuf])
    register(&router)
    let group = MultiThreadedEventLoopGroup.singleton
    let server = RPCServer(
      eventLoopGroup: group, router: router, authorize: { _, _ in nil },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let client = RPCClient(
      inProcess: server,
      as: PeerIdentity(cluster: "test", role: .worker, name: "w1", notAfter: .max),
      eventLoopGroup: group)
    let result: Result<Void, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.close()
    await server.shutdownGracefully(deadline: .milliseconds(200))
    try result.get()
  }
}

/// Polls until a condition holds; false after a minute.
func eventually(_ condition: () -> Bool) async -> Bool {
  let end = ContinuousClock.now + .seconds(60)
  while ContinuousClock.now < end {
    if condition() { return true }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return false
}
