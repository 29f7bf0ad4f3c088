import BelfryIdentity
import BelfryNet
import BelfryRPC
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// The end of a server, and clients that live through it.
@Suite struct ShutdownTests {
  /// A method that waits until the test opens a gate.
  private static let wait = MethodDescriptor(service: "belfry.test.Gate", method: "Wait")

  /// The code a call fails with; OK when it does not.
  private func code(_ call: () async throws -> RPCReply) async -> RPCStatus.Code? {
    do {
      _ = try await call()
      return .ok
    } catch {
      return (error as? RPCStatus)?.code
    }
  }

  private final class Gate: Sendable {
    private let state = Mutex((isOpen: false, waiters: [CheckedContinuation<Void, Never>]()))

    func open() {
      let waiters = state.withLock { state in
        state.isOpen = true
        return state.waiters
      }
      for waiter in waiters { waiter.resume() }
    }

    func wait() async {
      await withCheckedContinuation { continuation in
        let isOpen = state.withLock { state in
          if !state.isOpen { state.waiters.append(continuation) }
          return state.isOpen
        }
        if isOpen { continuation.resume() }
      }
    }
  }

  @Test("a call in flight finishes, a new one is refused, and shutdown waits")
  func inFlight() async throws {
    let gate = Gate()
    try await TestServer.with(
      router: { router, facts in
        router.register(
          Self.wait,
          .unaryAsync { _, message in
            facts.add("waiting")
            await gate.wait()
            return message
          })
      }
    ) { server in
      try await server.withClient { client in
        async let reply = client.unary(Self.wait, ByteBuffer(string: "late"))
        #expect(await eventually { server.facts.has("waiting") })
        let facts = TestFacts()
        async let end: Void = {
          await server.server.shutdownGracefully(deadline: .seconds(30))
          facts.add("down")
        }()
        // New connections are not accepted, new calls on the old one neither.
        #expect(
          await eventually {
            await code {
              try await client.unary(
                Self.wait, ByteBuffer(), options: RPCCallOptions(timeout: .milliseconds(50)))
            } == .unavailable
          })
        #expect(!facts.has("down"))
        gate.open()
        let late = try await reply
        #expect(late.message == ByteBuffer(string: "late"))
        await end
        #expect(facts.has("down"))
      }
    }
  }

  @Test("GOAWAY comes twice: before the last stream is known, and with it")
  func goAway() async throws {
    try await TestServer.with { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      #expect(await client.exchange(client.request(CrookedClient.fields())))
      let open = client.request(
        CrookedClient.fields([":path": TestMethods.events.path]), end: false)
      await client.flush()
      async let end: Void = server.server.shutdownGracefully(deadline: .seconds(30))
      #expect(
        await eventually {
          await client.pump()
          return client.goAwayStreams.count == 2
        })
      #expect(client.goAwayStreams == [.max, try #require(open?.id)])
      #expect(client.goAway == .noError)
      client.reset(try #require(open))
      await client.flush()
      await end
      await client.close()
    }
  }

  @Test("event streams are told that the server goes")
  func events() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let facts = TestFacts()
        let received = Mutex<[ByteBuffer]>.Box()
        let writer = client.events(TestMethods.events) { _ in CollectingEvents(facts, received) }
        writer.send(ByteBuffer(string: "x"))
        #expect(await eventually { facts.has("batch 1") })
        async let end: Void = server.server.shutdownGracefully(deadline: .seconds(30))
        #expect(await eventually { facts.has("going away") })
        // The stream goes on until both have done with it.
        writer.send(ByteBuffer(string: "y"))
        #expect(await eventually { received.value.withLock { $0.count } == 2 })
        writer.finish()
        await end
        #expect(await eventually { facts.has("closed ok (finished)") })
        #expect(server.facts.has("events going away"))
      }
    }
  }

  @Test("after the deadline what still runs is cut off and its handler cancelled")
  func deadline() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let call = Task { try await client.unary(TestMethods.hang, ByteBuffer()) }
        #expect(await eventually { server.facts.has("hang began") })
        await server.server.shutdownGracefully(deadline: .milliseconds(100))
        let error = await #expect(throws: RPCStatus.self) { try await call.value }
        #expect(error?.code == .unavailable)
        #expect(server.facts.has("hang cancelled"), "shutdown returns after the handlers")
      }
    }
  }

  @Test("a stream whose connection breaks is told so, on both sides")
  func connectionLost() async throws {
    try await TestServer.with { server in
      let client = try server.client()
      let facts = TestFacts()
      let received = Mutex<[ByteBuffer]>.Box()
      let writer = client.events(TestMethods.events) { _ in CollectingEvents(facts, received) }
      writer.send(ByteBuffer(string: "x"))
      #expect(await eventually { facts.has("batch 1") })
      await client.close()
      #expect(
        await eventually { facts.all.contains { $0.hasSuffix("(connectionLost)") } })
      #expect(
        await eventually {
          server.facts.all.contains {
            $0.hasPrefix("events closed") && $0.hasSuffix("(connectionLost)")
          }
        })
    }
  }

  @Test("a revoked peer is cut off at once, others stay")
  func revoked() async throws {
    try await TestServer.with { server in
      try await server.withClient { other in
        try await other.connect()
        let files = try TestServer.certificates.get()
        try await server.withClient(files.member(.worker, "bad")) { client in
          let facts = TestFacts()
          let received = Mutex<[ByteBuffer]>.Box()
          let writer = client.events(TestMethods.events) { _ in CollectingEvents(facts, received) }
          writer.send(ByteBuffer(string: "x"))
          #expect(await eventually { facts.has("batch 1") })
          server.server.closeConnections(reason: "revoked") { $0?.name == "bad" }
          #expect(await eventually { facts.has("closed unavailable: revoked (finished)") })
        }
        _ = try await other.unary(TestMethods.echo, ByteBuffer())
      }
    }
  }

  @Test("a client reconnects by itself; a call that waits gets through")
  func reconnect() async throws {
    let files = try TestServer.certificates.get()
    let group = MultiThreadedEventLoopGroup.singleton
    let facts = TestFacts()
    func start(_ port: Int) async throws -> (RPCServer, Int) {
      let server = RPCServer(
        configuration: .init(
          host: "127.0.0.1", port: port, tls: try files.member(.coordinator, "c")),
        eventLoopGroup: group, router: TestMethods.router(facts), authorize: { _, _ in nil },
        logger: .init(label: "test"))
      let bound = try #require(try await server.start().port)
      return (server, bound)
    }
    let (first, port) = try await start(0)
    let client = try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: port), tls: files.member(.worker, "w"),
      eventLoopGroup: group)
    _ = try await client.unary(TestMethods.echo, ByteBuffer())
    await first.shutdownGracefully(deadline: .seconds(1))

    async let early = client.unary(
      TestMethods.echo, ByteBuffer(string: "early"),
      options: RPCCallOptions(timeout: .seconds(20), waitForReady: true))

    // Nobody listens: who does not want to wait is told at once, and why.
    let error = await #expect(throws: RPCStatus.self) {
      try await client.unary(TestMethods.echo, ByteBuffer())
    }
    #expect(error?.code == .unavailable)
    // Refused, or reset where a listener went while it was connected to, as on a busy machine.
    #expect(error?.message.contains("connection re") == true, "\(error?.message ?? "")")
    async let waiting = client.unary(
      TestMethods.echo, ByteBuffer(string: "patient"),
      options: RPCCallOptions(timeout: .seconds(20), waitForReady: true))

    let (second, _) = try await start(port)
    let soonest = try await early
    #expect(soonest.message == ByteBuffer(string: "early"))
    let patient = try await waiting
    #expect(patient.message == ByteBuffer(string: "patient"))
    await client.close()
    await second.shutdownGracefully(deadline: .seconds(1))
  }
}
