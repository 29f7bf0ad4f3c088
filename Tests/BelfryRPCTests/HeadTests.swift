import BelfryIdentity
import BelfryNet
import BelfryRPC
import NIOCore
import Testing

/// The header lists of a call as they are on the wire: what a server takes, and what it sends.
@Suite struct HeadTests {
  private func with(_ body: (CrookedClient) async throws -> Void) async throws {
    try await TestServer.with { server in
      let client = try await CrookedClient(
        server.port, tls: try TestServer.certificates.get().member(.worker, "crook"))
      try await body(client)
      await client.close()
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  /// What a handler saw under `name`, as the method that reflects metadata sends it back.
  @Test(
    "metadata is taken in every form that gRPC allows",
    arguments: [
      ("padded", "a-bin", ["AP8="], ["AP8"]), ("unpadded", "a-bin", ["AP8"], ["AP8"]),
      ("joined", "a-bin", ["AP8=,AQ"], ["AP8", "AQ"]),
      ("joined with spaces", "a-bin", ["AP8= , AQ=="], ["AP8", "AQ"]),
      ("joined and repeated", "a-bin", ["AP8,AQ", "Ag"], ["AP8", "AQ", "Ag"]),
      ("empty bytes", "a-bin", [""], [""]), ("not Base64", "a-bin", ["***", "AQ"], ["AQ"]),
      ("repeated", "a", ["1", "2", "1"], ["1", "2", "1"]),
      ("commas stay in text", "a", ["1,2"], ["1,2"]), ("empty text", "a", [""], [""]),
      ("all characters of a name", "0z_.-", ["1"], ["1"]),
    ] as [(String, String, [String], [String])])
  func metadata(name: String, key: String, sent: [String], got: [String]) async throws {
    try await with { client in
      let stream = client.request(
        CrookedClient.fields(
          [":path": TestMethods.metadata.path], extra: sent.map { (name: key, value: $0) }))
      #expect(await client.exchange(stream))
      #expect(client.value("grpc-status", on: stream) == "0")
      #expect(client.values("got-" + key, on: stream) == got)
    }
  }

  @Test("a value that HTTP allows and gRPC does not is no error")
  func oddValue() async throws {
    try await with { client in
      let stream = client.request(
        CrookedClient.fields([":path": TestMethods.echo.path, "a": "ü\u{9}☺"]))
      #expect(await client.exchange(stream))
      #expect(client.value("grpc-status", on: stream) == "0")
    }
  }

  @Test(
    "a malformed request is reset and the connection stays",
    arguments: [
      ["te": "gzip"], [":path": ""], ["connection": "close"],
      ["content-length": "1"], ["a": "1\n2"],
    ])
  func malformed(changes: [String: String]) async throws {
    try await with { client in
      let stream = client.request(CrookedClient.fields(changes))
      #expect(await client.exchange(stream))
      #expect(stream.flatMap { client.endings[$0.id] } == .protocolError)
      let next = client.request(CrookedClient.fields())
      #expect(await client.exchange(next))
      #expect(client.value("grpc-status", on: next) == "0")
    }
  }

  @Test(
    "an answer without a message is one header list",
    arguments: [
      ["grpc-encoding": "snappy"], [":path": "/a.B/C"], ["grpc-timeout": "x"],
      ["content-type": "application/grpc"], [":path": TestMethods.fail.path],
      [":path": TestMethods.crash.path],
    ])
  func trailersOnly(changes: [String: String]) async throws {
    try await with { client in
      let stream = client.request(CrookedClient.fields(changes))
      #expect(await client.exchange(stream))
      let lists = client.answers.filter { $0.stream == stream?.id }
      #expect(lists.count == 1)
      #expect(client.value(":status", on: stream) == "200")
      #expect(client.value("content-type", on: stream)?.hasPrefix("application/grpc") == true)
      #expect(client.value("grpc-status", on: stream) != nil)
      #expect(client.value("grpc-message", on: stream) != nil)
    }
  }

  @Test("an answer with a message is a head, the message and trailers that say OK")
  func whole() async throws {
    try await with { client in
      let stream = client.request(CrookedClient.fields())
      #expect(await client.exchange(stream))
      let lists = client.answers.filter { $0.stream == stream?.id }.map(\.headers)
      #expect(lists.count == 2)
      #expect(lists.first?.first("grpc-status") == nil)
      #expect(lists.last?.first("grpc-status") == "0")
      #expect(lists.last?.first(":status") == nil)
    }
  }

  @Test(
    "grpc-message is percent-encoded",
    arguments: [
      ("100 %", "100 %25"), ("☺", "%E2%98%BA"), ("a\nb\u{7F}", "a%0Ab%7F"), ("~ !$&", "~ !$&"),
    ])
  func message(text: String, coded: String) async throws {
    try await with { client in
      let stream = client.request(
        CrookedClient.fields([":path": TestMethods.fail.path]),
        messages: [ByteBuffer(string: text)])
      #expect(await client.exchange(stream))
      #expect(client.value("grpc-message", on: stream) == coded)
    }
  }

  @Test("whose answer is complete before the request is told to stop, without an error")
  func early() async throws {
    try await with { client in
      let stream = client.request(CrookedClient.fields([":path": "/a.B/C"]), end: false)
      #expect(await client.exchange(stream))
      #expect(client.value("grpc-status", on: stream) == "12")
      #expect(stream.flatMap { client.endings[$0.id] } == .noError)
    }
  }

  @Test("metadata of an answer without a message goes with the status, all of it")
  func bothMetadata() async throws {
    let method = MethodDescriptor(service: "belfry.test.Metadata", method: "Fail")
    try await TestServer.with(
      router: { router, _ in
        router.register(
          method,
          .unary { (context, _) throws(RPCStatus) in
            var metadata = Metadata()
            metadata.add("first", "1")
            context.setInitialMetadata(metadata)
            metadata = Metadata()
            metadata.add("last", "2")
            context.setTrailingMetadata(metadata)
            metadata = Metadata()
            metadata.add("thrown", "3")
            throw RPCStatus(.aborted, "no", metadata: metadata)
          })
      }
    ) { server in
      try await server.withClient { client in
        let error = await #expect(throws: RPCStatus.self) {
          try await client.unary(method, ByteBuffer())
        }
        #expect(error?.metadata.text("first") == "1")
        #expect(error?.metadata.text("last") == "2")
        #expect(error?.metadata.text("thrown") == "3")
      }
    }
  }

  @Test("a request may end with a header list of its own")
  func requestTrailers() async throws {
    try await with { client in
      let stream = client.request(CrookedClient.fields(), end: false)
      await client.flush()
      await client.send(RawFrame.headers(stream?.id ?? 1, [("x", "1")], end: true))
      #expect(await client.answered(stream))
      #expect(client.value("grpc-status", on: stream) == "0")
    }
  }
}
