internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// HTTP/1.1 for probes and Prometheus, plain and without a password: meant for the loopback, or for a
/// network of which everybody may know how the node is. One request a connection.
struct LocalListener: Service {
  let address: HostAndPort
  let routes: LocalRoutes
  let logger: Logger

  private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

  /// Connections at a time; more are closed at once.
  private static let connectionsMax = 64
  /// A connection is closed after this time, whatever it does.
  private static let patience = TimeAmount.seconds(10)

  func run() async throws {
    let server = try await bind()
    let bound = server.channel.localAddress.map { "\($0)" } ?? "?"
    logger.info("metrics and probes are served", metadata: ["address": "\(bound)"])
    if !["127.0.0.1", "::1", "localhost"].contains(address.host) {
      logger.warning(
        "metrics and probes are served beyond this machine, to everybody who asks",
        metadata: ["address": "\(bound)"])
    }
    await cancelWhenGracefulShutdown { await serve(server) }
  }

  private func bind() async throws -> NIOAsyncChannel<Connection, Never> {
    do {
      return try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .bind(host: address.host, port: address.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(
              withPipeliningAssistance: false, withErrorHandling: true)
            return try Connection(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      throw UserError(
        .addressTaken, "cannot serve metrics on \(address.host):\(address.port)", why: "\(error)",
        next: ["--http 127.0.0.1:7481 takes another port", "ss -ltnp says who has it"])
    }
  }

  private func serve(_ server: NIOAsyncChannel<Connection, Never>) async {
    let open = OpenConnections()
    await withDiscardingTaskGroup { tasks in
      // It ends when it is cancelled, or the socket is gone: the node goes on without it.
      try? await server.executeThenClose { connections in
        for try await connection in connections {
          let isTooMany = open.add(1) > Self.connectionsMax
          tasks.addTask {
            if !isTooMany { await answer(connection) }
            // Closed already, most often.
            try? await connection.channel.close()
            _ = open.add(-1)
          }
        }
      }
      tasks.cancelAll()
    }
  }

  private func answer(_ connection: Connection) async {
    let limit = connection.channel.eventLoop.scheduleTask(in: Self.patience) {
      connection.channel.close(promise: nil)
    }
    defer { limit.cancel() }
    // A peer that goes away, or does not speak HTTP, is no news.
    try? await connection.executeThenClose { inbound, outbound in
      for try await part in inbound {
        guard case .head(let head) = part else { continue }
        let response = await routes.response(method: head.method.rawValue, path: head.uri)
        try await outbound.write(contentsOf: Self.parts(response, for: head))
        return
      }
    }
  }

  private static func parts(
    _ response: LocalRoutes.Response, for request: HTTPRequestHead
  ) -> [HTTPServerResponsePart] {
    var head = HTTPResponseHead(
      version: request.version, status: HTTPResponseStatus(statusCode: response.status))
    head.headers.add(name: "Content-Type", value: response.contentType)
    head.headers.add(name: "Content-Length", value: "\(response.body.utf8.count)")
    head.headers.add(name: "Connection", value: "close")
    if response.status == 405 { head.headers.add(name: "Allow", value: "GET, HEAD") }
    let body = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: response.body)))
    return request.method == .HEAD ? [.head(head), .end(nil)] : [.head(head), body, .end(nil)]
  }
}

/// How many connections there are at this moment.
private final class OpenConnections: Sendable {
  private let count = Mutex(0)

  func add(_ number: Int) -> Int {
    count.withLock { count in
      count += number
      return count
    }
  }
}
