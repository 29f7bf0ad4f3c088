import BelfryNet
import BelfryRPC
import NIOCore
import Synchronization
import Testing

/// Every kind of call over real sockets, TLS and certificates.
@Suite struct CallTests {
  @Test("a unary call is answered", arguments: [TestMethods.echo, TestMethods.echoAsync])
  func unary(method: MethodDescriptor) async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        for size in [0, 1, 5, 4_096, 4_097, 70_000, 4 * 1_024 * 1_024] {
          let message = ByteBuffer(repeating: 7, count: size)
          let reply = try await client.unary(method, message)
          #expect(reply.message == message, "\(size) bytes")
        }
      }
      #expect(!server.facts.has("off loop"))
    }
  }

  @Test("many calls at once share a connection")
  func parallel() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for index in 0..<1_000 {
            group.addTask {
              let message = ByteBuffer(string: "call \(index)")
              let method = index % 2 == 0 ? TestMethods.echo : TestMethods.echoAsync
              let reply = try await client.unary(method, message)
              #expect(reply.message == message)
            }
          }
          try await group.waitForAll()
        }
      }
    }
  }

  @Test(
    "a status and its message arrive as they were thrown",
    arguments: ["plain", "", "100 % of ☺ and \n\t\r", "%zz%4", "ünï"])
  func status(text: String) async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        await #expect(throws: RPCStatus(.aborted, text)) {
          try await client.unary(TestMethods.fail, ByteBuffer(string: text))
        }
      }
    }
  }

  @Test("an error that is no status is unknown, and its text stays on the server")
  func unknown() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        await #expect(throws: RPCStatus(.unknown, "the handler failed")) {
          try await client.unary(TestMethods.crash, ByteBuffer())
        }
      }
    }
  }

  @Test("metadata travels both ways, text and bytes; the peer is who its certificate says")
  func metadata() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        var metadata = Metadata()
        metadata.add("Trace", "abc")
        metadata.add("trace", "def")
        metadata.add("blob-bin", bytes: [0, 255, 7])
        metadata.add("empty-bin", bytes: [])
        let reply = try await client.unary(
          TestMethods.metadata, ByteBuffer(), options: RPCCallOptions(metadata: metadata))
        #expect(reply.initialMetadata.text("first") == "1")
        let trailing = reply.trailingMetadata
        #expect(trailing.all("got-trace") == [.text("abc"), .text("def")])
        #expect(trailing.bytes("got-blob-bin") == [0, 255, 7])
        #expect(trailing.bytes("got-empty-bin") == [])
        #expect(trailing.text("peer") == "spiffe://test/worker/w1")
      }
    }
  }

  @Test("an unknown method is unimplemented")
  func unknownMethod() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let method = MethodDescriptor(service: "belfry.test.Everything", method: "Nothing")
        let error = await #expect(throws: RPCStatus.self) {
          try await client.unary(method, ByteBuffer())
        }
        #expect(error?.code == .unimplemented)
      }
    }
  }

  @Test("a deadline ends the call on both sides")
  func deadline() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        try await client.connect()
        let error = await #expect(throws: RPCStatus.self) {
          try await client.unary(
            TestMethods.hang, ByteBuffer(),
            options: RPCCallOptions(timeout: .milliseconds(500)))
        }
        #expect(error?.code == .deadlineExceeded)
        #expect(await eventually { server.facts.has("hang cancelled") })
        let isAlive = try await server.answers()
        #expect(isAlive)
      }
    }
  }

  @Test("a task that is cancelled before it makes its call hears so")
  func cancelledBefore() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        try await client.connect()
        let task = Task {
          while !Task.isCancelled { await Task.yield() }
          _ = try await client.unary(TestMethods.echo, ByteBuffer())
        }
        task.cancel()
        let error = await #expect(throws: RPCStatus.self) { try await task.value }
        #expect(error?.code == .cancelled)
      }
    }
  }

  @Test("a cancelled task cancels the call and the handler")
  func cancellation() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let task = Task { try await client.unary(TestMethods.hang, ByteBuffer()) }
        #expect(await eventually { server.facts.has("hang began") })
        task.cancel()
        let error = await #expect(throws: RPCStatus.self) { try await task.value }
        #expect(error?.code == .cancelled)
        #expect(await eventually { server.facts.has("hang cancelled") })
      }
    }
  }

  @Test("a server stream arrives in order, and slows its writer when nobody reads")
  func serverStream() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let replies = client.serverStream(TestMethods.count, ByteBuffer(string: "10000"))
        var iterator = replies.makeAsyncIterator()
        #expect(try await iterator.next() == ByteBuffer(repeating: 0, count: 1_024))
        // 10 MB are wanted; windows and writer hold well below 2 MB of it.
        #expect(await eventually { server.facts.has("count 500") })
        try await Task.sleep(for: .milliseconds(100))
        #expect(!server.facts.has("count 2000"))
        var index = 1
        while let message = try await iterator.next() {
          #expect(message.getInteger(at: message.readerIndex) == UInt8(truncatingIfNeeded: index))
          index += 1
        }
        #expect(index == 10_000)
      }
    }
  }

  @Test("dropping a server stream cancels it")
  func droppedStream() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        do {
          let replies = client.serverStream(TestMethods.count, ByteBuffer(string: "1000000"))
          var iterator = replies.makeAsyncIterator()
          _ = try await iterator.next()
        }
        #expect(await eventually { server.facts.has("count stopped") })
      }
    }
  }

  @Test("a client stream is slowed to its reader's pace, and answered once")
  func clientStream() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let (requests, replies) = client.stream(TestMethods.concatenate)
        for _ in 0..<2_000 {
          try await requests.sendWhenFree(ByteBuffer(repeating: 1, count: 2_000))
        }
        requests.finish()
        var messages: [ByteBuffer] = []
        for try await message in replies { messages.append(message) }
        #expect(messages == [ByteBuffer(repeating: 1, count: 4_000_000)])
      }
    }
  }

  @Test("what a handler does not read stays with its sender")
  func slowReader() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let (requests, replies) = client.stream(TestMethods.readLate)
        let sent = Array(repeating: ByteBuffer(repeating: 1, count: 100_000), count: 100)
        #expect(!requests.send(contentsOf: sent))
        #expect(await eventually { server.facts.has("not reading") })
        #expect(await eventually { requests.queuedBytes < 10_000_000 })
        // Long enough for all of it to go, were it not held back (10 MB take 30 ms here).
        try await Task.sleep(for: .milliseconds(300))
        #expect(requests.queuedBytes > 9_000_000)
        server.facts.add("read now")
        requests.finish()
        var iterator = replies.makeAsyncIterator()
        #expect(try await iterator.next() == ByteBuffer(string: "10000000"))
        #expect(try await iterator.next() == nil)
      }
    }
  }

  @Test("a bidirectional stream answers while it is asked")
  func bidirectional() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let (requests, replies) = client.stream(TestMethods.chat)
        var iterator = replies.makeAsyncIterator()
        for index in 0..<100 {
          try await requests.sendWhenFree(ByteBuffer(integer: index))
          #expect(try await iterator.next() == ByteBuffer(integer: index))
        }
        requests.finish()
        #expect(try await iterator.next() == nil)
      }
    }
  }

  @Test("an event stream brings batches in order, from any thread, and ends with a status")
  func events() async throws {
    try await TestServer.with { server in
      try await server.withClient { client in
        let facts = TestFacts()
        let received = Mutex<[ByteBuffer]>.Box()
        let writer = client.events(TestMethods.events) { _ in CollectingEvents(facts, received) }
        let sent = (0..<20_000).map { ByteBuffer(integer: $0) }
        for start in stride(from: 0, to: sent.count, by: 100) {
          writer.send(contentsOf: Array(sent[start..<(start + 100)]))
        }
        writer.finish()
        #expect(await eventually { facts.has("closed ok (finished)") })
        #expect(received.value.withLock { $0 } == sent)
        #expect(facts.all.count < 10_000, "messages come in batches")
        #expect(await eventually { server.facts.has("events closed ok (finished)") })
      }
    }
  }
}
