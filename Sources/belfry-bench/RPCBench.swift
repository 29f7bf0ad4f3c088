internal import Belfry
internal import BelfryNet
internal import BelfryRPC
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix

/// The RPC layer alone: an echo server on the first core, its caller on the last, mutual TLS, one
/// connection, messages of 64 B.
enum RPCBench {
  static let asynchronous = MethodDescriptor(service: "bench.Echo", method: "Asynchronous")
  static let synchronous = MethodDescriptor(service: "bench.Echo", method: "Synchronous")
  static let stream = MethodDescriptor(service: "bench.Echo", method: "Stream")

  static let message = ByteBuffer(repeating: 0x78, count: 64)

  // MARK: the server's side

  static func serve(port: Int, identity: String) async throws {
    // Foreign callers know only the content-type of protobuf; the messages are bytes in any case.
    var router = RPCRouter(encodings: [.belfry, .protobuf])
    router.register(synchronous, .unary { _, request in request })
    router.register(asynchronous, .unaryAsync { _, request in request })
    router.register(stream, .events { _, writer in Echo(writer) })
    var limits = RPCLimits()
    // Callers come from one address, many at once, without certificates, and may wait long.
    limits.strangersPerAddressMax = limits.connectionsMax
    limits.idleMax = .hours(1)
    let server = RPCServer(
      configuration: .init(host: "127.0.0.1", port: port, tls: tls(identity), limits: limits),
      eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1), router: router,
      authorize: { _, _ in nil }, logger: Logger(label: "bench"))
    _ = try await server.start()
    try await Task.sleep(for: .seconds(3_600))
  }

  static func tls(_ identity: String) -> TLSConfiguration {
    TLSConfiguration(
      certificateChainFile: identity + "/identity.pem", keyFile: identity + "/identity.key",
      caFile: identity + "/ca.pem")
  }

  private final class Echo: RPCEventHandler {
    private let writer: RPCWriter

    init(_ writer: RPCWriter) { self.writer = writer }

    func messagesReceived(_ messages: [ByteBuffer]) { writer.send(contentsOf: messages) }
    func messagesEnded() { writer.finish(.ok) }
    func closed(_ closure: RPCClosure) {}
  }

  // MARK: the caller's side

  static func measure(certificates: String, for time: Duration) async throws {
    let port = Int.random(in: 20_000..<30_000)
    let server = try Bench.start(
      "/usr/bin/taskset",
      [
        "-c", "0", ProcessInfo.processInfo.arguments[0], "rpc-server", certificates + "/c1",
        "\(port)",
      ])
    defer { server.terminate() }
    var options = RPCClient.Options()
    options.backoffFirst = .milliseconds(50)
    options.backoffMax = .milliseconds(50)
    let client = try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: port), tls: tls(certificates + "/me"),
      eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1), options: options)
    for _ in 0..<200 where (try? await client.connect()) == nil {}
    // Each once before it counts.
    for counts in [false, true] {
      let time = counts ? time : .milliseconds(500)
      for (what, method, callers) in [
        ("handler of the loop, 100 calls under way", synchronous, 100),
        ("async handler, 100 calls under way", asynchronous, 100),
        ("async handler, 1 call under way", asynchronous, 1),
      ] {
        try await report("unary, \(what)", "calls", of: server, prints: counts) {
          try await unary(client, method, callers: callers, for: time)
        }
      }
      try await report("stream, 256 messages under way", "echoes", of: server, prints: counts) {
        await echoes(client, outstanding: 256, for: time)
      }
    }
    await client.close()
  }

  private static func report(
    _ what: String, _ unit: String, of server: Process, prints: Bool,
    _ work: () async throws -> Int
  ) async throws {
    let (began, cpu) = (ContinuousClock.now, try Bench.cpu(of: server))
    let count = try await work()
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    let used = try Bench.cpu(of: server) - cpu
    guard prints else { return }
    print(
      String(
        format: "%@: %.0f %@/s, %.2f us of the server's CPU each", what, Double(count) / seconds,
        unit, used / Double(count) * 1_000_000))
  }

  /// Calls from so many tasks, each with one call under way, and returns how many were answered.
  static func unary(
    _ client: RPCClient, _ method: MethodDescriptor, callers: Int, for time: Duration
  ) async throws -> Int {
    let end = ContinuousClock.now + time
    let executor = EventLoopExecutor(client.eventLoop)
    return try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<callers {
        group.addTask(executorPreference: executor) {
          var count = 0
          while ContinuousClock.now < end {
            let reply = try await client.unary(method, message)
            guard reply.message == message else { throw Bench.Failure(description: "no echo") }
            count += 1
          }
          return count
        }
      }
      return try await group.reduce(0, +)
    }
  }

  /// Keeps so many messages under way on one bidirectional stream; returns how many came back.
  static func echoes(
    _ client: RPCClient, _ message: ByteBuffer = message, outstanding: Int, for time: Duration,
    options: RPCCallOptions = RPCCallOptions()
  ) async -> Int {
    await withCheckedContinuation { continuation in
      client.events(stream, options: options) { writer in
        Pump(writer, message, outstanding: outstanding, end: .now() + TimeAmount(time)) {
          continuation.resume(returning: $0)
        }
      }
    }
  }

  /// Sends a message for each that comes back.
  private final class Pump: RPCEventHandler {
    private let writer: RPCWriter
    private let message: ByteBuffer
    private let end: NIODeadline
    private let ended: (Int) -> Void
    private var count = 0

    init(
      _ writer: RPCWriter, _ message: ByteBuffer, outstanding: Int, end: NIODeadline,
      ended: @escaping (Int) -> Void
    ) {
      self.writer = writer
      self.message = message
      self.end = end
      self.ended = ended
      writer.send(contentsOf: Array(repeating: message, count: outstanding))
    }

    func messagesReceived(_ messages: [ByteBuffer]) {
      count += messages.count
      guard NIODeadline.now() < end else { return writer.finish(.ok) }
      writer.send(contentsOf: Array(repeating: message, count: messages.count))
    }

    func closed(_ closure: RPCClosure) { ended(count) }
  }
}
