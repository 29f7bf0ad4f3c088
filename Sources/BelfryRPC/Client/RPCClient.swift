package import BelfryNet
package import NIOCore

/// Calls a server over mutual TLS and HTTP/2, or one in the same process, from any thread.
///
/// With several targets the first that answers is taken, in their order.
/// Connects when the first call needs it and reconnects by itself: at once after a loss, then by
/// back-off. `close` ends it.
package final class RPCClient: Sendable {
  package struct Options: Sendable {
    package var limits = RPCLimits()
    /// For the TCP connection.
    package var connectTimeout: Duration = .seconds(5)
    /// Before the second attempt to connect after a loss (the first is immediate); each later one
    /// waits 1.6 times longer, up to the maximum.
    package var backoffFirst: Duration = .seconds(1)
    package var backoffMax: Duration = .seconds(120)
    /// Calls that may wait for a connection at once; more fail with *resource exhausted*.
    package var waitingCallsMax = 10_000
    /// Nil: a silent server is never asked.
    package var keepalive: RPCKeepalive?
    /// See all calls, in this order.
    package var interceptors: [any RPCClientInterceptor] = []
    /// Pack requests with gzip, in calls whose options do not say otherwise. Costs time on the loop of
    /// the connection, about 1 ms for each 100 KiB; worth it where the network is slower than that.
    package var compresses = false

    package init() {}
  }

  package let targets: [RPCTarget]
  /// Who we say we are; nil for a stranger.
  package let identity: PeerIdentity?
  private let core: ClientCore
  private let options: Options

  package var eventLoop: any EventLoop { core.eventLoop }

  /// - Throws: when the certificates cannot be loaded; nothing is connected yet.
  package convenience init(
    target: RPCTarget, tls: TLSConfiguration, eventLoopGroup: any EventLoopGroup,
    options: Options = Options()
  ) throws(TLSError) {
    try self.init(targets: [target], tls: tls, eventLoopGroup: eventLoopGroup, options: options)
  }

  /// - Parameter targets: at least one; tried in this order.
  package init(
    targets: [RPCTarget], tls: TLSConfiguration, eventLoopGroup: any EventLoopGroup,
    options: Options = Options()
  ) throws(TLSError) {
    precondition(!targets.isEmpty, "a client without a target")
    let context = try TLSContext.client(tls)
    self.targets = targets
    self.options = options
    identity = context.identity
    core = ClientCore(
      eventLoop: eventLoopGroup.next(), targets: targets, transport: .tls(context),
      options: options)
  }

  /// Calls a server of the same machine over its Unix socket, without TLS. Who we are the server learns from
  /// the kernel.
  package init(
    socket path: String, eventLoopGroup: any EventLoopGroup, options: Options = Options()
  ) {
    targets = [.socket(path)]
    self.options = options
    identity = nil
    core = ClientCore(
      eventLoop: eventLoopGroup.next(), targets: targets, transport: .local, options: options)
  }

  /// Calls a server in the same process, without network and TLS, with all else as between machines:
  /// deadlines, metadata, cancellation, back-pressure, limits, interceptors, GOAWAY. The server needs
  /// no `start`; it serves others meanwhile if it was started. For tests of services, and for a
  /// coordinator and its worker in one process. See `docs/decisions/0004-in-process-transport.md`.
  /// - Parameters:
  ///   - identity: who the server takes us for, as it would by our certificate; nil: a stranger.
  ///   - eventLoopGroup: with the server's own, calls cost no change of thread.
  package init(
    inProcess server: RPCServer, as identity: PeerIdentity?, eventLoopGroup: any EventLoopGroup,
    options: Options = Options()
  ) {
    targets = [.inProcess]
    self.options = options
    self.identity = identity
    core = ClientCore(
      eventLoop: eventLoopGroup.next(), targets: targets, transport: .inProcess(server, identity),
      options: options)
  }

  /// Waits for a connection, or for the result of the next attempt to make one.
  package func connect() async throws(RPCConnectError) {
    let core = core
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Void, RPCConnectError>, Never>) in
      core.eventLoop.execute { core.whenConnected { continuation.resume(returning: $0) } }
    }
    try result.get()
  }

  /// Names the connection there is, the same at both ends and nowhere else: what a stranger binds its
  /// proof to. Empty when there is none, or we have a certificate.
  package func binding() async -> [UInt8] {
    let core = core
    return await withCheckedContinuation { continuation in
      Self.onLoop(core.eventLoop) { continuation.resume(returning: core.binding) }
    }
  }

  /// Of the connection there is; nil when there is none, or a stranger at one end. Called on the loop.
  package var datagramPath: RPCDatagramPath? {
    core.eventLoop.preconditionInEventLoop()
    return core.datagramPath
  }

  /// One request, one answer. A cancelled task cancels the call.
  package func unary(
    _ method: MethodDescriptor, _ request: ByteBuffer, options: RPCCallOptions = RPCCallOptions()
  ) async throws(RPCStatus) -> RPCReply {
    let call = makeCall(method, request, options)
    let core = core
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation {
        (continuation: CheckedContinuation<Result<RPCReply, RPCStatus>, Never>) in
        Self.onLoop(core.eventLoop) {
          call.take(UnaryReplyBody(call, continuation))
          core.submit(call)
        }
      }
    } onCancel: {
      // Before the submission when the task was cancelled before it began.
      core.eventLoop.execute { call.fail(RPCStatus(.cancelled, "cancelled by the caller")) }
    }
    return try result.get()
  }

  /// One request, a stream of answers. The call begins now.
  package func serverStream(
    _ method: MethodDescriptor, _ request: ByteBuffer, options: RPCCallOptions = RPCCallOptions()
  ) -> RPCReplies {
    let call = makeCall(method, request, options)
    let messages = messages(for: call)
    let core = core
    Self.onLoop(core.eventLoop) {
      call.take(StreamReplyBody(messages, writer: nil))
      core.submit(call)
    }
    return RPCReplies(messages: messages, token: RPCCallToken(call))
  }

  /// A stream of requests and a stream of answers (or one answer). The call begins now; the writer's
  /// `finish` ends the requests.
  package func stream(
    _ method: MethodDescriptor, options: RPCCallOptions = RPCCallOptions()
  ) -> (requests: RPCWriter, replies: RPCReplies) {
    let call = makeCall(method, nil, options)
    let writer = makeWriter()
    let messages = messages(for: call)
    let core = core
    Self.onLoop(core.eventLoop) {
      call.writer = writer
      call.take(StreamReplyBody(messages, writer: writer))
      core.submit(call)
    }
    return (writer, RPCReplies(messages: messages, token: RPCCallToken(call)))
  }

  /// A bidirectional stream whose answers come in batches on the loop.
  /// - Parameter handler: makes the handler, on the loop, when the call begins.
  /// - Returns: the writer; `finish(.ok)` ends the requests, any other status cancels the call.
  @discardableResult
  package func events(
    _ method: MethodDescriptor, options: RPCCallOptions = RPCCallOptions(),
    handler: @escaping @Sendable (RPCWriter) -> any RPCEventHandler
  ) -> RPCWriter {
    let call = makeCall(method, nil, options)
    let writer = makeWriter()
    let core = core
    Self.onLoop(core.eventLoop) {
      call.writer = writer
      call.take(EventReplyBody(handler(writer), writer))
      core.submit(call)
    }
    return writer
  }

  /// Ends all calls and the connection; returns when it is closed.
  package func close() async {
    let core = core
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      core.eventLoop.execute { core.close { continuation.resume() } }
    }
  }

  private func makeCall(
    _ method: MethodDescriptor, _ request: ByteBuffer?, _ options: RPCCallOptions
  ) -> ClientCall {
    var options = options
    if options.compresses == nil { options.compresses = self.options.compresses }
    let interceptors = self.options.interceptors
    for interceptor in interceptors { interceptor.callBegins(method, &options) }
    let call = ClientCall(
      method: method, options: options, eventLoop: core.eventLoop, request: request,
      messageBytesMax: self.options.limits.messageBytesMax)
    if !interceptors.isEmpty {
      call.observation = ClientObservation(method: method, interceptors: interceptors)
    }
    return call
  }

  private func makeWriter() -> RPCWriter {
    RPCWriter(eventLoop: core.eventLoop, queuedBytesMax: options.limits.writerBytesMax)
  }

  private func messages(for call: ClientCall) -> RPCMessages {
    RPCMessages(eventLoop: core.eventLoop, queuedBytesMax: options.limits.readerBytesMax) {
      [weak call] in call?.releaseCredit()
    }
  }

  private static func onLoop(_ loop: any EventLoop, _ work: @escaping @Sendable () -> Void) {
    if loop.inEventLoop { work() } else { loop.execute(work) }
  }
}
