import BelfryIdentity
import BelfryNet
import BelfryRPC
import NIOCore
import Testing

/// Requests that no proper client makes: each is answered as gRPC says, and harms nobody.
@Suite struct CrookedClientTests {
  private func with(
    limits: RPCLimits = .patient,
    _ body: (CrookedClient, TestServer) async throws -> Void
  ) async throws {
    try await TestServer.with(limits: limits) { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      try await body(client, server)
      await client.close()
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  struct Odd: Sendable, CustomTestStringConvertible {
    let name: String
    var changes: [String: String] = [:]
    var messages = ["x"]
    let http: String
    var grpc: String?
    var testDescription: String { name }
  }

  static let odd = [
    Odd(name: "as it should be", http: "200", grpc: "0"),
    Odd(name: "GET", changes: [":method": "GET"], http: "405"),
    Odd(name: "PUT", changes: [":method": "PUT"], http: "405"),
    Odd(name: "JSON", changes: ["content-type": "application/json"], http: "415"),
    Odd(name: "no content-type", changes: ["content-type": ""], http: "415"),
    Odd(name: "grpc-web", changes: ["content-type": "application/grpc-web"], http: "415"),
    Odd(
      name: "protobuf, not served", changes: ["content-type": "application/grpc"], http: "200",
      grpc: "12"),
    Odd(
      name: "+proto, not served", changes: ["content-type": "application/grpc+proto"],
      http: "200", grpc: "12"),
    Odd(
      name: "unknown codec", changes: ["content-type": "application/grpc+thrift"], http: "200",
      grpc: "12"),
    Odd(
      name: "with parameters", changes: ["content-type": "application/grpc+belfry; a=b"],
      http: "200", grpc: "0"),
    Odd(name: "no te", changes: ["te": ""], http: "200", grpc: "0"),
    Odd(name: "unknown method", changes: [":path": "/a.B/C"], http: "200", grpc: "12"),
    Odd(name: "no service", changes: [":path": "/"], http: "200", grpc: "12"),
    Odd(
      name: "other case", changes: [":path": "/belfry.test.everything/Echo"], http: "200",
      grpc: "12"),
    Odd(
      name: "compression we do not speak", changes: ["grpc-encoding": "snappy"], http: "200",
      grpc: "12"),
    Odd(name: "identity", changes: ["grpc-encoding": "identity"], http: "200", grpc: "0"),
    Odd(name: "+thrift; not ours", changes: ["content-type": "application/grpcfoo"], http: "415"),
    Odd(
      name: "upper case content-type", changes: ["content-type": "Application/gRPC"], http: "415"),
    Odd(
      name: "empty method", changes: [":path": "/belfry.test.Everything/"], http: "200", grpc: "12"),
    Odd(
      name: "a method with a query", changes: [":path": TestMethods.echo.path + "?a=b"],
      http: "200", grpc: "12"),
    Odd(name: "path *", changes: [":path": "/*"], http: "200", grpc: "12"),
    Odd(
      name: "names of the protocol", changes: ["grpc-message-type": "a", "grpc-previous": "b"],
      http: "200", grpc: "0"),
    Odd(name: "time-out without unit", changes: ["grpc-timeout": "12"], http: "200", grpc: "13"),
    Odd(
      name: "time-out of nine digits", changes: ["grpc-timeout": "123456789n"], http: "200",
      grpc: "13"),
    Odd(
      name: "longest time-out", changes: ["grpc-timeout": "99999999H"], http: "200", grpc: "0"),
    Odd(name: "time-out of nothing", changes: ["grpc-timeout": "0n"], http: "200", grpc: "4"),
    Odd(name: "time-out in hours", changes: ["grpc-timeout": "1H"], http: "200", grpc: "0"),
    Odd(name: "time-out in minutes", changes: ["grpc-timeout": "1M"], http: "200", grpc: "0"),
    Odd(name: "time-out in seconds", changes: ["grpc-timeout": "9S"], http: "200", grpc: "0"),
    Odd(name: "1 ms for a slow one", changes: ["grpc-timeout": "1m"], http: "200", grpc: "4"),
    Odd(name: "1 us for a slow one", changes: ["grpc-timeout": "1u"], http: "200", grpc: "4"),
    Odd(name: "time-out below zero", changes: ["grpc-timeout": "-1S"], http: "200", grpc: "13"),
    Odd(name: "time-out of no unit", changes: ["grpc-timeout": "1s"], http: "200", grpc: "13"),
    Odd(name: "no message", messages: [], http: "200", grpc: "12"),
    Odd(name: "two messages", messages: ["x", "y"], http: "200", grpc: "12"),
  ]

  @Test("odd requests", arguments: odd)
  func oddRequest(_ odd: Odd) async throws {
    try await with { client, _ in
      // A unary answer comes at once; a time-out of nothing needs a handler that waits.
      var changes = odd.changes
      if odd.grpc == "4" { changes[":path"] = TestMethods.hang.path }
      let stream = client.request(
        CrookedClient.fields(changes), messages: odd.messages.map { ByteBuffer(string: $0) })
      #expect(await client.exchange(stream))
      #expect(client.value(":status", on: stream) == odd.http)
      #expect(client.value("grpc-status", on: stream) == odd.grpc)
      if odd.changes["grpc-encoding"] == "snappy" {
        #expect(client.value("grpc-accept-encoding", on: stream) == "identity,gzip")
      }
    }
  }

  @Test(
    "bodies that are no message",
    arguments: [
      ("huge length", [0, 255, 255, 255, 255], "8"), ("just too long", [0, 0, 68, 0, 1], "8"),
      ("cut prefix", [0, 0, 0], "13"), ("cut message", [0, 0, 0, 0, 9, 1], "13"),
      ("compressed", [1, 0, 0, 0, 1, 1], "13"), ("bad flag", [2, 0, 0, 0, 0], "13"),
    ] as [(String, [UInt8], String)])
  func badBody(name: String, bytes: [UInt8], status: String) async throws {
    try await with { client, _ in
      let stream = client.request(CrookedClient.fields(), messages: [], end: false)
      await client.flush()
      await client.send(RawFrame.data(stream?.id ?? 1, bytes, end: true))
      #expect(
        await eventually {
          await client.pump()
          return client.value("grpc-status", on: stream) == status
        }, "\(client.value("grpc-status", on: stream) ?? "none")")
    }
  }

  @Test("a message may come a byte a frame")
  func byteFrames() async throws {
    try await with { client, _ in
      let stream = client.request(CrookedClient.fields(), messages: [], end: false)
      await client.flush()
      let bytes: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3]
      for (index, byte) in bytes.enumerated() {
        await client.send(
          RawFrame.data(stream?.id ?? 1, [byte], end: index == bytes.count - 1))
      }
      #expect(
        await eventually {
          await client.pump()
          return client.value("grpc-status", on: stream) == "0"
        })
    }
  }

  @Test("a connection that is cut after any number of bytes harms nobody")
  func cutAnywhere() async throws {
    let files = try TestServer.certificates.get()
    try await TestServer.with { server in
      let tls = try files.member(.worker, "crook")
      let sample = try await CrookedClient(server.port, tls: tls)
      sample.request(CrookedClient.fields())
      sample.request(CrookedClient.fields([":path": TestMethods.events.path]), end: false)
      let whole = sample.output()
      await sample.close()
      #expect(whole.readableBytes > 200)
      for count in stride(from: 1, to: whole.readableBytes, by: 7) {
        let peer = try await RawPeer.connect(server.port, tls: tls)
        if let part = whole.getSlice(at: whole.readerIndex, length: count) {
          await peer.send(part)
        }
        await peer.close()
      }
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  @Test("random bytes, before and behind TLS, harm nobody")
  func randomBytes() async throws {
    let files = try TestServer.certificates.get()
    try await TestServer.with { server in
      var random = SeededRandom(seed: 42)
      for round in 0..<40 {
        let tls = round % 2 == 0 ? nil : try files.member(.worker, "crook")
        let peer = try await RawPeer.connect(server.port, tls: tls)
        // Behind TLS some rounds begin like HTTP/2, so that the frames are reached.
        var bytes = ByteBuffer(string: round % 4 == 3 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "")
        bytes.writeBytes(
          (0..<Int.random(in: 1...5_000, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
          })
        await peer.send(bytes)
        await peer.close()
      }
      #expect(await eventually { server.log.all.contains { $0.contains("wrong version number") } })
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  @Test("too long a header list ends the connection")
  func headerList() async throws {
    for extra in [
      (0..<70).map { (name: "x-\($0)", value: "1") },
      [(name: "x-long", value: String(repeating: "a", count: 17_000))],
    ] {
      try await with { client, server in
        client.request(CrookedClient.fields(extra: extra))
        await client.flush()
        #expect(await client.isCutOff())
        #expect(client.goAway == .enhanceYourCalm)
        #expect(
          await eventually { server.log.all.contains { $0.contains("header list over its limit") } }
        )
      }
    }
  }

  @Test("a flood of pings ends the connection")
  func pings() async throws {
    try await with { client, server in
      for _ in 0..<300 {
        client.ping()
        await client.flush()
      }
      #expect(await client.isCutOff())
      #expect(client.goAway == .enhanceYourCalm)
    }
  }

  @Test("a flood of resets ends the connection, and leaves no handler behind")
  func rapidReset() async throws {
    try await with { client, server in
      for _ in 0..<1_000 {
        guard let stream = client.request(CrookedClient.fields([":path": TestMethods.hang.path]))
        else { break }
        await client.flush()
        client.reset(stream)
        await client.flush()
      }
      #expect(await client.isCutOff())
      #expect(
        await eventually {
          let facts = server.facts.all
          return facts.filter { $0 == "hang began" }.count
            == facts.filter { $0 == "hang cancelled" }.count
        })
    }
  }

  @Test("a peer that says nothing is cut off, with TLS and without")
  func silence() async throws {
    var noHandshake = RPCLimits.patient
    noHandshake.tlsTimeout = .milliseconds(100)
    try await expectCutOff(nil, noHandshake, "TLS handshake took longer than 100 ms")
    var noPreface = RPCLimits.patient
    noPreface.timers.settings = .milliseconds(100)
    try await expectCutOff(
      TestServer.certificates.get().member(.worker, "silent"), noPreface,
      "no HTTP/2 preface within 100 ms")
  }

  private func expectCutOff(
    _ tls: TLSConfiguration?, _ limits: RPCLimits, _ reason: String
  ) async throws {
    try await TestServer.with(limits: limits) { server in
      let peer = try await RawPeer.connect(server.port, tls: tls)
      #expect(await eventually { !peer.isOpen })
      #expect(await eventually { server.log.all.contains { $0.contains(reason) } })
    }
  }

  @Test("a peer that takes nothing is cut off, and what it asked for does not pile up")
  func stalled() async throws {
    var limits = RPCLimits.patient
    limits.timers.output.drain = .milliseconds(200)
    try await TestServer.with(limits: limits) { server in
      var greedy = HTTP2Limits()
      greedy.connectionWindowBytes = .max
      greedy.streamWindowBytes = .max
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"),
        limits: greedy)
      await client.stopReading()
      for _ in 0..<20 {
        client.request(
          CrookedClient.fields([":path": TestMethods.count.path]),
          messages: [ByteBuffer(string: "1000000")])
      }
      await client.flush()
      #expect(
        await eventually {
          server.log.all.contains { $0.contains("the peer took nothing for 200 ms") }
        })
      #expect(await eventually { server.facts.all.filter { $0 == "count stopped" }.count == 20 })
      await client.close()
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }
}

/// The same bytes in every run.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
