import BelfryIdentity
import NIOCore
import Testing

@testable import BelfryNet
@testable import BelfryRPC

/// PINGs: those a client asks a silent server with, and those a server takes for abuse.
@Suite struct KeepaliveTests {
  private static let options = RPCKeepalive(time: .seconds(10), timeout: .seconds(3))

  @Test("who has spoken is not asked; who is silent is asked once, then given up")
  func machine() {
    var machine = KeepaliveMachine(Self.options)
    machine.heard()
    #expect(machine.timerFired(hasCalls: true) == .wait(.seconds(10)))
    #expect(machine.timerFired(hasCalls: true) == .ping(thenWait: .seconds(3)))
    #expect(machine.answered() == .seconds(10))
    #expect(machine.answered() == nil, "nobody asked")
    #expect(machine.timerFired(hasCalls: true) == .ping(thenWait: .seconds(3)))
    machine.heard()
    #expect(machine.timerFired(hasCalls: true) == .wait(.seconds(10)), "any word will do")
    #expect(machine.timerFired(hasCalls: true) == .ping(thenWait: .seconds(3)))
    #expect(machine.timerFired(hasCalls: true) == .giveUp)
  }

  @Test("without calls nobody is asked, unless that is wanted")
  func idle() {
    var machine = KeepaliveMachine(Self.options)
    #expect(machine.timerFired(hasCalls: false) == .wait(.seconds(10)))
    var options = Self.options
    options.withoutCalls = true
    machine = KeepaliveMachine(options)
    #expect(machine.timerFired(hasCalls: false) == .ping(thenWait: .seconds(3)))
  }

  @Test("a server that says nothing any more is noticed, and its calls fail")
  func dead() async throws {
    var options = RPCClient.Options.patient
    options.keepalive = RPCKeepalive(time: .milliseconds(50), timeout: .milliseconds(100))
    try await CrookedServer.with(answersPings: false, options: options) { _, _ in
      .init(frames: [])
    } _: { client, server in
      let error = await #expect(throws: RPCStatus.self) {
        try await client.unary(TestMethods.echo, ByteBuffer())
      }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("did not answer a PING within 100 ms") == true)
      #expect(server.pings == 1)
    }
  }

  @Test("a server that answers PINGs is kept, however long its call takes")
  func alive() async throws {
    var options = RPCClient.Options.patient
    options.keepalive = RPCKeepalive(time: .milliseconds(20), timeout: .seconds(60))
    try await CrookedServer.with(options: options) { stream, request in
      // The first call is left open; the second is answered once there were PINGs enough.
      if request == 1 { return .init(frames: []) }
      return .init(frames: [
        RawFrame.headers(stream, CrookedServerTests.head),
        RawFrame.data(stream, CrookedServerTests.message),
        RawFrame.headers(stream, [("grpc-status", "0")], end: true),
      ])
    } _: { client, server in
      let open = client.serverStream(TestMethods.count, ByteBuffer())
      #expect(await eventually { server.pings >= 5 })
      let reply = try await client.unary(TestMethods.echo, ByteBuffer())
      #expect(reply.message == ByteBuffer(string: "hi"))
      #expect(server.connections == 1)
      open.cancel()
    }
  }

  @Test("an idle connection is asked too when that is wanted")
  func idleConnection() async throws {
    var options = RPCClient.Options.patient
    options.keepalive = RPCKeepalive(
      time: .milliseconds(20), timeout: .seconds(60), withoutCalls: true)
    try await CrookedServer.with(options: options) { _, _ in
      .init(frames: [])
    } _: { client, server in
      try await client.connect()
      #expect(await eventually { server.pings >= 3 })
    }
  }

  @Test("who is told that it asks too often asks half as often, but at least each two hours")
  func slower() {
    var options = RPCKeepalive(time: .seconds(10), timeout: .seconds(3))
    options.slowDown()
    #expect(options.time == .seconds(20))
    #expect(options.timeout == .seconds(3))
    for _ in 0..<200 { options.slowDown() }
    #expect(options.time == .seconds(7_200))
    options.time = .seconds(10_000)
    options.slowDown()
    #expect(options.time == .seconds(10_000), "what was asked for stands")
  }

  @Test("of all that a server may end a connection with, only ENHANCE_YOUR_CALM slows us")
  func told() async throws {
    for (code, isSlower) in [(UInt32(11), true), (0, false), (2, false)] {
      var options = RPCClient.Options.patient
      options.keepalive = RPCKeepalive(
        time: .milliseconds(300), timeout: .seconds(60), withoutCalls: true)
      try await CrookedServer.with(options: options) { stream, request in
        request == 1
          ? .init(frames: [RawFrame.goAway(last: stream, code)], closes: true) : .init(frames: [])
      } _: { client, server in
        _ = await #expect(throws: RPCStatus.self) {
          try await client.unary(TestMethods.echo, ByteBuffer())
        }
        let (began, before) = (ContinuousClock.now, server.pings)
        try await client.connect()
        #expect(await eventually { server.pings > before })
        let took = ContinuousClock.now - began
        // Timers are never early; and a machine that is busy proves nothing.
        if isSlower { #expect(took >= .milliseconds(600)) }
        #expect(took >= .milliseconds(300))
      }
    }
  }

  private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

  @Test("two early PINGs are forgiven, the third is not")
  func strikes() {
    var policy = PingPolicy(intervalMin: .minutes(5), strikesMax: 2)
    var results: [Bool] = []
    for index in 0..<4 {
      results.append(policy.pingReceived(now: Self.start + .seconds(Int64(index))))
    }
    #expect(results == [true, true, true, false])
  }

  @Test("PINGs far enough apart are no strikes")
  func slow() {
    var policy = PingPolicy(intervalMin: .minutes(5), strikesMax: 2)
    for index in 0..<20 {
      let isFine = policy.pingReceived(now: Self.start + .minutes(Int64(5 * index)))
      #expect(isFine)
    }
  }

  @Test("what we send wipes the strikes")
  func wiped() {
    var policy = PingPolicy(intervalMin: .minutes(5), strikesMax: 2)
    for index in 0..<20 {
      for part in 0..<3 {
        let isFine = policy.pingReceived(now: Self.start + .seconds(Int64(index * 3 + part)))
        #expect(isFine)
      }
      policy.somethingSent()
    }
  }

  @Test("a client that pings a silent server too often is told so and cut off")
  func abuse() async throws {
    try await TestServer.with { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      for _ in 0..<4 { client.ping() }
      await client.flush()
      #expect(await client.isCutOff())
      #expect(client.goAway == .enhanceYourCalm)
      #expect(await eventually { server.log.all.contains { $0.contains("too many pings") } })
    }
  }

  @Test("PINGs between calls that are answered are no abuse")
  func measured() async throws {
    try await TestServer.with { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      for _ in 0..<20 {
        client.ping()
        client.ping()
        let stream = client.request(CrookedClient.fields())
        #expect(await client.exchange(stream))
        #expect(client.value("grpc-status", on: stream) == "0")
      }
      await client.close()
    }
  }
}
