internal import BelfryNet
internal import BelfryRPC
internal import Foundation
internal import NIOCore
internal import NIOPosix

/// The caller of `make bench-rpc`: one kind of load on a server that runs already, one connection,
/// mutual TLS. What was measured is printed as lines of a name and a number.
///
/// The server may be any that echoes under the paths of `RPCBench`.
enum RPCLoad {
  /// Foreign servers do not know our content-type; the messages are bytes in any case.
  static let options = RPCCallOptions(encoding: .protobuf)

  /// Measured after as long a warm-up as a quarter of the time.
  static func run(_ kind: String, identity: String, port: Int, for time: Duration) async throws {
    let client = try await connect(identity: identity, port: port)
    switch kind {
    case "single":
      _ = try await latencies(client, for: time / 4)
      let times = try await latencies(client, for: time).sorted()
      show("p50_us", Double(times[times.count / 2]) / 1_000)
      show("p99_us", Double(times[times.count * 99 / 100]) / 1_000)
    case "stream":
      _ = try await rate(client, size: 64, outstanding: 256, for: time / 4)
      show("messages_per_s", 2 * (try await rate(client, size: 64, outstanding: 256, for: time)))
    case "large":
      let size = 1_024 * 1_024
      _ = try await rate(client, size: size, outstanding: 4, for: time / 4)
      let echoes = try await rate(client, size: size, outstanding: 4, for: time)
      show("megabytes_per_s", 2 * echoes * Double(size) / 1e6)
    default: throw Bench.Failure(description: "no load is called \(kind)")
    }
    await client.close()
  }

  static func connect(
    identity: String, port: Int, on group: any EventLoopGroup = loop
  ) async throws -> RPCClient {
    let client = try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: port), tls: RPCBench.tls(identity),
      eventLoopGroup: group)
    try await client.connect()
    return client
  }

  static let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  private static func show(_ name: String, _ value: Double) { print("\(name) \(value)") }

  /// One call after the other; the time of each in nanoseconds.
  private static func latencies(_ client: RPCClient, for time: Duration) async throws -> [Int64] {
    let executor = EventLoopExecutor(client.eventLoop)
    return try await Task(executorPreference: executor) {
      var times: [Int64] = []
      let end = NIODeadline.now() + TimeAmount(time)
      var began = NIODeadline.now()
      while began < end {
        let reply = try await client.unary(
          RPCBench.synchronous, RPCBench.message, options: options)
        guard reply.message == RPCBench.message else {
          throw Bench.Failure(description: "no echo")
        }
        let now = NIODeadline.now()
        times.append((now - began).nanoseconds)
        began = now
      }
      return times
    }.value
  }

  /// Echoes a second on one bidirectional stream with so many messages under way.
  private static func rate(
    _ client: RPCClient, size: Int, outstanding: Int, for time: Duration
  ) async throws -> Double {
    let began = ContinuousClock.now
    let count = await RPCBench.echoes(
      client, ByteBuffer(repeating: 0x78, count: size), outstanding: outstanding, for: time,
      options: options)
    guard count > 0 else { throw Bench.Failure(description: "no echo") }
    return Double(count) / ((ContinuousClock.now - began) / .seconds(1))
  }

  // MARK: many connections

  /// Opens connections on one loop, makes a call on each and says so; holds them until it reads a
  /// line, makes a call on each again, and says how many were answered.
  static func hold(_ count: Int, identity: String, port: Int) async throws {
    var clients: [RPCClient] = []
    while clients.count < count {
      let some = try await withThrowingTaskGroup(of: RPCClient.self) { group in
        for _ in 0..<min(50, count - clients.count) {
          group.addTask { try await connect(identity: identity, port: port) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      clients += some
    }
    try await say("held \(answered(by: clients))")
    while readLine() != nil { try await say("held \(answered(by: clients))") }
  }

  private static func say(_ line: String) {
    print(line)
    fflush(nil)
  }

  private static func answered(by clients: [RPCClient]) async throws -> Int {
    var count = 0
    for client in clients {
      let reply = try await client.unary(RPCBench.synchronous, RPCBench.message)
      if reply.message == RPCBench.message { count += 1 }
    }
    return count
  }
}
