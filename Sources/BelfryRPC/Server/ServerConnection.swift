internal import BelfryNet
internal import Logging
internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// One accepted connection: turns HTTP/2 events into calls. Confined to its loop; the methods that
/// other threads call hop there.
final class ServerConnection: HTTP2ConnectionDelegate, @unchecked Sendable {
  let machine: HTTP2ServerMachine
  var session: HTTP2Session { machine.session }
  let executor: EventLoopExecutor
  let workers: ServerWorkers
  let shared: RPCServer.Shared
  let eventLoop: any EventLoop
  @safe @exclusivity(unchecked) private var caller: ServerCaller
  var peer: PeerIdentity? { caller.peer }
  /// Set right after both exist, nil once the connection is closed.
  @safe @exclusivity(unchecked) var handler: HTTP2Handler?

  private(set) var isEstablished = false
  @safe @exclusivity(unchecked) private var touched: [ServerCall] = []
  @safe @exclusivity(unchecked) private(set) var tasksRunning = 0
  private var isShuttingDown = false
  private var hasSentFinalGoAway = false
  private(set) var isClosed = false

  // What `ServerConnection+Watch` looks at.
  var clocks: ServerClocks
  @safe @exclusivity(unchecked) private(set) var requests = 0
  private var place: ServerAdmission.Place
  /// Bytes of unfinished messages.
  let keptBytes = Atomic(0)
  /// The call that is let through while memory is scarce.
  weak var turn: ServerCall?

  init(
    shared: RPCServer.Shared, executor: EventLoopExecutor, remoteAddress: SocketAddress?,
    place: ServerAdmission.Place
  ) {
    self.shared = shared
    self.place = place
    clocks = ServerClocks(now: .now())
    self.executor = executor
    workers = ServerWorkers(executor)
    eventLoop = executor.eventLoop
    caller = ServerCaller(
      peer: nil, remoteAddress: remoteAddress, eventLoop: eventLoop)
    machine = HTTP2ServerMachine(limits: shared.limits.http2, now: .now())
  }

  func setNeedsFlush() { handler?.setNeedsFlush() }

  func callTouched(_ call: ServerCall) { touched.append(call) }

  func taskStarted() { tasksRunning += 1 }

  func taskEnded() {
    tasksRunning -= 1
    forgetIfDone()
  }

  // MARK: Shutdown, from any thread

  /// Announces the end, lets calls finish, then closes.
  func beginShutdown() {
    eventLoop.execute { [self] in announceShutdown() }
  }

  func announceShutdown() {
    guard !isShuttingDown, !isClosed else { return }
    isShuttingDown = true
    guard isEstablished else {
      handler?.close(nil)
      return
    }
    session.announceShutdown()
    session.ping()
    setNeedsFlush()
    for call in calls { call.goingAway() }
  }

  /// Closes now; calls under way fail.
  func closeNow(
    _ reason: String, where matches: @escaping @Sendable (PeerIdentity?) -> Bool = { _ in true }
  ) {
    eventLoop.execute { [self] in
      guard !isClosed, matches(caller.peer) else { return }
      for call in calls { call.fail(RPCStatus(.unavailable, reason)) }
      handler?.close(HTTP2Error(.closed, reason))
    }
  }

  // MARK: HTTP2ConnectionDelegate

  func connectionEstablished(_ established: TLSHandler.Established) {
    let peer = established.peer
    caller = ServerCaller(
      peer: peer, binding: established.binding, heartbeatKey: established.heartbeatKey,
      remoteAddress: caller.remoteAddress, eventLoop: eventLoop)
    isEstablished = true
    shared.connectionEstablished(&place, hasCertificate: peer.map(shared.recognize) ?? false)
    if isShuttingDown { handler?.close(nil) }
  }

  func settingsReceived() {}

  func headersReceived(_ headers: HTTP2HeaderBlock, on stream: HTTP2Stream) {
    if stream.owner == nil { requestReceived(stream, headers) }
  }

  func dataReceived(_ chunk: ByteBuffer, on stream: HTTP2Stream) {
    session.consumeConnection(chunk.readableBytes)
    guard let call = stream.owner as? ServerCall else {
      return session.consume(chunk.readableBytes, on: stream)
    }
    call.dataReceived(chunk)
  }

  func peerEnded(_ stream: HTTP2Stream) { (stream.owner as? ServerCall)?.requestEnded() }

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard let call = stream.owner as? ServerCall else { return }
    stream.owner = nil
    call.streamClosed(code)
    closeIfDrained()
  }

  func drained(_ count: Int, on stream: HTTP2Stream) {
    (stream.owner as? ServerCall)?.drained(count)
  }

  func goAwayReceived(lastStreamID: Int32, _ code: HTTP2ErrorCode) {}

  func streamRefused() {
    shared.refusals.refused(
      "refused a call", ServerRefusals.Reason.streams.rawValue,
      metadata: [
        "peer": "\(peer.map { "\($0)" } ?? "stranger")",
        "reason": "more calls at once than one connection may have",
      ])
  }

  func pingAnswered() {
    guard isShuttingDown, !hasSentFinalGoAway else { return }
    hasSentFinalGoAway = true
    session.refuseNewStreams()
    setNeedsFlush()
    closeIfDrained()
  }

  func turnEnded() {
    guard !touched.isEmpty else { return }
    var calls: [ServerCall] = []
    swap(&calls, &touched)
    for call in calls { call.turnEnded() }
  }

  func connectionClosed(_ error: (any Error)?) {
    isClosed = true
    handler = nil
    workers.close()
    log(error)
    shared.connectionClosed(&place)
    let reason = "the connection was lost"
    let cause = Self.isStuck(error) ? RPCClosure.Cause.connectionStuck : .connectionLost
    for call in calls {
      call.stream.owner = nil
      call.connectionLost(reason, cause)
    }
    forgetIfDone()
  }

  private static func isStuck(_ error: (any Error)?) -> Bool {
    switch error {
    case let error as HTTP2Error: [.stalled, .slowReader, .silent].contains(error.kind)
    case let error as IOError: error.errnoCode == ETIMEDOUT
    default: false
    }
  }

  // MARK: Private

  var calls: [ServerCall] { session.liveStreams.compactMap { $0.owner as? ServerCall } }

  private func requestReceived(_ stream: HTTP2Stream, _ headers: HTTP2HeaderBlock) {
    guard !stream.isClosed, stream.owner == nil, !stream.hasAnswered else { return }
    requests &+= 1
    let request: ServerRequest
    switch ServerRequest.read(headers, encodings: shared.router.encodings) {
    case .accepted(let accepted): request = accepted
    case .refused(.http(let status)):
      machine.respondOnly(WireFields.http(status), on: stream)
      return setNeedsFlush()
    case .refused(.status(let encoding, let status)):
      return refuse(stream, encoding, status)
    }
    guard
      let route = unsafe headers.withValue(
        of: request.path, { unsafe shared.router.route($0) })
    else {
      let path = headers.text(of: request.path).prefix(256)
      return refuse(stream, request.encoding, RPCStatus(.unimplemented, "unknown method \(path)"))
    }
    let counted = shared.counted(route)
    var observation: ServerObservation?
    if !shared.interceptors.isEmpty {
      let info = RPCServerCallInfo(
        method: route.method, peer: caller.peer, remoteAddress: caller.remoteAddress,
        headers: headers)
      let observed = ServerObservation(info, shared.interceptors)
      if let status = observed.begin() {
        counted?.ended(status.code)
        return refuse(stream, request.encoding, status)
      }
      observation = observed
    }
    if let status = shared.authorize(route.method, caller.peer) {
      observation?.ended(status)
      counted?.ended(status.code)
      return refuse(stream, request.encoding, status)
    }
    guard tasksRunning < Int(shared.limits.http2.concurrentStreamsMax) else {
      observation?.ended(RPCStatus(.unavailable, "too many calls"))
      counted?.ended(.unavailable)
      return session.reset(stream, .refusedStream)
    }
    let context = ServerCallContext(
      route: route, encoding: request.encoding, caller: caller,
      deadline: request.timeout.map { .now() + $0 },
      acceptsCompression: request.acceptsCompression, headers: headers)
    let call = ServerCall(
      context: context, stream: stream, connection: self,
      deframer: MessageDeframer(
        messageBytesMax: shared.limits.messageBytesMax, coding: request.coding))
    call.observation = observation
    call.counted = counted
    stream.owner = call
    begin(call, route)
  }

  private func refuse(_ stream: HTTP2Stream, _ encoding: MessageEncoding, _ status: RPCStatus) {
    machine.respondOnly(
      WireFields.trailersOnly(encoding, status, metadata: Metadata()), on: stream)
    setNeedsFlush()
  }

  private func begin(_ call: ServerCall, _ route: RPCRouter.Route) {
    let context = call.context
    switch route.handler {
    case .unary, .unaryAsync: call.body = route.body
    case .serverStream(let function):
      let writer = writer(for: call)
      call.body = ServerStreamBody(writer: writer) { message in
        try await function(context, message, writer)
        writer.finish()
      }
    case .clientStream(let function):
      let messages = messages(for: call)
      call.body = StreamBody(messages, writer: nil)
      call.run {
        let reply = try await function(context, messages)
        Self.onLoop(context) { call.answer(reply) }
      }
    case .bidirectional(let function):
      let messages = messages(for: call)
      let writer = writer(for: call)
      call.body = StreamBody(messages, writer: writer)
      call.run {
        try await function(context, messages, writer)
        writer.finish()
      }
    case .events(let make):
      let writer = writer(for: call)
      do throws(RPCStatus) {
        call.body = EventBody(try make(context, writer), writer)
      } catch {
        writer.close(error)
        call.finish(RPCStatus(handlerError: error))
      }
    }
  }

  private func writer(for call: ServerCall) -> RPCWriter {
    let writer = RPCWriter(
      eventLoop: eventLoop, queuedBytesMax: shared.limits.writerBytesMax)
    writer.attach(call)
    call.stream.reportsDrain = true
    return writer
  }

  private func messages(for call: ServerCall) -> RPCMessages {
    RPCMessages(eventLoop: eventLoop, queuedBytesMax: shared.limits.readerBytesMax) {
      [weak call] in call?.releaseCredit()
    }
  }

  private static func onLoop(_ context: ServerCallContext, _ work: @escaping @Sendable () -> Void) {
    if context.eventLoop.inEventLoop { work() } else { context.eventLoop.execute(work) }
  }

  private func closeIfDrained() {
    guard isShuttingDown, hasSentFinalGoAway, session.openStreams == 0 else {
      return
    }
    handler?.close(nil)
  }

  /// The server waits for connections until their tasks have ended too.
  private func forgetIfDone() {
    if isClosed, tasksRunning == 0 { shared.connectionEnded(self) }
  }

  private func log(_ error: (any Error)?) {
    guard let error else { return }
    let address = caller.remoteAddress.map { "\($0)" } ?? "unknown"
    if let error = error as? TLSError {
      shared.refusals.refused(
        "refused a connection", error.kind.rawValue,
        metadata: ["remote": "\(address)", "reason": "\(error.reason)"])
    } else if let error = error as? HTTP2Error {
      shared.refusals.refused(
        "ended a connection", error.kind.rawValue,
        metadata: [
          "remote": "\(address)", "peer": "\(caller.peer.map { "\($0)" } ?? "stranger")",
          "reason": "\(error.reason)",
        ])
    } else {
      shared.logger.debug(
        "a connection broke", metadata: ["remote": "\(address)", "reason": "\(error)"])
    }
  }
}
