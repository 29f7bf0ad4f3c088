import BelfryIdentity
import BelfryNet
import BelfryRPC
import NIOCore
import NIOPosix
import Testing

/// A client of several servers.
@Suite struct FailoverTests {
  private func client(_ targets: [RPCTarget]) throws -> RPCClient {
    var options = RPCClient.Options.patient
    options.backoffFirst = .milliseconds(10)
    options.backoffMax = .milliseconds(20)
    return try RPCClient(
      targets: targets, tls: TestServer.certificates.get().member(.worker, "w"),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, options: options)
  }

  private func target(_ server: TestServer) -> RPCTarget {
    RPCTarget(host: "127.0.0.1", port: server.port)
  }

  /// Nobody listens on the lowest ports.
  private static let nobody = [1, 2].map { RPCTarget(host: "127.0.0.1", port: $0) }

  @Test("the first that answers is taken, in their order")
  func order() async throws {
    try await TestServer.with { first in
      try await TestServer.with { second in
        for (targets, expected) in [
          ([target(first), target(second)], first), ([target(second), target(first)], second),
          ([Self.nobody[0], target(second), target(first)], second),
          (Self.nobody + [target(first)], first),
        ] {
          let before = expected.facts.all.count
          let client = try client(targets)
          let reply = try await client.unary(TestMethods.echoAsync, ByteBuffer(string: "x"))
          #expect(reply.message == ByteBuffer(string: "x"))
          #expect(expected.facts.all.count == before + 1)
          await client.close()
        }
      }
    }
  }

  @Test("when the one in use goes, the next takes over")
  func takeover() async throws {
    try await TestServer.with { second in
      let survivor = try await TestServer.with { first in
        let client = try client([target(first), target(second)])
        _ = try await client.unary(TestMethods.echoAsync, ByteBuffer())
        #expect(first.facts.all.count == 1)
        return client
      }
      // The first is gone now.
      let reply = try await survivor.unary(
        TestMethods.echoAsync, ByteBuffer(string: "x"), options: RPCCallOptions(waitForReady: true))
      #expect(reply.message == ByteBuffer(string: "x"))
      #expect(second.facts.all.count == 1)
      await survivor.close()
    }
  }

  @Test("after a loss the first is asked first again")
  func back() async throws {
    try await TestServer.with { first in
      // It says goodbye within each answer, so that each call needs a connection.
      let script: CrookedServer.Script = { stream, _ in
        let frames = [
          RawFrame.headers(stream, CrookedServerTests.head),
          RawFrame.data(stream, CrookedServerTests.message), RawFrame.goAway(last: stream),
          RawFrame.headers(stream, [("grpc-status", "0")], end: true),
        ]
        return .init(frames: frames)
      }
      try await CrookedServer.with(script) { _, crook in
        let crooked = RPCTarget(host: "127.0.0.1", port: crook.port)
        let client = try client([crooked, target(first)])
        for index in 1...2 {
          _ = try await client.unary(
            TestMethods.echoAsync, ByteBuffer(), options: RPCCallOptions(waitForReady: true))
          #expect(crook.requests == index)
          #expect(crook.connections >= index)
        }
        #expect(first.facts.all.isEmpty)
        await client.close()
      }
    }
  }

  @Test("a server that does not let us in is passed over too")
  func refused() async throws {
    let other = try TestCertificates()
    try await TestServer.with(tls: other.member(.coordinator, "c")) { wrong in
      try await TestServer.with { right in
        let client = try client([target(wrong), target(right)])
        try await client.connect()
        _ = try await client.unary(TestMethods.echo, ByteBuffer())
        await client.close()
      }
    }
  }

  @Test("when nobody answers, all reasons are told")
  func nobody() async throws {
    let client = try client(Self.nobody)
    let error = await #expect(throws: RPCConnectError.self) { try await client.connect() }
    #expect(error?.kind == .unreachable)
    for target in Self.nobody {
      #expect(error?.reason.contains("\(target): connection refused") == true)
    }
    let call = await #expect(throws: RPCStatus.self) {
      try await client.unary(TestMethods.echo, ByteBuffer())
    }
    #expect(call?.code == .unavailable)
    await client.close()
  }

  @Test("a call that waits goes through several rounds, until its time is up")
  func rounds() async throws {
    let client = try client(Self.nobody)
    let error = await #expect(throws: RPCStatus.self) {
      try await client.unary(
        TestMethods.echo, ByteBuffer(),
        options: RPCCallOptions(timeout: .milliseconds(300), waitForReady: true))
    }
    #expect(error?.code == .deadlineExceeded)
    await client.close()
  }
}
