import GRPCCore
import GRPCNIOTransportHTTP2Posix

extension Peer {
  struct Wrong: Error {
    let what: String
  }

  static func expect(_ condition: Bool, _ what: String, _ seen: Any = "") throws {
    guard condition else { throw Wrong(what: "\(what) \(seen)") }
    print(what)
  }

  static func call(identity: String, port: Int) async throws {
    try await withGRPCClient(
      transport: .http2NIOPosix(
        target: .ipv4(address: "127.0.0.1", port: port),
        transportSecurity: .mTLS(
          certificateChain: certificateChain(identity), privateKey: privateKey(identity)
        ) {
          $0.trustRoots = trustRoots(identity)
          $0.serverCertificateVerification = .noHostnameVerification
        })
    ) { client in
      let calls = Calls(client: client)
      try await calls.unary()
      try await calls.streams()
      try await calls.endings()
    }
  }
}

struct Calls<Transport: ClientTransport> {
  let client: GRPCClient<Transport>

  func unary() async throws {
    for size in [0, 64, 1_048_576] {
      let message = [UInt8](repeating: 0x78, count: size)
      try Peer.expect(try await one("Echo", message).message == message, "echo of \(size) bytes")
    }
    var metadata: Metadata = ["text": "one", "text": "two"]
    metadata.addBinary([0, 1, 255], forKey: "bytes-bin")
    let reply = try await one("Metadata", [1], metadata)
    let trailing = reply.trailingMetadata
    try Peer.expect(Array(reply.metadata[stringValues: "first"]) == ["1"], "initial metadata")
    try Peer.expect(
      Array(trailing[stringValues: "got-text"]) == ["one", "two"], "metadata in its order", trailing
    )
    try Peer.expect(
      Array(trailing[binaryValues: "got-bytes-bin"]) == [[0, 1, 255]], "binary metadata")
    try Peer.expect(
      Array(trailing[stringValues: "peer"]).first?.hasSuffix("/worker/w1") == true,
      "the certificate's name")
    let failed = try await one("Fail", Array("50 % ☂\n".utf8))
    try Peer.expect(
      failed.error?.code == .aborted && failed.error?.message == "50 % ☂\n", "status and message")
    try Peer.expect(try await one("Nothing", []).error?.code == .unimplemented, "unknown method")
  }

  func streams() async throws {
    let kilobytes = try await many("Count") { try await $0.write(Array("500".utf8)) }
    try Peer.expect(
      kilobytes.count == 500 && kilobytes.allSatisfy { $0.count == 1_024 }, "server stream")
    let all = try await many("Concatenate") {
      for index in 0..<100 { try await $0.write(Array("\(index),".utf8)) }
    }
    try Peer.expect(
      all == [Array((0..<100).map { "\($0)," }.joined().utf8)], "client stream")
    let sent = (0..<200).map { [UInt8](repeating: UInt8($0), count: $0 * 10) }
    let echoes = try await many("Chat") { for message in sent { try await $0.write(message) } }
    try Peer.expect(echoes == sent, "bidirectional stream")
    try Peer.expect(try await many("Chat") { _ in } == [], "empty stream")
  }

  func endings() async throws {
    let late = await code { try await one("Hang", [], timeout: .milliseconds(200)) }
    try Peer.expect(late == .deadlineExceeded, "deadline", late as Any)
    let task = Task { await code { try await one("Hang", []) } }
    task.cancel()
    let cancelled = await task.value
    try Peer.expect(cancelled != nil, "cancelled")
    // As a unary call: it gives up when it sees a second answer.
    let answers = await code { try await one("Count", Array("1000000".utf8)) }
    try Peer.expect(answers == .unimplemented, "cancelled after the first answer", answers as Any)
    try Peer.expect(try await one("Echo", [7]).message == [7], "still alive")
  }

  /// What a call ends with, which may be thrown or in the answer; nil for OK.
  private func code(
    _ call: () async throws -> ClientResponse<[UInt8]>
  ) async -> RPCError.Code? {
    do {
      return try await call().error?.code
    } catch {
      return (error as? RPCError)?.code ?? (error is CancellationError ? .cancelled : .unknown)
    }
  }

  private func one(
    _ method: String, _ message: [UInt8], _ metadata: Metadata = [:], timeout: Duration? = nil
  ) async throws -> ClientResponse<[UInt8]> {
    var options = CallOptions.defaults
    options.timeout = timeout ?? .seconds(60)
    options.maxResponseMessageBytes = 8 * 1_024 * 1_024
    return try await client.unary(
      request: ClientRequest(message: message, metadata: metadata),
      descriptor: .everything(method), serializer: BytesCodec(), deserializer: BytesCodec(),
      options: options
    ) { $0 }
  }

  private func many(
    _ method: String, _ produce: @escaping @Sendable (RPCWriter<[UInt8]>) async throws -> Void
  ) async throws -> [[UInt8]] {
    try await client.bidirectionalStreaming(
      request: StreamingClientRequest(producer: produce), descriptor: .everything(method),
      serializer: BytesCodec(), deserializer: BytesCodec(), options: .defaults
    ) { response in
      var messages: [[UInt8]] = []
      for try await message in response.messages { messages.append(message) }
      return messages
    }
  }
}

extension ClientResponse {
  /// How the call failed; nil when it did not.
  var error: RPCError? {
    do {
      _ = try message
      return nil
    } catch {
      return error as? RPCError
    }
  }
}
