import BelfryNet
import BelfryRPC
import CoreMetrics
import NIOCore
import Synchronization
import Testing

/// What a server counts of its calls: each once, by method and status; how long those took that have
/// one answer.
@Suite struct MethodCountTests {
  /// Adds up whatever is counted, by its labels.
  private final class Metrics: MetricsFactory, Sendable {
    private let sums = Mutex<[String: Int64]>([:])

    func sum(_ label: String, _ labels: String...) -> Int64 {
      sums.withLock { $0[([label] + labels).joined(separator: " ")] ?? 0 }
    }

    private final class Cell: CounterHandler, TimerHandler {
      let add: @Sendable (Int64) -> Void

      init(_ add: @escaping @Sendable (Int64) -> Void) { self.add = add }

      func increment(by amount: Int64) { add(amount) }
      func recordNanoseconds(_ duration: Int64) { add(duration) }
      func reset() {}
    }

    private func cell(_ label: String, _ dimensions: [(String, String)]) -> Cell {
      let key = ([label] + dimensions.map(\.1)).joined(separator: " ")
      return Cell { amount in self.sums.withLock { $0[key, default: 0] += amount } }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
      cell(label, dimensions)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
      cell(label, dimensions)
    }

    func makeRecorder(
      label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler { NOOPMetricsHandler.instance }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
  }

  @Test("a client's calls are counted once each, by the status that their caller saw")
  func clientCalls() async throws {
    let metrics = Metrics()
    func count(_ method: MethodDescriptor, _ code: String) -> Int64 {
      metrics.sum("belfry_rpc_client_requests_total", String(method.path.dropFirst()), code)
    }
    var options = RPCClient.Options.patient
    options.interceptors = [RPCClientMetrics(metrics: metrics)]
    try await TestServer.with { server in
      try await server.withClient(options: options) { client in
        for _ in 1...3 { _ = try await client.unary(TestMethods.echo, ByteBuffer()) }
        await #expect(throws: RPCStatus.self) {
          try await client.unary(TestMethods.fail, ByteBuffer())
        }
        await #expect(throws: RPCStatus.self) {
          try await client.unary(
            TestMethods.hang, ByteBuffer(), options: RPCCallOptions(timeout: .milliseconds(100)))
        }
      }
    }
    #expect(count(TestMethods.echo, "OK") == 3)
    #expect(count(TestMethods.fail, "OK") == 0)
    #expect(count(TestMethods.hang, "DEADLINE_EXCEEDED") == 1)
  }

  @Test("each call is counted once, by method and status")
  func calls() async throws {
    let metrics = Metrics()
    let authorize: RPCServer.Authorize = { method, _ in
      method == TestMethods.crash ? RPCStatus(.permissionDenied, "no") : nil
    }
    func count(_ method: MethodDescriptor, _ code: String) -> Int64 {
      metrics.sum("belfry_rpc_requests_total", String(method.path.dropFirst()), code)
    }
    try await TestServer.with(authorize: authorize, metrics: metrics) { server in
      try await server.withClient { client in
        for _ in 1...3 { _ = try await client.unary(TestMethods.echo, ByteBuffer()) }
        for method in [TestMethods.fail, TestMethods.crash] {
          await #expect(throws: RPCStatus.self) { try await client.unary(method, ByteBuffer()) }
        }
        await #expect(throws: RPCStatus.self) {
          try await client.unary(
            TestMethods.hang, ByteBuffer(), options: RPCCallOptions(timeout: .milliseconds(100)))
        }
        #expect(
          await eventually {
            count(TestMethods.hang, "DEADLINE_EXCEEDED") + count(TestMethods.hang, "CANCELLED") == 1
          })
      }
    }
    #expect(count(TestMethods.echo, "OK") == 3)
    #expect(count(TestMethods.fail, "OK") == 0)
    #expect(count(TestMethods.crash, "PERMISSION_DENIED") == 1)
    let took = metrics.sum(
      "belfry_rpc_duration_seconds", String(TestMethods.hang.path.dropFirst()))
    #expect(took > 50_000_000, "the wait of a tenth of a second is in it: \(took)")
  }
}
