import BelfryIdentity
import BelfryNet
import NIOCore
import Testing

@testable import BelfryRPC

/// gzip, both ways, and what is not gzip.
@Suite struct CompressionTests {
  private static let zip = MethodDescriptor(service: "belfry.test.Zip", method: "Echo")
  private static let zips = MethodDescriptor(service: "belfry.test.Zip", method: "Stream")

  /// Methods that pack their answers.
  private static func register(_ router: inout RPCRouter, _ facts: TestFacts) {
    router.register(
      zip,
      .unary { context, message in
        context.compressReplies()
        return message
      })
    router.register(
      zips,
      .bidirectional { context, messages, writer in
        context.compressReplies()
        for try await message in messages { try await writer.sendWhenFree(message) }
      })
  }

  private func with(
    limits: RPCLimits = .patient, _ body: (CrookedClient, TestServer) async throws -> Void
  ) async throws {
    try await TestServer.with(limits: limits, router: Self.register) { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      try await body(client, server)
      await client.close()
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  private static func noise(_ count: Int) -> ByteBuffer {
    var random = SeededRandom(seed: 7)
    return ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  @Test("what is packed is what was", arguments: [19, 20, 100, 65_535, 65_536, 65_537, 1_000_000])
  func roundTrip(count: Int) throws {
    let message = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 / 300) })
    guard let packed = Gzip.compress(message) else {
      #expect(count < 100, "long runs become smaller")
      return
    }
    #expect(packed.readableBytes < message.readableBytes)
    #expect(try Gzip.decompress(packed, bytesMax: count) == message)
    #expect(throws: RPCStatus.self) { try Gzip.decompress(packed, bytesMax: count - 1) }
  }

  @Test("what does not become smaller is left as it is", arguments: [0, 1, 18, 5_000])
  func noise(count: Int) { #expect(Gzip.compress(Self.noise(count)) == nil) }

  @Test("a bomb ends at the limit")
  func bomb() throws {
    let packed = try #require(Gzip.compress(ByteBuffer(repeating: 0, count: 64 * 1_024 * 1_024)))
    #expect(packed.readableBytes < 400_000)
    let error = #expect(throws: RPCStatus.self) {
      try Gzip.decompress(packed, bytesMax: 100_000)
    }
    #expect(error?.code == .resourceExhausted)
  }

  @Test("what is cut, changed or followed by more is no gzip")
  func broken() throws {
    var text = Self.noise(100)
    text.writeImmutableBuffer(text)
    text.writeBytes((0..<100).map { UInt8($0) })
    let packed = try #require(Gzip.compress(text))
    let bytes = Array(packed.readableBytesView)
    var broken = (0..<bytes.count).map { Array(bytes[..<$0]) }
    broken.append(bytes + [0])
    broken.append(bytes + bytes)
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0x10
      // Time, flags of the packer and system are no part of the check.
      if !(4...9).contains(index) { broken.append(changed) }
    }
    for bytes in broken {
      do throws(RPCStatus) {
        // A bit that means nothing (there are some before the check) may differ.
        let message = try Gzip.decompress(ByteBuffer(bytes: bytes), bytesMax: 1_000_000)
        #expect(message == text && bytes.count == packed.readableBytes)
      } catch {
        #expect(error.code == .internal)
      }
    }
  }

  @Test("a name of a coding is read as it stands")
  func names() {
    #expect(MessageCoding.requested(by: "gzip".utf8) == .coding(.gzip))
    #expect(MessageCoding.requested(by: "identity".utf8) == .coding(nil))
    for name in ["", "GZIP", "gzip,identity", "deflate", "gzi"] {
      #expect(MessageCoding.requested(by: name.utf8) == .unknown)
    }
    for list in ["gzip", "identity,gzip", "identity, deflate, gzip", " gzip ,x"] {
      #expect(MessageCoding.gzip.isAccepted(by: Array(list.utf8)))
    }
    for list in ["", "identity", "gzipped", "x-gzip", ","] {
      #expect(!MessageCoding.gzip.isAccepted(by: Array(list.utf8)))
    }
  }

  @Test(
    "calls are packed when the client or the call says so", arguments: [true, false], [true, false])
  func calls(client: Bool, call: Bool) async throws {
    var options = RPCClient.Options.patient
    options.compresses = client
    try await TestServer.with(router: Self.register) { server in
      try await server.withClient(options: options) { client in
        for count in [0, 5, 5_000, 4_000_000] {
          let message = ByteBuffer(repeating: 7, count: count)
          for method in [Self.zip, TestMethods.echo, TestMethods.echoAsync] {
            let reply = try await client.unary(
              method, message, options: RPCCallOptions(compresses: call ? true : nil))
            #expect(reply.message == message)
          }
        }
      }
    }
  }

  @Test("streams are packed, and what packing saved is not waited for")
  func streams() async throws {
    try await TestServer.with(router: Self.register) { server in
      try await server.withClient { client in
        let (requests, replies) = client.stream(
          Self.zips, options: RPCCallOptions(compresses: true))
        var iterator = replies.makeAsyncIterator()
        // Each is above what a writer holds: it must become free again though less is sent.
        for index in 0..<20 {
          let message = ByteBuffer(repeating: UInt8(index), count: 300_000)
          try await requests.sendWhenFree(message)
          #expect(try await iterator.next() == message)
        }
        #expect(requests.queuedBytes < 300_000)
        requests.finish()
        #expect(try await iterator.next() == nil)
      }
    }
  }

  @Test(
    "answers are packed only for who takes that",
    arguments: [
      ("gzip", "gzip"), ("identity,deflate,gzip", "gzip"), ("identity", nil), ("", nil),
    ] as [(String, String?)])
  func offered(accepts: String, coding: String?) async throws {
    try await with { client, _ in
      let stream = client.request(
        CrookedClient.fields([":path": Self.zip.path, "grpc-accept-encoding": accepts]),
        messages: [ByteBuffer(repeating: 7, count: 1_000)])
      #expect(await client.exchange(stream))
      #expect(client.value("grpc-encoding", on: stream) == coding)
      #expect(client.value("grpc-accept-encoding", on: stream) == "identity,gzip")
      #expect(client.value("grpc-status", on: stream) == "0")
    }
  }

  /// A message with the compressed flag.
  private static func flagged(_ message: ByteBuffer) -> [UInt8] {
    var bytes = ByteBuffer(integer: UInt8(1))
    bytes.writeInteger(UInt32(message.readableBytes))
    bytes.writeImmutableBuffer(message)
    return Array(bytes.readableBytesView)
  }

  @Test("packed requests", arguments: ["good", "bomb", "bad", "plain"])
  func requests(kind: String) async throws {
    var limits = RPCLimits.patient
    limits.messageBytesMax = 100_000
    try await with(limits: limits) { client, _ in
      let count = kind == "bomb" ? 1_000_000 : 1_000
      let packed = try #require(Gzip.compress(ByteBuffer(repeating: 7, count: count)))
      let stream = client.request(
        CrookedClient.fields(["grpc-encoding": "gzip"]), messages: [], end: false)
      await client.flush()
      var body = Self.flagged(kind == "bad" ? ByteBuffer(string: "no gzip") : packed)
      if kind == "plain" { body[0] = 0 }
      // In two frames, so that a message in parts is unpacked too.
      await client.send(RawFrame.data(stream?.id ?? 1, Array(body[..<9])))
      await client.send(RawFrame.data(stream?.id ?? 1, Array(body[9...]), end: true))
      #expect(await client.answered(stream))
      let expected = ["good": "0", "bomb": "8", "bad": "13", "plain": "0"]
      #expect(client.value("grpc-status", on: stream) == expected[kind])
    }
  }

  @Test("what nobody reads stays packed, and is read in order all the same")
  func unread() async throws {
    try await with { client, server in
      // Frames sent raw heed no window: the large one must have been agreed on.
      #expect(await client.exchange(client.request(CrookedClient.fields())))
      let count = 40
      let packed = try #require(Gzip.compress(ByteBuffer(repeating: 7, count: 1_000_000)))
      let stream = client.request(
        CrookedClient.fields([
          ":path": TestMethods.readLate.path, "grpc-encoding": "gzip",
        ]), messages: [], end: false)
      await client.flush()
      let id = stream?.id ?? 1
      for _ in 0..<count { await client.send(RawFrame.data(id, Self.flagged(packed))) }
      // Whoever unpacks this already knows that it is wrong.
      let wrong = Self.flagged(ByteBuffer(string: "no gzip"))
      await client.send(RawFrame.data(id, wrong, end: true))
      // Behind it on the same connection: when this is answered, all that was seen.
      let next = client.request(CrookedClient.fields())
      #expect(await client.exchange(next))
      #expect(client.value("grpc-status", on: stream) == nil)
      server.facts.add("read now")
      #expect(await client.answered(stream))
      #expect(client.value("grpc-status", on: stream) == "13")
    }
  }

  @Test("a stream of packed messages is read to its end", arguments: [1, 40])
  func readLate(count: Int) async throws {
    try await with { client, server in
      // Frames sent raw heed no window: the large one must have been agreed on.
      #expect(await client.exchange(client.request(CrookedClient.fields())))
      let packed = try #require(Gzip.compress(ByteBuffer(repeating: 7, count: 1_000_000)))
      let stream = client.request(
        CrookedClient.fields([
          ":path": TestMethods.readLate.path, "grpc-encoding": "gzip",
        ]), messages: [], end: false)
      await client.flush()
      let id = stream?.id ?? 1
      for index in 1...count {
        await client.send(RawFrame.data(id, Self.flagged(packed), end: index == count))
      }
      server.facts.add("read now")
      #expect(await client.answered(stream))
      #expect(client.value("grpc-status", on: stream) == "0")
    }
  }

  @Test("packed answers", arguments: ["good", "bomb", "bad", "plain"])
  func answers(kind: String) async throws {
    var options = RPCClient.Options.patient
    options.limits.messageBytesMax = 100_000
    let count = kind == "bomb" ? 1_000_000 : 1_000
    let packed = try #require(Gzip.compress(ByteBuffer(repeating: 7, count: count)))
    var body = Self.flagged(kind == "bad" ? ByteBuffer(string: "no gzip") : packed)
    if kind == "plain" { body = [0, 0, 0, 0, 1, 7] }
    let frames = body
    try await CrookedServer.with(options: options) { stream, _ in
      .init(frames: [
        RawFrame.headers(stream, CrookedServerTests.head + [("grpc-encoding", "gzip")]),
        RawFrame.data(stream, Array(frames.prefix(16_000))),
        RawFrame.data(stream, Array(frames.dropFirst(16_000))),
        RawFrame.headers(stream, [("grpc-status", "0")], end: true),
      ])
    } _: { client, _ in
      let code = await CrookedServerTests.result { () async throws(RPCStatus) in
        let reply = try await client.unary(TestMethods.echo, ByteBuffer())
        #expect(reply.message == ByteBuffer(repeating: 7, count: kind == "good" ? 1_000 : 1))
      }
      let expected: [String: RPCStatus.Code] = [
        "good": .ok, "bomb": .resourceExhausted, "bad": .internal, "plain": .ok,
      ]
      #expect(code == expected[kind])
    }
  }
}
