import BelfryIdentity
import BelfryNet
import BelfryRPC
import CoreMetrics
import NIOCore
import Synchronization
import Testing

/// Clocks and counts of a server, each with a peer that goes beyond it: it is cut off, the reason is
/// logged and counted, and others are served.
@Suite struct LimitTests {
  /// Changes the usual limits, runs a peer, expects the reason.
  private func expect(
    _ reason: String, change: (inout RPCLimits) -> Void,
    _ body: (CrookedClient, TestServer) async throws -> Void
  ) async throws {
    var limits = RPCLimits.patient
    change(&limits)
    let metrics = CountingMetrics()
    try await TestServer.with(limits: limits, metrics: metrics) { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      try await body(client, server)
      #expect(await eventually { metrics.count(reason) > 0 }, "\(server.log.all)")
      await client.close()
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  @Test("a connection without a call is told to leave")
  func idle() async throws {
    try await expect("idle") {
      $0.idleMax = .milliseconds(100)
      $0.leaveMax = .seconds(60)
    } _: { client, _ in
      await client.flush()
      #expect(await client.isCutOff())
      #expect(client.goAway == .noError)
    }
  }

  @Test("what does not leave is ended")
  func leave() async throws {
    try await expect("age") {
      $0.ageMax = .milliseconds(100)
      $0.leaveMax = .milliseconds(100)
    } _: { client, server in
      client.request(CrookedClient.fields([":path": TestMethods.hang.path]))
      await client.flush()
      #expect(await client.isCutOff())
      #expect(
        await eventually {
          let facts = server.facts.all
          return facts.count { $0 == "hang began" } == facts.count { $0 == "hang cancelled" }
        })
    }
  }

  @Test("a header list that does not end ends the connection")
  func headers() async throws {
    try await expect("slow-headers") {
      $0.timers.headers = .milliseconds(100)
    } _: { client, _ in
      // The SETTINGS must be over with: their answer inside a header list would be an error of its own.
      #expect(await client.exchange(client.request(CrookedClient.fields())))
      await client.send(RawFrame.frame(1, stream: 3, [0x20, 0x83]))
      #expect(await client.isCutOff())
      #expect(client.goAway == .enhanceYourCalm)
    }
  }

  @Test(
    "a request that stops, or crawls, is ended, and only that",
    arguments: [[0, 0, 0, 0, 100, 1], [0, 0], []] as [[UInt8]])
  func body(part: [UInt8]) async throws {
    try await expect("slow-body") {
      $0.bodyGapMax = .milliseconds(100)
    } _: { client, _ in
      let stream = client.request(CrookedClient.fields(), messages: [], end: false)
      await client.flush()
      if !part.isEmpty { await client.send(RawFrame.data(stream?.id ?? 1, part)) }
      #expect(await client.answered(stream))
      #expect(client.value("grpc-status", on: stream) == "4")
      let next = client.request(CrookedClient.fields())
      #expect(await client.exchange(next))
    }
  }

  @Test("a quiet stream is legal")
  func quietStream() async throws {
    var limits = RPCLimits.patient
    limits.bodyGapMax = .milliseconds(20)
    limits.idleMax = .milliseconds(20)
    limits.timers.headers = .milliseconds(20)
    try await TestServer.with(limits: limits) { server in
      try await server.withClient { client in
        let closed = TestLog()
        let writer = client.events(TestMethods.events) { _ in
          ClosureHandler { closed.add("\($0)") }
        }
        // Another connection is ended meanwhile, which shows that the clocks go.
        let idle = try await CrookedClient(
          server.port, tls: try TestServer.certificates.get().member(.worker, "idle"))
        await idle.flush()
        #expect(await idle.isCutOff())
        #expect(closed.all.isEmpty)
        writer.finish()
      }
    }
  }

  @Test("a peer with a call that answers no PING is gone")
  func silent() async throws {
    try await expect("silent") {
      $0.quietMax = .milliseconds(100)
      $0.pingTimeout = .milliseconds(100)
    } _: { client, _ in
      client.request(CrookedClient.fields([":path": TestMethods.hang.path]))
      await client.flush()
      await client.stopReading()
    }
  }

  @Test("a peer whose certificate ends is cut off")
  func expired() async throws {
    let metrics = CountingMetrics()
    try await TestServer.with(metrics: metrics) { server in
      let now = Validity.nowEpochSeconds()
      let short = try Validity(notBeforeEpochSeconds: now - 60, notAfterEpochSeconds: now + 2)
      let client = try await CrookedClient(
        server.port,
        tls: try TestServer.certificates.get().member(.worker, "short", validity: short))
      client.request(CrookedClient.fields([":path": TestMethods.hang.path]))
      await client.flush()
      #expect(await client.isCutOff())
      #expect(await eventually { metrics.count("expired") == 1 }, "\(server.log.all)")
    }
  }

  @Test("a window of zero with answers behind it ends the connection")
  func zeroWindow() async throws {
    try await expect("stalled") {
      $0.timers.output.drain = .milliseconds(100)
    } _: { _, server in
      var limits = HTTP2Limits()
      limits.streamWindowBytes = 0
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "shut"),
        limits: limits)
      client.request(CrookedClient.fields())
      await client.flush()
      #expect(await client.isCutOff())
    }
  }

  private func strangers(_ count: Int, _ server: TestServer) async throws -> [RawPeer] {
    var peers: [RawPeer] = []
    for _ in 0..<count { peers.append(try await RawPeer.connect(server.port, tls: nil)) }
    return peers
  }

  private func answersAgain(_ server: TestServer) async -> Bool {
    await eventually {
      do { return try await server.answers() } catch { return false }
    }
  }

  @Test("strangers of one address are counted, those with a certificate are not")
  func strangers() async throws {
    var limits = RPCLimits.patient
    limits.strangersPerAddressMax = 3
    let metrics = CountingMetrics()
    try await TestServer.with(limits: limits, metrics: metrics) { server in
      var members: [RawPeer] = []
      for number in 0..<6 {
        let tls = try TestServer.certificates.get().member(.worker, "w\(number)")
        members.append(try await RawPeer.connect(server.port, tls: tls))
      }
      let peers = try await strangers(6, server)
      #expect(await eventually { peers.count { $0.isOpen } == 3 })
      #expect(metrics.count("connections-per-address") == 3)
      let areOpen = members.allSatisfy { $0.isOpen }
      #expect(areOpen)
      for peer in peers + members { await peer.close() }
      #expect(await answersAgain(server))
    }
  }

  @Test("a member that is known no more counts as a stranger")
  func thrownOut() async throws {
    var limits = RPCLimits.patient
    limits.strangersPerAddressMax = 3
    let metrics = CountingMetrics()
    let recognize: RPCServer.Recognize = { $0.name != "w1" }
    try await TestServer.with(limits: limits, recognize: recognize, metrics: metrics) { server in
      var peers: [RawPeer] = []
      let tls = try TestServer.certificates.get().member(.worker, "w1")
      for _ in 0..<6 { peers.append(try await RawPeer.connect(server.port, tls: tls)) }
      #expect(await eventually { peers.count { $0.isOpen } == 3 })
      #expect(metrics.count("connections-per-address") == 3)
      for peer in peers { await peer.close() }
      #expect(await answersAgain(server))
    }
  }

  @Test("no more connections than allowed")
  func connections() async throws {
    var limits = RPCLimits.patient
    limits.connectionsMax = 3
    let metrics = CountingMetrics()
    try await TestServer.with(limits: limits, metrics: metrics) { server in
      let peers = try await strangers(5, server)
      #expect(await eventually { peers.count { $0.isOpen } == 3 })
      #expect(metrics.count("connections") == 2)
      for peer in peers { await peer.close() }
      #expect(await answersAgain(server))
    }
  }

  @Test("above the handshakes allowed, new connections wait until some have ended")
  func handshakes() async throws {
    var limits = RPCLimits.patient
    limits.handshakesMax = 2
    try await TestServer.with(limits: limits) { server in
      let peers = try await strangers(8, server)
      let late = try server.client()
      let answer = Task { try await late.unary(TestMethods.echo, ByteBuffer(string: "x")) }
      for peer in peers { await peer.close() }
      let reply = try await answer.value
      #expect(reply.message == ByteBuffer(string: "x"))
      await late.close()
    }
  }

  @Test("a slot is held until the handler ends, also when its call was broken off")
  func slots() async throws {
    let (gate, open) = AsyncStream<Void>.makeStream()
    let method = MethodDescriptor(service: "belfry.test.Limits", method: "Stubborn")
    var limits = RPCLimits.patient
    limits.http2.concurrentStreamsMax = 4
    let metrics = CountingMetrics()
    try await TestServer.with(
      limits: limits,
      router: { router, facts in
        router.register(
          method,
          .unaryAsync { _, request in
            // Deaf to its cancellation.
            await Task.detached { for await _ in gate {} }.value
            return request
          })
      }, metrics: metrics
    ) { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      for _ in 0..<4 {
        guard let stream = client.request(CrookedClient.fields([":path": method.path])) else {
          break
        }
        await client.flush()
        client.reset(stream)
        await client.flush()
      }
      let fifth = client.request(CrookedClient.fields([":path": method.path]))
      #expect(await client.exchange(fifth))
      #expect(fifth.flatMap { client.endings[$0.id] } == .refusedStream)
      #expect(metrics.count("streams") == 1, "before it is told")
      open.finish()
      #expect(
        await eventually {
          let stream = client.request(CrookedClient.fields())
          guard await client.exchange(stream) else { return false }
          return client.value("grpc-status", on: stream) == "0"
        })
      await client.close()
    }
  }

  @Test("unfinished messages above the budget end the calls of who has most of them")
  func receiveBudget() async throws {
    try await expect("receive") {
      $0.receiveBytesMax = 100_000
    } _: { client, server in
      let other = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "small"))
      let small = other.request(CrookedClient.fields(), messages: [], end: false)
      await other.flush()
      await other.send(RawFrame.data(small?.id ?? 1, [0, 0, 0, 0, 2, 1]))
      var streams: [HTTP2Stream?] = []
      for _ in 0..<12 {
        let stream = client.request(CrookedClient.fields(), messages: [], end: false)
        streams.append(stream)
        await client.flush()
        await client.send(
          RawFrame.data(stream?.id ?? 1, [0, 0, 0, 0x40, 0] + [UInt8](repeating: 1, count: 12_000)))
      }
      #expect(
        await eventually {
          await client.pump()
          return streams.contains { client.value("grpc-status", on: $0) == "8" }
        })
      #expect(client.value("grpc-status", on: streams.first ?? nil) == nil)
      await other.send(RawFrame.data(small?.id ?? 1, [2], end: true))
      #expect(await other.answered(small))
      #expect(other.value("grpc-status", on: small) == "0")
      await other.close()
    }
  }

  @Test("while memory is scarce large messages come one after the other, and all come")
  func receiveInTurn() async throws {
    var limits = RPCLimits.patient
    limits.receiveBytesMax = 8 << 20
    try await TestServer.with(limits: limits) { server in
      try await server.withClient { client in
        let large = ByteBuffer(repeating: 7, count: 1 << 20)
        let sizes = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<12 {
            group.addTask {
              try await client.unary(TestMethods.echo, large).message.readableBytes
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sizes == Array(repeating: 1 << 20, count: 12))
      }
    }
  }
}

private final class ClosureHandler: RPCEventHandler {
  private let report: (RPCClosure) -> Void

  init(_ report: @escaping (RPCClosure) -> Void) { self.report = report }

  func messagesReceived(_ messages: [ByteBuffer]) {}
  func closed(_ closure: RPCClosure) { report(closure) }
}

/// Counts what the server refused, by its reason.
final class CountingMetrics: MetricsFactory, Sendable {
  private let counts = Mutex<[String: Int64]>([:])

  func count(_ reason: String) -> Int64 { counts.withLock { $0[reason] ?? 0 } }

  private final class Count: CounterHandler {
    let add: @Sendable (Int64) -> Void

    init(_ add: @escaping @Sendable (Int64) -> Void) { self.add = add }

    func increment(by amount: Int64) { add(amount) }
    func reset() {}
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    let reason = dimensions.first { $0.0 == "reason" }?.1 ?? ""
    return Count { amount in
      guard label == "belfry_rpc_refused_total" else { return }
      self.counts.withLock { $0[reason, default: 0] += amount }
    }
  }

  func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler { NOOPMetricsHandler.instance }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    NOOPMetricsHandler.instance
  }

  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}
