package import BelfryNet
package import NIOCore
internal import Synchronization

/// What a handler may know about its call, and the metadata it may add to the answer. Any thread.
package final class ServerCallContext: Sendable {
  package var method: MethodDescriptor { route.method }
  let route: RPCRouter.Route
  /// The codec of this call's messages.
  package let encoding: MessageEncoding
  /// Who calls, as the certificate says; nil: a stranger.
  package var peer: PeerIdentity? { caller.peer }
  package var remoteAddress: SocketAddress? { caller.remoteAddress }
  /// Names the connection of a stranger, the same at both ends and nowhere else; else empty.
  package var binding: [UInt8] { caller.binding }
  /// Known to the two ends of the connection alone, both of which have shown a certificate; else empty.
  package var heartbeatKey: [UInt8] { caller.heartbeatKey }
  /// Nil: the caller waits for ever.
  package let deadline: NIODeadline?
  /// The loop of the connection, on which handlers run.
  package var eventLoop: any EventLoop { caller.eventLoop }
  private let caller: ServerCaller
  private let headers: HTTP2HeaderBlock
  private let acceptsCompression: Bool
  private let reply = Mutex(Reply())
  /// False until a handler has something to add to the answer: most never have.
  private let hasReply = Atomic(false)

  struct Reply {
    var initial = Metadata()
    var trailing = Metadata()
    var isCompressed = false
  }

  init(
    route: RPCRouter.Route, encoding: MessageEncoding, caller: ServerCaller, deadline: NIODeadline?,
    acceptsCompression: Bool, headers: HTTP2HeaderBlock
  ) {
    self.route = route
    self.encoding = encoding
    self.caller = caller
    self.deadline = deadline
    self.acceptsCompression = acceptsCompression
    self.headers = headers
  }

  /// What the caller sent along; read anew at each use.
  package var metadata: Metadata { Metadata(headers) }

  /// Time until the deadline, never negative; nil when there is none.
  package var timeLeft: Duration? {
    deadline.map { .nanoseconds(max(0, ($0 - .now()).nanoseconds)) }
  }

  /// The options of calls that a handler makes on behalf of this one: they wait no longer than its own
  /// caller does.
  package func callOptions(_ options: RPCCallOptions = RPCCallOptions()) -> RPCCallOptions {
    guard let timeLeft else { return options }
    var options = options
    options.timeout = min(options.timeout ?? timeLeft, timeLeft)
    return options
  }

  /// Sent before the first message of the answer; ignored after it. With an answer that has no
  /// message it goes with the status.
  package func setInitialMetadata(_ metadata: Metadata) {
    reply.withLock { $0.initial = metadata }
    hasReply.store(true, ordering: .releasing)
  }

  /// Sent with the status.
  package func setTrailingMetadata(_ metadata: Metadata) {
    reply.withLock { $0.trailing = metadata }
    hasReply.store(true, ordering: .releasing)
  }

  /// Packs the messages of the answer, if the caller takes that; to be asked for before the first of
  /// them. Messages that would not become smaller go as they are.
  package func compressReplies() {
    reply.withLock { $0.isCompressed = acceptsCompression }
    hasReply.store(true, ordering: .releasing)
  }

  /// What the handler adds to the answer; nil: nothing.
  var addition: Reply? {
    hasReply.load(ordering: .acquiring) ? reply.withLock { $0 } : nil
  }
}

/// What is the same for all calls of a connection.
final class ServerCaller: Sendable {
  /// Nil: a stranger, or one that is not known yet.
  let peer: PeerIdentity?
  let binding: [UInt8]
  let heartbeatKey: [UInt8]
  let remoteAddress: SocketAddress?
  let eventLoop: any EventLoop

  init(
    peer: PeerIdentity?, binding: [UInt8] = [], heartbeatKey: [UInt8] = [],
    remoteAddress: SocketAddress?, eventLoop: any EventLoop
  ) {
    self.peer = peer
    self.binding = binding
    self.heartbeatKey = heartbeatKey
    self.remoteAddress = remoteAddress
    self.eventLoop = eventLoop
  }
}
