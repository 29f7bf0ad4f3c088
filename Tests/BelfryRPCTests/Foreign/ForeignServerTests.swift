import BelfryIdentity
import BelfryNet
import BelfryRPC
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Our client against other people's servers, mutual TLS.
@Suite struct ForeignServerTests {
  private static func client(
    _ port: Int, options: RPCClient.Options = .patient
  ) throws -> RPCClient {
    var options = options
    options.backoffFirst = .milliseconds(10)
    options.backoffMax = .milliseconds(20)
    return try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: port),
      tls: TestServer.certificates.get().member(.worker, "w1"),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, options: options)
  }

  private func with(
    _ peer: ForeignPeer, pingInterval: Int = 300_000, options: RPCClient.Options = .patient,
    _ body: (RPCClient, ForeignServer) async throws -> Void
  ) async throws {
    let files = try TestServer.certificates.get().folder(.coordinator, "c1")
    let command = try peer.server(identity: files.folder, pingInterval: pingInterval)
    try await ForeignServer.with(command) { server, port in
      let client = try Self.client(port, options: options)
      try await body(client, server)
      await client.close()
    }
  }

  private static func options(
    _ timeout: Duration = .seconds(60), metadata: Metadata = Metadata(), compresses: Bool = false
  ) -> RPCCallOptions {
    RPCCallOptions(
      timeout: timeout, metadata: metadata, encoding: .protobuf, compresses: compresses)
  }

  private func echoes(_ client: RPCClient) async throws -> Bool {
    let message = ByteBuffer(string: "alive")
    return try await client.unary(TestMethods.echo, message, options: Self.options()).message
      == message
  }

  @Test("unary calls: sizes, metadata, statuses", arguments: ForeignPeer.present)
  func unary(_ peer: ForeignPeer) async throws {
    try await with(peer) { client, _ in
      for size in [0, 64, 1_024 * 1_024] {
        let message = ByteBuffer(repeating: 7, count: size)
        let reply = try await client.unary(TestMethods.echo, message, options: Self.options())
        #expect(reply.message == message, "\(size) bytes")
      }
      var metadata = Metadata()
      metadata.add("text", "one")
      metadata.add("text", "two")
      metadata.add("blob-bin", bytes: [0, 255, 7])
      let reply = try await client.unary(
        TestMethods.metadata, ByteBuffer(), options: Self.options(metadata: metadata))
      #expect(reply.initialMetadata.text("first") == "1")
      #expect(reply.trailingMetadata.all("got-text") == [.text("one"), .text("two")])
      #expect(reply.trailingMetadata.bytes("got-blob-bin") == [0, 255, 7])
      for text in ["plain", "50 % ☂\n", "a%20b"] {
        await #expect(throws: RPCStatus(.aborted, text)) {
          try await client.unary(
            TestMethods.fail, ByteBuffer(string: text), options: Self.options())
        }
      }
      // Trailers only.
      let error = await #expect(throws: RPCStatus.self) {
        let method = MethodDescriptor(service: TestMethods.echo.service, method: "Nothing")
        _ = try await client.unary(method, ByteBuffer(), options: Self.options())
      }
      #expect(error?.code == .unimplemented)
    }
  }

  @Test("streams of every kind", arguments: ForeignPeer.present)
  func streams(_ peer: ForeignPeer) async throws {
    try await with(peer) { client, _ in
      var index = 0
      for try await message in client.serverStream(
        TestMethods.count, ByteBuffer(string: "500"), options: Self.options())
      {
        #expect(message == ByteBuffer(repeating: UInt8(index % 256), count: 1_024))
        index += 1
      }
      #expect(index == 500)

      let (parts, joined) = client.stream(TestMethods.concatenate, options: Self.options())
      for _ in 0..<1_000 {
        try await parts.sendWhenFree(ByteBuffer(repeating: 1, count: 2_000))
      }
      parts.finish()
      var answers: [ByteBuffer] = []
      for try await message in joined { answers.append(message) }
      #expect(answers == [ByteBuffer(repeating: 1, count: 2_000_000)])

      let (requests, replies) = client.stream(TestMethods.chat, options: Self.options())
      var iterator = replies.makeAsyncIterator()
      for size in 0..<100 {
        let message = ByteBuffer(repeating: 2, count: size * 100)
        try await requests.sendWhenFree(message)
        #expect(try await iterator.next() == message)
      }
      requests.finish()
      #expect(try await iterator.next() == nil)

      let (nothing, none) = client.stream(TestMethods.chat, options: Self.options())
      nothing.finish()
      var empty = none.makeAsyncIterator()
      #expect(try await empty.next() == nil)
    }
  }

  @Test("deadlines and cancellations", arguments: ForeignPeer.present)
  func endings(_ peer: ForeignPeer) async throws {
    try await with(peer) { client, _ in
      let late = await #expect(throws: RPCStatus.self) {
        try await client.unary(
          TestMethods.hang, ByteBuffer(), options: Self.options(.milliseconds(200)))
      }
      #expect(late?.code == .deadlineExceeded)
      let task = Task {
        try await client.unary(TestMethods.hang, ByteBuffer(), options: Self.options())
      }
      task.cancel()
      let cancelled = await #expect(throws: RPCStatus.self) { try await task.value }
      #expect(cancelled?.code == .cancelled)
      do {
        let replies = client.serverStream(
          TestMethods.count, ByteBuffer(string: "1000000"), options: Self.options())
        var iterator = replies.makeAsyncIterator()
        _ = try await iterator.next()
        replies.cancel()
        let ended = await #expect(throws: RPCStatus.self) {
          while try await iterator.next() != nil {}
        }
        #expect(ended?.code == .cancelled)
      }
      let isAlive = try await echoes(client)
      #expect(isAlive)
    }
  }

  @Test("gzip, both ways")
  func gzip() async throws {
    try await with(.grpcio) { client, _ in
      let message = ByteBuffer(repeating: 7, count: 1_024 * 1_024)
      let packed = MethodDescriptor(service: TestMethods.echo.service, method: "Packed")
      for (method, compresses) in [(TestMethods.echo, true), (packed, false), (packed, true)] {
        let reply = try await client.unary(
          method, message, options: Self.options(compresses: compresses))
        #expect(reply.message == message)
      }
    }
  }

  @Test(
    "a server that leaves lets a stream finish and takes no new call",
    arguments: ForeignPeer.present.filter { $0 != .grpclib })
  func shutdown(_ peer: ForeignPeer) async throws {
    try await with(peer) { client, server in
      let (facts, received) = (TestFacts(), Mutex<[ByteBuffer]>.Box())
      let writer = client.events(TestMethods.chat, options: Self.options()) { _ in
        CollectingEvents(facts, received)
      }
      writer.send(ByteBuffer(string: "before"))
      #expect(await eventually { received.value.withLock { $0.count } == 1 })
      server.terminate()
      #expect(await eventually { facts.has("going away") })
      let error = await #expect(throws: RPCStatus.self) {
        try await client.unary(TestMethods.echo, ByteBuffer(), options: Self.options())
      }
      #expect(error?.code == .unavailable)
      writer.send(ByteBuffer(string: "after"))
      #expect(await eventually { received.value.withLock { $0.count } == 2 })
      writer.finish()
      #expect(await eventually { facts.has("closed ok (finished)") })
    }
  }

  /// A stream that is still there after so long a silence.
  private func survives(_ silence: Duration, _ client: RPCClient) async throws -> Bool {
    let (requests, replies) = client.stream(TestMethods.chat, options: Self.options())
    var iterator = replies.makeAsyncIterator()
    do {
      requests.send(ByteBuffer(string: "before"))
      _ = try await iterator.next()
      try await Task.sleep(for: silence)
      requests.send(ByteBuffer(string: "after"))
      return try await iterator.next() == ByteBuffer(string: "after")
    } catch let status as RPCStatus {
      #expect(status.code == .unavailable)
      return false
    }
  }

  @Test("PINGs that the server allows keep the connection")
  func keepalive() async throws {
    var options = RPCClient.Options.patient
    options.keepalive = RPCKeepalive(time: .milliseconds(30))
    try await with(.grpcio, pingInterval: 10, options: options) { client, _ in
      let survived = try await survives(.milliseconds(500), client)
      #expect(survived)
    }
  }

  @Test("a client that is told that it pings too often does so less")
  func tooManyPings() async throws {
    var options = RPCClient.Options.patient
    options.keepalive = RPCKeepalive(time: .milliseconds(30))
    try await with(.grpcio, options: options) { client, _ in
      // On a busy machine a silence may pass with fewer PINGs than are too many.
      var refusals = 0
      for _ in 0..<20 {
        if try await !survives(.milliseconds(500), client) {
          refusals += 1
        } else if refusals > 0 {
          break
        }
      }
      // 30 ms are doubled until three of them are more than the silence.
      #expect((1...9).contains(refusals))
    }
  }

  @Test("a server that is no gRPC server is told from one that is")
  func nghttpd() async throws {
    let files = try TestServer.certificates.get().folder(.coordinator, "c1")
    let root = files.folder + "-root"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: root + "/files", withDestinationPath: files.folder)
    let port = try await freePort()
    let command: ForeignPeer.Command = (
      "/usr/sbin/nghttpd",
      [
        "-a", "127.0.0.1", "-d", root, "--trailer", "grpc-status: 0", "\(port)",
        files.keyPath, files.certificatePath,
      ]
    )
    try await ForeignServer.with(command) { _ in
      let client = try Self.client(port)
      #expect(await eventually { (try? await client.connect()) != nil })
      for (method, code, words) in [
        ("nothing", RPCStatus.Code.unimplemented, "HTTP status 404"),
        // With HTTP 200, and OK in the trailers.
        ("ca.pem", .unknown, "is no gRPC answer"),
      ] {
        let method = MethodDescriptor(service: "files", method: method)
        for isStream in [false, true] {
          let error = await #expect(throws: RPCStatus.self) {
            if isStream {
              for try await _ in client.serverStream(
                method, ByteBuffer(), options: Self.options())
              {}
            } else {
              _ = try await client.unary(method, ByteBuffer(), options: Self.options())
            }
          }
          #expect(error?.code == code)
          #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
      }
      await client.close()
    }
  }

  /// A port of loopback that nobody had a moment ago.
  private func freePort() async throws -> Int {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    defer { listener.close(promise: nil) }
    return try #require(listener.localAddress?.port)
  }
}
