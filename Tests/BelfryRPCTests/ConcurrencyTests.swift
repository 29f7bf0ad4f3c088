import BelfryIdentity
import BelfryNet
import BelfryRPC
import NIOCore
import NIOPosix
import Testing

/// As many calls at once as a server allows, and what becomes of the others.
@Suite struct ConcurrencyTests {
  private static var limits: RPCLimits {
    var limits = RPCLimits.patient
    limits.http2.concurrentStreamsMax = 2
    return limits
  }

  @Test("calls above what the server allows wait for their turn, and all are answered")
  func turns() async throws {
    try await TestServer.with(limits: Self.limits) { server in
      try await server.withClient { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for index in 0..<100 {
            group.addTask {
              let message = ByteBuffer(integer: index)
              let reply = try await client.unary(TestMethods.echoAsync, message)
              #expect(reply.message == message)
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test("streams above the limit are refused, those below it live on")
  func refused() async throws {
    try await TestServer.with(limits: Self.limits) { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      // A proper client would wait: these three are sent raw, behind its preface.
      let first = client.request(
        CrookedClient.fields([":path": TestMethods.events.path]), end: false)
      await client.flush()
      let head = CrookedServerTests.Fields([
        (":method", "POST"), (":scheme", "https"), (":path", TestMethods.echo.path),
        (":authority", "test"), ("content-type", "application/grpc+belfry"),
      ])
      for stream in [Int32(3), 5, 7] { await client.send(RawFrame.headers(stream, head)) }
      // What is above the limit is answered by RST_STREAM(REFUSED_STREAM), which a client that has
      // never heard of these streams takes for a mistake; so it is looked for in the bytes.
      let refusals = [Int32(5), 7].map { RawFrame.reset($0, 7) }
      var bytes = ByteBuffer()
      #expect(
        await eventually {
          var new = client.received()
          bytes.writeBuffer(&new)
          return refusals.allSatisfy { bytes.readableBytesView.contains($0.readableBytesView) }
        })
      #expect(!bytes.readableBytesView.contains(RawFrame.reset(3, 7).readableBytesView))
      #expect(first != nil)
      let isAlive = try await server.answers()
      #expect(isAlive)
      await client.close()
    }
  }

  @Test("more calls than may wait for a connection are told so at once")
  func waiting() async throws {
    var options = RPCClient.Options.patient
    options.waitingCallsMax = 3
    // Nobody listens there.
    let client = try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: 1),
      tls: TestServer.certificates.get().member(.worker, "w"),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, options: options)
    let codes = await withTaskGroup(of: RPCStatus.Code.self) { group in
      for _ in 0..<5 {
        group.addTask {
          await CrookedServerTests.result { () async throws(RPCStatus) in
            try await client.unary(
              TestMethods.echo, ByteBuffer(),
              options: RPCCallOptions(timeout: .milliseconds(500), waitForReady: true))
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(codes.count { $0 == .resourceExhausted } == 2)
    #expect(codes.count { $0 == .deadlineExceeded } == 3)
    await client.close()
  }
}
