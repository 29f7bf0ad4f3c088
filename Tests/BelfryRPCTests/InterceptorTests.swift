import BelfryNet
import BelfryRPC
import NIOCore
import Synchronization
import Testing

/// Who watches calls from outside, on both sides; and deadlines that go on to further calls.
@Suite struct InterceptorTests {
  /// Writes down what it is told; refuses a method.
  private final class Watcher: RPCServerInterceptor, RPCClientInterceptor {
    let facts = TestFacts()
    private let name: String
    private let refuses: MethodDescriptor?

    init(_ name: String, refuses: MethodDescriptor? = nil) {
      self.name = name
      self.refuses = refuses
    }

    func callBegan(_ call: RPCServerCallInfo) -> RPCStatus? {
      let who = call.peer.map { $0.name } ?? "stranger"
      facts.add("\(name) began \(call.method.method) of \(who) \(call.metadata.text("mark") ?? "")")
      return call.method == refuses ? RPCStatus(.resourceExhausted, "not now") : nil
    }

    func callEnded(_ call: RPCServerCallInfo, _ status: RPCStatus, took: Duration) {
      facts.add("\(name) ended \(call.method.method) \(status.code)\(took < .zero ? " early" : "")")
    }

    func callBegins(_ method: MethodDescriptor, _ options: inout RPCCallOptions) {
      options.metadata.add("mark", name)
      facts.add("\(name) begins \(method.method)")
    }

    func callEnded(_ method: MethodDescriptor, _ status: RPCStatus, took: Duration) {
      facts.add("\(name) ended \(method.method) \(status.code)\(took < .zero ? " early" : "")")
    }
  }

  @Test("a server's interceptors see each call once, in order and back")
  func server() async throws {
    let (outer, inner) = (Watcher("outer"), Watcher("inner", refuses: TestMethods.fail))
    let authorize: RPCServer.Authorize = { method, _ in
      method == TestMethods.crash ? RPCStatus(.permissionDenied, "no") : nil
    }
    try await TestServer.with(authorize: authorize, interceptors: [outer, inner]) { server in
      try await server.withClient { client in
        _ = try await client.unary(TestMethods.echo, ByteBuffer())
        for (method, code) in [
          (TestMethods.fail, RPCStatus.Code.resourceExhausted),
          (TestMethods.crash, .permissionDenied),
        ] {
          let error = await #expect(throws: RPCStatus.self) {
            try await client.unary(method, ByteBuffer())
          }
          #expect(error?.code == code)
        }
        let late = await #expect(throws: RPCStatus.self) {
          try await client.unary(
            TestMethods.hang, ByteBuffer(), options: RPCCallOptions(timeout: .milliseconds(100)))
        }
        #expect(late?.code == .deadlineExceeded)
        #expect(await eventually { outer.facts.all.count == 8 })
        #expect(await eventually { inner.facts.all.count == 8 })
      }
    }
    for (watcher, name) in [(outer, "outer"), (inner, "inner")] {
      // The last depends on who is first, the server's clock or the client's.
      #expect(
        Array(watcher.facts.all.prefix(7)) == [
          "\(name) began Echo of w1 ", "\(name) ended Echo ok",
          "\(name) began Fail of w1 ", "\(name) ended Fail resourceExhausted",
          "\(name) began Crash of w1 ", "\(name) ended Crash permissionDenied",
          "\(name) began Hang of w1 ",
        ])
    }
  }

  @Test("an interceptor behind one that refuses is told nothing")
  func refusedBefore() async throws {
    let (outer, inner) = (Watcher("outer", refuses: TestMethods.echo), Watcher("inner"))
    try await TestServer.with(interceptors: [outer, inner]) { server in
      try await server.withClient { client in
        _ = await #expect(throws: RPCStatus.self) {
          try await client.unary(TestMethods.echo, ByteBuffer())
        }
      }
    }
    #expect(outer.facts.all == ["outer began Echo of w1 ", "outer ended Echo resourceExhausted"])
    #expect(inner.facts.all.isEmpty)
  }

  @Test("a client's interceptors change what is sent, and see how each call ends")
  func client() async throws {
    let (watcher, seen) = (Watcher("blue"), Watcher("server"))
    var options = RPCClient.Options.patient
    options.interceptors = [watcher]
    try await TestServer.with(interceptors: [seen]) { server in
      try await server.withClient(options: options) { client in
        _ = try await client.unary(TestMethods.echo, ByteBuffer())
        _ = await #expect(throws: RPCStatus.self) {
          try await client.unary(TestMethods.fail, ByteBuffer())
        }
        let (requests, replies) = client.stream(TestMethods.chat)
        requests.finish()
        for try await _ in replies {}
      }
    }
    #expect(seen.facts.has("server began Echo of w1 blue"))
    #expect(
      watcher.facts.all == [
        "blue begins Echo", "blue ended Echo ok", "blue begins Fail", "blue ended Fail aborted",
        "blue begins Chat", "blue ended Chat ok",
      ])
  }

  @Test("a unary answer without a message ends with an error for interceptors too")
  func missing() async throws {
    let watcher = Watcher("blue")
    var options = RPCClient.Options.patient
    options.interceptors = [watcher]
    try await CrookedServer.with(options: options) { stream, _ in
      .init(frames: [
        RawFrame.headers(stream, CrookedServerTests.head + [("grpc-status", "0")], end: true)
      ])
    } _: { client, _ in
      _ = await #expect(throws: RPCStatus.self) {
        try await client.unary(TestMethods.echo, ByteBuffer())
      }
      #expect(watcher.facts.has("blue ended Echo internal"))
    }
  }

  @Test("calls on behalf of a call wait no longer than its caller")
  func deadlines() async throws {
    let method = MethodDescriptor(service: "belfry.test.Deadline", method: "Show")
    try await TestServer.with(
      router: { router, _ in
        router.register(
          method,
          .unary { context, _ in
            let short = context.callOptions(RPCCallOptions(timeout: .milliseconds(1)))
            let long = context.callOptions(RPCCallOptions(timeout: .seconds(100_000)))
            let none = context.callOptions()
            let isShort = short.timeout.map { $0 <= .milliseconds(1) } ?? false
            let texts = [long, none].map { options -> String in
              guard let timeout = options.timeout else { return "none" }
              return timeout > .seconds(1_000) ? "own" : timeout > .seconds(500) ? "left" : "less"
            }
            return ByteBuffer(string: "\(isShort) \(texts.joined(separator: " "))")
          })
      }
    ) { server in
      try await server.withClient { client in
        let bounded = try await client.unary(
          method, ByteBuffer(), options: RPCCallOptions(timeout: .seconds(1_000)))
        #expect(String(buffer: bounded.message) == "true left left")
        let free = try await client.unary(method, ByteBuffer())
        #expect(String(buffer: free.message) == "true own none")
      }
    }
  }
}
