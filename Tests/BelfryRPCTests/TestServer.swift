import BelfryIdentity
import BelfryNet
import BelfryRPC
import CoreMetrics
import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A server with a method of each kind, on a free port of loopback or in this process only, and clients
/// for it.
final class TestServer: Sendable {
  enum Transport { case tls, inProcess, socket }

  /// What the servers of a test, and their clients, talk over.
  @TaskLocal static var transport = Transport.tls
  static let inProcessPeer = PeerIdentity(
    cluster: "test", role: .worker, name: "w1", notAfter: .max)

  static let certificates = Result { try TestCertificates() }

  let server: RPCServer
  let port: Int
  let log: TestLog
  let facts: TestFacts
  private let group: MultiThreadedEventLoopGroup
  private let transport: Transport
  private let socket: String

  /// Runs `body` with a server that is shut down afterwards, whatever happened.
  @discardableResult
  static func with<T>(
    tls: TLSConfiguration? = nil, limits: RPCLimits = .patient,
    router change: (inout RPCRouter, TestFacts) -> Void = { _, _ in },
    authorize: @escaping RPCServer.Authorize = { _, _ in nil },
    recognize: @escaping RPCServer.Recognize = { _ in true },
    interceptors: [any RPCServerInterceptor] = [], metrics: any MetricsFactory = CountingMetrics(),
    _ body: (TestServer) async throws -> T
  ) async throws -> T {
    let server = try await TestServer(
      tls: tls, limits: limits, router: change, authorize: authorize, recognize: recognize,
      interceptors: interceptors, metrics: metrics)
    let result: Result<T, any Error>
    do { result = .success(try await body(server)) } catch { result = .failure(error) }
    await server.server.shutdownGracefully(deadline: .milliseconds(200))
    try await server.group.shutdownGracefully()
    return try result.get()
  }

  private init(
    tls: TLSConfiguration?, limits: RPCLimits, router change: (inout RPCRouter, TestFacts) -> Void,
    authorize: @escaping RPCServer.Authorize, recognize: @escaping RPCServer.Recognize,
    interceptors: [any RPCServerInterceptor], metrics: any MetricsFactory
  ) async throws {
    log = TestLog()
    facts = TestFacts()
    var router = TestMethods.router(facts)
    change(&router, facts)
    group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let handler = TestLogHandler(log: log)
    let logger = Logger(label: "test") { _ in handler }
    transport = Self.transport
    socket = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString.prefix(8)).sock"
    guard transport != .inProcess else {
      server = RPCServer(
        limits: limits, eventLoopGroup: group, router: router, authorize: authorize,
        interceptors: interceptors, logger: logger)
      port = 0
      return
    }
    server = RPCServer(
      configuration: .init(
        host: "127.0.0.1", port: 0,
        tls: try tls ?? Self.certificates.get().member(.coordinator, "c1"), limits: limits),
      eventLoopGroup: group, router: router, authorize: authorize, recognize: recognize,
      interceptors: interceptors, logger: logger, metrics: metrics)
    port = try #require(try await server.start().port)
    guard transport == .socket else { return }
    try await server.serve(
      on: LocalSocket(path: socket, mode: 0o600) { _ in Self.inProcessPeer })
  }

  func client(
    _ tls: TLSConfiguration? = nil, options: RPCClient.Options = .patient
  ) throws -> RPCClient {
    if transport == .socket {
      return RPCClient(socket: socket, eventLoopGroup: group, options: options)
    }
    guard transport == .tls else {
      return RPCClient(
        inProcess: server, as: Self.inProcessPeer, eventLoopGroup: group, options: options)
    }
    return try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: port),
      tls: try tls ?? Self.certificates.get().member(.worker, "w1"), eventLoopGroup: group,
      options: options)
  }

  /// Runs `body` with a client that is closed afterwards.
  @discardableResult
  func withClient<T>(
    _ tls: TLSConfiguration? = nil, options: RPCClient.Options = .patient,
    _ body: (RPCClient) async throws -> T
  ) async throws -> T {
    let client = try client(tls, options: options)
    let result: Result<T, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.close()
    return try result.get()
  }

  /// The server is alive: a well-behaved client gets its answer.
  func answers() async throws -> Bool {
    try await withClient { client in
      let reply = try await client.unary(
        TestMethods.echo, ByteBuffer(string: "alive"),
        options: RPCCallOptions(timeout: .seconds(5)))
      return reply.message == ByteBuffer(string: "alive")
    }
  }
}

extension RPCLimits {
  /// The default ones, with time enough for peers on a machine that is busy with other things.
  static var patient: RPCLimits {
    var limits = RPCLimits()
    limits.tlsTimeout = .seconds(60)
    limits.timers.settings = .seconds(60)
    limits.timers.output.drain = .seconds(60)
    return limits
  }
}

extension RPCClient.Options {
  static var patient: RPCClient.Options {
    var options = RPCClient.Options()
    options.limits = .patient
    options.connectTimeout = .seconds(60)
    return options
  }
}

/// What handlers have seen, for tests to wait for.
final class TestFacts: Sendable {
  private let facts = Mutex<[String]>([])

  func add(_ fact: String) { facts.withLock { $0.append(fact) } }

  var all: [String] { facts.withLock { $0 } }

  func has(_ fact: String) -> Bool { all.contains(fact) }
}

/// The lines a server has logged.
final class TestLog: Sendable {
  private let lines = Mutex<[String]>([])

  func add(_ line: String) { lines.withLock { $0.append(line) } }

  var all: [String] { lines.withLock { $0 } }
}

struct TestLogHandler: LogHandler {
  let log: TestLog
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.debug

  init(log: TestLog) { self.log = log }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    log.add(([event.message.description] + values).joined(separator: " "))
  }
}

/// Polls until a condition holds; false after a minute.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
  let end = ContinuousClock.now + .seconds(60)
  while ContinuousClock.now < end {
    if try await condition() { return true }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return false
}
