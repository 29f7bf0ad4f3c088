package import NIOCore

/// Where a server is.
package struct RPCTarget: Sendable, Hashable, CustomStringConvertible {
  package let host: String
  package let port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// Reads `description`; nil for anything else.
  package init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65_535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, !host.contains("/"), !host.contains(" ") else { return nil }
    self.init(host: String(host), port: port)
  }

  /// What a server in the same process is called, in `:authority` and in messages.
  static let inProcess = RPCTarget(host: "in-process", port: 0)

  /// A server of this machine, on its Unix socket.
  static func socket(_ path: String) -> RPCTarget { RPCTarget(host: path, port: 0) }

  private var isSocket: Bool { host.hasPrefix("/") }

  package var description: String {
    if isSocket { return "unix:\(host)" }
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// As HTTP calls it: a path is no name of a host.
  var authority: String { isSocket ? "localhost" : description }
}

/// What datagrams beside a connection need.
package struct RPCDatagramPath: Sendable {
  /// Known to the two ends of the connection alone.
  package let key: [UInt8]
  /// Of the server's end.
  package let address: SocketAddress
}

/// How one call is made.
package struct RPCCallOptions: Sendable {
  /// From now; nil waits for ever. Travels as `grpc-timeout`, and is kept on our side too.
  package var timeout: Duration?
  package var metadata: Metadata
  /// Wait for a connection instead of failing at once while the server cannot be reached.
  package var waitForReady: Bool
  package var encoding: MessageEncoding
  /// Pack the requests (gzip); nil: as the client's options say. Answers may be packed in any case.
  package var compresses: Bool?

  package init(
    timeout: Duration? = nil, metadata: Metadata = Metadata(), waitForReady: Bool = false,
    encoding: MessageEncoding = .belfry, compresses: Bool? = nil
  ) {
    self.timeout = timeout
    self.metadata = metadata
    self.waitForReady = waitForReady
    self.encoding = encoding
    self.compresses = compresses
  }

  var coding: MessageCoding? { compresses == true ? .gzip : nil }
}

/// The answer of a unary call, with what came beside it.
package struct RPCReply: Sendable {
  package let message: ByteBuffer
  package let initialMetadata: Metadata
  package let trailingMetadata: Metadata
}

/// The answers of a server stream. Dropping the sequence and its iterators cancels the call.
package struct RPCReplies: AsyncSequence, Sendable {
  package typealias Element = ByteBuffer
  package typealias Failure = RPCStatus

  let messages: RPCMessages
  let token: RPCCallToken

  package struct AsyncIterator: AsyncIteratorProtocol {
    let messages: RPCMessages
    let token: RPCCallToken

    package mutating func next() async throws(RPCStatus) -> ByteBuffer? {
      try await messages.next()
    }

    package mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(RPCStatus) -> ByteBuffer? {
      try await messages.next()
    }
  }

  package func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(messages: messages, token: token)
  }

  /// Ends the call; the sequence throws *cancelled*.
  package func cancel() { token.cancel() }

  /// What came before the first message; empty until it is there.
  package var initialMetadata: Metadata { token.call.metadata.initial }
  /// What came with the status; empty until the end.
  package var trailingMetadata: Metadata { token.call.metadata.trailing }
}

/// Cancels a call when nobody refers to it any more.
final class RPCCallToken: Sendable {
  let call: ClientCall

  init(_ call: ClientCall) { self.call = call }

  func cancel() { call.cancel() }

  deinit { call.cancel() }
}
