import BelfryNet
import BelfryRPC
import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing

/// A client and a server of one process: the tests of calls over TLS once more, and what is different.
@Suite struct InProcessTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let body: @Sendable () async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
      testDescription = name
      self.body = body
    }
  }

  static let calls = [
    Case("unary") { try await CallTests().unary(method: TestMethods.echoAsync) },
    Case("many at once") { try await CallTests().parallel() },
    Case("status") { try await CallTests().status(text: "100 % of ☺ and \n") },
    Case("unknown error") { try await CallTests().unknown() },
    Case("metadata and peer") { try await CallTests().metadata() },
    Case("unknown method") { try await CallTests().unknownMethod() },
    Case("deadline") { try await CallTests().deadline() },
    Case("cancellation") { try await CallTests().cancellation() },
    Case("server stream, back-pressure") { try await CallTests().serverStream() },
    Case("dropped stream") { try await CallTests().droppedStream() },
    Case("client stream") { try await CallTests().clientStream() },
    Case("slow reader") { try await CallTests().slowReader() },
    Case("bidirectional") { try await CallTests().bidirectional() },
    Case("events") { try await CallTests().events() },
    Case("packed calls") { try await CompressionTests().calls(client: true, call: false) },
    Case("packed streams") { try await CompressionTests().streams() },
    Case("server's interceptors") { try await InterceptorTests().server() },
    Case("a refusing interceptor") { try await InterceptorTests().refusedBefore() },
    Case("shutdown with a call in flight") { try await ShutdownTests().inFlight() },
    Case("shutdown with event streams") { try await ShutdownTests().events() },
    Case("shutdown's deadline") { try await ShutdownTests().deadline() },
    Case("connection lost") { try await ShutdownTests().connectionLost() },
  ]

  @Test(
    "all is as between machines, in one process and over a Unix socket", arguments: calls,
    [TestServer.Transport.inProcess, .socket])
  func same(_ call: Case, over transport: TestServer.Transport) async throws {
    try await TestServer.$transport.withValue(transport) { try await call.body() }
  }

  private static let group = MultiThreadedEventLoopGroup.singleton

  private func with(
    _ limits: RPCLimits = .patient, authorize: @escaping RPCServer.Authorize = { _, _ in nil },
    facts: TestFacts = TestFacts(), _ body: (RPCServer) async throws -> Void
  ) async throws {
    let server = RPCServer(
      limits: limits, eventLoopGroup: Self.group, router: TestMethods.router(facts),
      authorize: authorize, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await body(server)
    await server.shutdownGracefully(deadline: .milliseconds(200))
  }

  private func client(_ server: RPCServer, _ peer: PeerIdentity?) -> RPCClient {
    RPCClient(
      inProcess: server, as: peer, eventLoopGroup: Self.group, options: .patient)
  }

  @Test("each client is who it is said to be; one without a name is a stranger")
  func peers() async throws {
    let authorize: RPCServer.Authorize = { _, peer in
      switch peer?.role {
      case nil: RPCStatus(.unauthenticated, "who are you?")
      case .worker: nil
      default: RPCStatus(.permissionDenied, "not for \(peer?.role.rawValue ?? "")")
      }
    }
    try await with(authorize: authorize) { server in
      for (role, code) in [
        (PeerIdentity.Role.worker, RPCStatus.Code.ok), (.producer, .permissionDenied),
        (nil, .unauthenticated),
      ] {
        let peer = role.map {
          PeerIdentity(cluster: "test", role: $0, name: "me", notAfter: .max)
        }
        let client = client(server, peer)
        #expect(client.identity == peer)
        let ended = await CrookedServerTests.result { () async throws(RPCStatus) in
          _ = try await client.unary(TestMethods.echo, ByteBuffer())
        }
        #expect(ended == code)
        await client.close()
      }
    }
  }

  @Test("a message above the limit is refused on either side")
  func limits() async throws {
    var limits = RPCLimits.patient
    limits.messageBytesMax = 1_000
    try await with(limits) { server in
      let client = client(server, TestServer.inProcessPeer)
      let refused = await #expect(throws: RPCStatus.self) {
        try await client.unary(TestMethods.echo, ByteBuffer(repeating: 1, count: 1_001))
      }
      #expect(refused?.code == .resourceExhausted)
      await client.close()
      var options = RPCClient.Options.patient
      options.limits.messageBytesMax = 1_000
      let small = RPCClient(
        inProcess: server, as: nil, eventLoopGroup: Self.group, options: options)
      let error = await #expect(throws: RPCStatus.self) {
        for try await _ in small.serverStream(TestMethods.count, ByteBuffer(string: "1")) {}
      }
      #expect(error?.code == .resourceExhausted)
      await small.close()
    }
  }

  @Test("a client that has been cut off comes back by itself")
  func reconnect() async throws {
    let facts = TestFacts()
    try await with(facts: facts) { server in
      let client = client(server, TestServer.inProcessPeer)
      for round in 1...3 {
        let reply = try await client.unary(
          TestMethods.echo, ByteBuffer(string: "x"), options: RPCCallOptions(waitForReady: true))
        #expect(reply.message == ByteBuffer(string: "x"))
        let hanging = Task {
          await CrookedServerTests.result { () async throws(RPCStatus) in
            _ = try await client.unary(TestMethods.hang, ByteBuffer())
          }
        }
        #expect(await eventually { facts.all.count { $0 == "hang began" } == round })
        server.closeConnections(reason: "again") { $0?.name == "w1" }
        #expect(await hanging.value == .unavailable)
      }
      await client.close()
    }
  }

  @Test("a server that has ended takes nobody, and says so at once")
  func ended() async throws {
    try await with { server in
      await server.shutdownGracefully(deadline: .zero)
      let client = client(server, TestServer.inProcessPeer)
      let error = await #expect(throws: RPCConnectError.self) { try await client.connect() }
      #expect(error?.kind == .closed)
      let call = await #expect(throws: RPCStatus.self) {
        try await client.unary(TestMethods.echo, ByteBuffer())
      }
      #expect(call?.code == .unavailable)
      await client.close()
    }
  }

  @Test("a server with an address serves both, those from elsewhere and those of its process")
  func both() async throws {
    try await TestServer.with { server in
      let local = client(server.server, TestServer.inProcessPeer)
      let reply = try await local.unary(TestMethods.metadata, ByteBuffer())
      #expect(reply.trailingMetadata.text("peer") == "spiffe://test/worker/w1")
      let isAlive = try await server.answers()
      #expect(isAlive)
      await local.close()
    }
  }

  @Test("what either end closes leaves no file open")
  func files() async throws {
    try await with { server in
      func open() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
      }
      let before = try open()
      for _ in 0..<1_000 {
        let client = client(server, nil)
        try await client.connect()
        await client.close()
      }
      // Tests beside this one open some too.
      #expect(await eventually { (try? open()).map { $0 < before + 500 } == true })
    }
  }
}
