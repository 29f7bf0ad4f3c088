package import BelfryNet
package import NIOCore
internal import Synchronization

/// What a handler may know about its call, and the metadata it may add to the answer. Any thread.
package final class ServerCallContext: Sendable {
  package let method: MethodDescriptor
  /// The codec of this call's messages.
  package let encoding: MessageEncoding
  /// Who calls, as the certificate says; nil: a stranger.
  package let peer: PeerIdentity?
  package let remoteAddress: SocketAddress?
  /// Nil: the caller waits for ever.
  package let deadline: NIODeadline?
  /// The loop of the connection, on which handlers run.
  package let eventLoop: any EventLoop
  private let headers: HTTP2HeaderBlock
  private let acceptsCompression: Bool
  private let reply = Mutex((initial: Metadata(), trailing: Metadata(), isCompressed: false))

  init(
    method: MethodDescriptor, encoding: MessageEncoding, peer: PeerIdentity?,
    remoteAddress: SocketAddress?, deadline: NIODeadline?, eventLoop: any EventLoop,
    acceptsCompression: Bool, headers: HTTP2HeaderBlock
  ) {
    self.method = method
    self.encoding = encoding
    self.peer = peer
    self.remoteAddress = remoteAddress
    self.deadline = deadline
    self.eventLoop = eventLoop
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
  }

  /// Sent with the status.
  package func setTrailingMetadata(_ metadata: Metadata) {
    reply.withLock { $0.trailing = metadata }
  }

  /// Packs the messages of the answer, if the caller takes that; to be asked for before the first of
  /// them. Messages that would not become smaller go as they are.
  package func compressReplies() {
    reply.withLock { $0.isCompressed = acceptsCompression }
  }

  var replyCoding: MessageCoding? { reply.withLock { $0.isCompressed ? .gzip : nil } }
  var initialMetadata: Metadata { reply.withLock { $0.initial } }
  var trailingMetadata: Metadata { reply.withLock { $0.trailing } }
}
