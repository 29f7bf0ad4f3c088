import BelfryNet
import BelfryRPC
import NIOCore
import Testing

/// Answers that no proper server gives: each ends the call with the status that gRPC says, and none
/// does harm.
@Suite struct CrookedServerTests {
  typealias Fields = [(name: String, value: String)]

  static let head: Fields = [(":status", "200"), ("content-type", "application/grpc+belfry")]

  /// "hi", with its prefix.
  static let message: [UInt8] = [0, 0, 0, 0, 2, 0x68, 0x69]

  struct Ending: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Nil: the message arrives.
    let code: RPCStatus.Code?
    var text: String?
    var closes = false
    /// How often the call is made in all.
    var requests = 1
    let frames: @Sendable (Int32) -> [ByteBuffer]

    init(
      _ name: String, _ code: RPCStatus.Code?, text: String? = nil, closes: Bool = false,
      requests: Int = 1, _ frames: @escaping @Sendable (Int32) -> [ByteBuffer]
    ) {
      testDescription = name
      self.code = code
      self.text = text
      self.closes = closes
      self.requests = requests
      self.frames = frames
    }
  }

  /// A proper head, these bytes of a body, and proper trailers.
  private static func body(_ bytes: [UInt8], head: Fields = head)
    -> @Sendable (Int32) -> [ByteBuffer]
  {
    { stream in
      [
        RawFrame.headers(stream, head), RawFrame.data(stream, bytes),
        RawFrame.headers(stream, [("grpc-status", "0")], end: true),
      ]
    }
  }

  /// A proper head and message, and these trailers.
  private static func trailers(_ fields: Fields) -> @Sendable (Int32) -> [ByteBuffer] {
    { stream in
      [
        RawFrame.headers(stream, head), RawFrame.data(stream, message),
        RawFrame.headers(stream, fields, end: true),
      ]
    }
  }

  private static func only(_ fields: Fields) -> @Sendable (Int32) -> [ByteBuffer] {
    { stream in [RawFrame.headers(stream, fields, end: true)] }
  }

  static let bodies: [Ending] = [
    Ending("as it should be", nil, body(message)),
    Ending("1-byte frames", nil) { stream in
      let bytes = [0, 0, 0, 0, 90] + [UInt8](repeating: 7, count: 90)
      return [RawFrame.headers(stream, head)] + bytes.map { RawFrame.data(stream, [$0]) }
        + [RawFrame.headers(stream, [("grpc-status", "0")], end: true)]
    },
    Ending("empty frames", nil) { stream in
      [
        RawFrame.headers(stream, head), RawFrame.data(stream, []), RawFrame.data(stream, message),
        RawFrame.data(stream, []), RawFrame.headers(stream, [("grpc-status", "0")], end: true),
      ]
    },
    Ending("PINGs between", nil) { stream in
      [
        RawFrame.ping(), RawFrame.headers(stream, head), RawFrame.ping(),
        RawFrame.data(stream, message), RawFrame.ping(),
        RawFrame.headers(stream, [("grpc-status", "0")], end: true), RawFrame.ping(),
      ]
    },
    Ending("two messages", .internal, body(message + message)),
    Ending("no message", .internal, body([])),
    Ending("no message, trailers only", .internal, only(head + [("grpc-status", "0")])),
    Ending("cut message", .internal, body(Array(message.dropLast()))),
    Ending("cut prefix", .internal, body([0, 0])),
    Ending("flag 2", .internal, body([2, 0, 0, 0, 0])),
    Ending("compressed without encoding", .internal, body([1, 0, 0, 0, 1, 1])),
    Ending("compressed, identity", .internal, body([1, 0, 0, 0, 1, 1], head: coded("identity"))),
    Ending("unknown encoding", .internal, body(message, head: coded("snappy"))),
    Ending("identity", nil, body(message, head: coded("identity"))),
    Ending("2 GiB", .resourceExhausted, body([0, 128, 0, 0, 0])),
    Ending("4 GiB", .resourceExhausted, body([0, 255, 255, 255, 255])),
  ]

  private static func coded(_ coding: String) -> Fields { head + [("grpc-encoding", coding)] }

  static let statuses: [Ending] = [
    Ending(
      "trailers only", .notFound, text: "x",
      only(head + [("grpc-status", "5"), ("grpc-message", "x")])),
    Ending("separate trailers", .notFound) { stream in
      [
        RawFrame.headers(stream, head),
        RawFrame.headers(stream, [("grpc-status", "5")], end: true),
      ]
    },
    Ending(
      "bad escapes", .aborted, text: "a b☺%zz%4",
      trailers([("grpc-status", "10"), ("grpc-message", "a%20b%E2%98%BA%zz%4")])),
    Ending("trailers without status", .unknown, trailers([("x", "1")])),
    Ending("status abc", .unknown, trailers([("grpc-status", "abc")])),
    Ending("status 99", .unknown, trailers([("grpc-status", "99")])),
    Ending("status -0", .unknown, trailers([("grpc-status", "-0")])),
    Ending("status +0", .unknown, trailers([("grpc-status", "+0")])),
    Ending("status empty", .unknown, trailers([("grpc-status", "")])),
    Ending("status too long", .unknown, trailers([("grpc-status", "00000000000000000000005")])),
    Ending("end on DATA", .unknown) { stream in
      [RawFrame.headers(stream, head), RawFrame.data(stream, message, end: true)]
    },
    Ending("end on the head", .unknown, only(head)),
    Ending("web page", .unknown) { stream in
      [
        RawFrame.headers(stream, [(":status", "200"), ("content-type", "text/html")]),
        RawFrame.data(stream, Array("<html>".utf8), end: true),
      ]
    },
    Ending("web page that says OK in its trailers", .unknown) { stream in
      [
        RawFrame.headers(stream, [(":status", "200"), ("content-type", "text/html")]),
        RawFrame.data(stream, message),
        RawFrame.headers(stream, [("grpc-status", "0")], end: true),
      ]
    },
    Ending("503 that says OK in its trailers", .unavailable) { stream in
      [
        RawFrame.headers(stream, [(":status", "503"), ("content-type", "application/grpc")]),
        RawFrame.data(stream, message),
        RawFrame.headers(stream, [("grpc-status", "0")], end: true),
      ]
    },
    Ending("503 with a status in its trailers", .notFound) { stream in
      [
        RawFrame.headers(stream, [(":status", "503"), ("content-type", "text/html")]),
        RawFrame.headers(stream, [("grpc-status", "5")], end: true),
      ]
    },
    Ending(
      "trailers only, without a content-type", .notFound,
      only([
        (":status", "200"), ("grpc-status", "5"),
      ])),
    Ending(
      "more trailers than we read", .unavailable,
      trailers([("grpc-status", "0")] + (0..<100).map { ("x\($0)", "y") })),
    Ending(
      "503 with a status", .notFound,
      only([(":status", "503"), ("content-type", "application/grpc"), ("grpc-status", "5")])),
    Ending("100 first", nil) { stream in
      [RawFrame.headers(stream, [(":status", "100")])] + body(message)(stream)
    },
    Ending("103 first, twice", nil) { stream in
      let hint = RawFrame.headers(stream, [(":status", "103"), ("link", "x")])
      return [hint, hint] + body(message)(stream)
    },
  ]

  static let mapping: [(Int, RPCStatus.Code)] = [
    (400, .internal), (401, .unauthenticated), (403, .permissionDenied), (404, .unimplemented),
    (429, .unavailable), (431, .internal), (500, .unknown), (502, .unavailable),
    (503, .unavailable), (504, .unavailable), (206, .unknown), (302, .unknown), (418, .unknown),
  ]

  static let http: [Ending] = mapping.map { status, code in
    Ending("HTTP \(status)", code) { stream in
      [
        RawFrame.headers(stream, [(":status", "\(status)"), ("content-type", "text/plain")]),
        RawFrame.data(stream, Array("no".utf8), end: true),
      ]
    }
  }

  static let resets: [Ending] = (0...14).flatMap { number -> [Ending] in
    let code: RPCStatus.Code =
      switch number {
      case 7: .unavailable
      case 8: .cancelled
      case 11: .resourceExhausted
      case 12: .permissionDenied
      default: .internal
      }
    let reset: @Sendable (Int32) -> ByteBuffer = { RawFrame.reset($0, UInt32(number)) }
    return [
      Ending("RST \(number) at once", code, requests: number == 7 ? 2 : 1) { [reset($0)] },
      Ending("RST \(number) after the head", code) { [RawFrame.headers($0, head), reset($0)] },
      Ending("RST \(number) in a message", code) {
        [RawFrame.headers($0, head), RawFrame.data($0, [0, 0, 0, 0, 9, 1]), reset($0)]
      },
      Ending("RST \(number) after the message", code) {
        [RawFrame.headers($0, head), RawFrame.data($0, message), reset($0)]
      },
    ]
  }

  static let connections: [Ending] = [
    Ending("closed at once", .unavailable, closes: true) { _ in [] },
    Ending("closed in a message", .unavailable, closes: true) {
      [RawFrame.headers($0, head), RawFrame.data($0, [0, 0, 0, 0, 9, 1])]
    },
    Ending("RST NO_ERROR behind the answer", nil) { body(message)($0) + [RawFrame.reset($0, 0)] },
    Ending("GOAWAY above, then the reply", nil) { stream in
      [RawFrame.goAway(last: stream)] + body(message)(stream)
    },
    Ending("GOAWAY of the highest, then the reply", nil) { stream in
      [RawFrame.goAway(last: .max)] + body(message)(stream)
    },
    Ending("a stream of their own", .unavailable) { _ in
      [RawFrame.headers(2, head, end: true)]
    },
  ]

  @Test("endings", arguments: bodies + statuses + http + resets + connections)
  func ending(_ ending: Ending) async throws {
    try await CrookedServer.with { stream, _ in
      .init(frames: ending.frames(stream), closes: ending.closes)
    } _: { client, server in
      do throws(RPCStatus) {
        // The time-out is only so that a call that hangs is seen.
        let reply = try await client.unary(
          TestMethods.echo, ByteBuffer(), options: RPCCallOptions(timeout: .seconds(30)))
        #expect(ending.code == nil, "\(ending.testDescription): \(reply.message)")
      } catch {
        #expect(error.code == ending.code, "\(ending.testDescription): \(error)")
        if let text = ending.text { #expect(error.message == text) }
      }
      #expect(server.requests == ending.requests)
    }
  }

  @Test("a call that GOAWAY says was not processed is made again, once, elsewhere")
  func goAwayBelow() async throws {
    for refusals in 1...2 {
      try await CrookedServer.with { stream, request in
        if request <= refusals { return .init(frames: [RawFrame.goAway(last: 0)], closes: true) }
        return .init(frames: Self.body(Self.message)(stream))
      } _: { client, server in
        let result = await Self.result { () async throws(RPCStatus) in
          try await client.unary(TestMethods.echo, ByteBuffer())
        }
        #expect(result == (refusals == 1 ? .ok : .unavailable))
        #expect(server.requests == 2)
        #expect(server.connections == 2)
      }
    }
  }

  /// gRPC's C core does so when its own deadline answers first.
  @Test("a server that says nothing of its header table")
  func silentTable() async throws {
    try await CrookedServer.with { stream, _ in
      .init(frames: [
        RawFrame.headers(
          stream, Self.head + [("grpc-status", "5")], end: true, confirmsTable: false)
      ])
    } _: { client, server in
      for _ in 0..<2 {
        let result = await Self.result { () async throws(RPCStatus) in
          try await client.unary(TestMethods.echo, ByteBuffer())
        }
        #expect(result == .notFound)
      }
      #expect(server.connections == 1)
    }
  }

  /// The connection has failed with the first answer and is not yet closed when the second call comes.
  @Test("a call after a failure goes to another connection")
  func failedConnection() async throws {
    try await CrookedServer.with { stream, request in
      let answer = Self.body(Self.message)(stream)
      let noHeaders = RawFrame.frame(1, flags: 5, stream: stream + 2, [0xFF, 0x70])
      return .init(frames: request == 1 ? answer + [noHeaders] : answer)
    } _: { client, server in
      for _ in 0..<2 { _ = try await client.unary(TestMethods.echo, ByteBuffer()) }
      #expect(server.connections == 2)
    }
  }

  @Test("a refused call is made again on the same connection")
  func refused() async throws {
    try await CrookedServer.with { stream, request in
      if request == 1 { return .init(frames: [RawFrame.reset(stream, 7)]) }
      return .init(frames: Self.body(Self.message)(stream))
    } _: { client, server in
      let reply = try await client.unary(TestMethods.echo, ByteBuffer())
      #expect(reply.message == ByteBuffer(string: "hi"))
      #expect(server.requests == 2)
      #expect(server.connections == 1)
    }
  }

  @Test("so is a stream of answers of which nothing has come")
  func refusedStream() async throws {
    try await CrookedServer.with { stream, request in
      if request == 1 { return .init(frames: [RawFrame.reset(stream, 7)]) }
      return .init(frames: Self.body(Self.message + Self.message)(stream))
    } _: { client, server in
      var count = 0
      for try await message in client.serverStream(TestMethods.count, ByteBuffer()) {
        #expect(message == ByteBuffer(string: "hi"))
        count += 1
      }
      #expect(count == 2)
      #expect(server.requests == 2)
    }
  }

  @Test("a stream of requests is not made again: what was sent is gone")
  func refusedRequests() async throws {
    try await CrookedServer.with { stream, _ in
      .init(frames: [RawFrame.reset(stream, 7)])
    } _: { client, server in
      let (requests, replies) = client.stream(TestMethods.chat)
      requests.send(ByteBuffer(string: "x"))
      requests.finish()
      var iterator = replies.makeAsyncIterator()
      let end = await Self.result { () async throws(RPCStatus) in try await iterator.next() }
      #expect(end == .unavailable)
      #expect(server.requests == 1)
    }
  }

  @Test("a page that is no gRPC answer is no empty stream either")
  func page() async throws {
    try await CrookedServer.with { stream, _ in
      .init(frames: [
        RawFrame.headers(stream, [(":status", "200"), ("content-type", "text/html")]),
        RawFrame.headers(stream, [("grpc-status", "0")], end: true),
      ])
    } _: { client, _ in
      var iterator = client.serverStream(TestMethods.count, ByteBuffer()).makeAsyncIterator()
      let end = await Self.result { () async throws(RPCStatus) in try await iterator.next() }
      #expect(end == .unknown)
    }
  }

  @Test("a stream of answers keeps what came before it broke")
  func brokenStream() async throws {
    try await CrookedServer.with { stream, _ in
      .init(
        frames: [
          RawFrame.headers(stream, Self.head), RawFrame.data(stream, Self.message + Self.message),
          RawFrame.reset(stream, 2),
        ])
    } _: { client, _ in
      var iterator = client.serverStream(TestMethods.count, ByteBuffer()).makeAsyncIterator()
      for _ in 0..<2 {
        let message = try await iterator.next()
        #expect(message == ByteBuffer(string: "hi"))
      }
      let end = await Self.result { () async throws(RPCStatus) in try await iterator.next() }
      #expect(end == .internal)
    }
  }

  /// The code a call ends with.
  static func result<T>(
    _ call: () async throws(RPCStatus) -> T
  ) async -> RPCStatus.Code {
    do throws(RPCStatus) {
      _ = try await call()
      return .ok
    } catch {
      return error.code
    }
  }
}
