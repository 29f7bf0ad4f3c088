import BelfryIdentity
import BelfryNet
import BelfryRPC
import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing

/// A real server on a free port of loopback, and a client for it, both with certificates of a CA
/// that lives as long as the test.
enum TestServer {
  /// Runs `body` with a client of a server with these methods; both end with it.
  static func with(
    _ register: (inout RPCRouter) -> Void, _ body: (RPCClient) async throws -> Void
  ) async throws {
    let authority = try CertificateAuthority.create(cluster: "test", validFor: .seconds(3_600))
    let folder = FileManager.default.temporaryDirectory.appending(path: "belfry-api-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var router = RPCRouter(encodings: [.belfry, .protobuf])
    register(&router)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let server = RPCServer(
      configuration: .init(
        host: "127.0.0.1", port: 0, tls: try member(.coordinator, "c1", authority, folder)),
      eventLoopGroup: group, router: router, authorize: { _, _ in nil },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let port = try #require(try await server.start().port)
    let client = try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: port),
      tls: try member(.worker, "w1", authority, folder), eventLoopGroup: group)
    let result: Result<Void, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.close()
    await server.shutdownGracefully(deadline: .milliseconds(200))
    try await group.shutdownGracefully()
    try result.get()
  }

  private static func member(
    _ role: Role, _ name: String, _ authority: CertificateAuthority, _ folder: URL
  ) throws -> TLSConfiguration {
    let identity = try authority.issue(role, name, validity: .lasting(.seconds(3_600)))
    func write(_ text: String, _ file: String) throws -> String {
      let path = folder.appending(path: file).path
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return path
    }
    return TLSConfiguration(
      certificateChainFile: try write(identity.certificatePEM, "\(name).pem"),
      keyFile: try write(identity.keyPEM, "\(name).key"),
      caFile: try write(authority.certificatePEM, "ca.pem"))
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
