internal import BelfryNet
internal import NIOCore
internal import NIOPosix

/// One connection to a server: turns calls into streams, and HTTP/2 events into answers. Confined to
/// its loop.
final class ClientConnection: HTTP2ConnectionDelegate, @unchecked Sendable {
  let machine: HTTP2ClientMachine
  var session: HTTP2Session { machine.session }
  weak var handler: HTTP2Handler?
  /// Once TCP is there.
  var remoteAddress: SocketAddress?

  let target: RPCTarget
  private let client: ClientCore
  private var touched: [ClientCall] = []
  private(set) var isReady = false
  /// See `TLSMachine.binding`.
  private(set) var binding: [UInt8] = []
  /// See `TLSMachine.heartbeatKey`.
  private(set) var heartbeatKey: [UInt8] = []
  private(set) var isLeaving = false
  private(set) var isClosed = false
  private(set) var closeError: (any Error)?
  private var closeReason: String?
  private var keepalive: KeepaliveMachine?
  private var keepaliveTimer: Scheduled<Void>?

  init(
    target: RPCTarget, client: ClientCore, limits: HTTP2Limits, keepalive: RPCKeepalive?
  ) {
    self.target = target
    self.client = client
    self.keepalive = keepalive.map { KeepaliveMachine($0) }
    machine = HTTP2ClientMachine(limits: limits, now: .now())
  }

  /// A connection that has failed is closed a moment later.
  var takesCalls: Bool { isReady && !isLeaving && !isClosed && session.failure == nil }

  func setNeedsFlush() { handler?.setNeedsFlush() }

  func callTouched(_ call: ClientCall) { touched.append(call) }

  /// Opens the stream of a call.
  func open(_ call: ClientCall) -> HTTP2Stream? {
    guard takesCalls else { return nil }
    var fields: [(name: String, value: String)] = [
      (":method", "POST"), (":scheme", "https"), (":path", call.method.path),
      (":authority", target.authority), ("te", "trailers"),
      ("content-type", call.options.encoding.contentType), ("user-agent", "grpc-swift-belfry"),
      ("grpc-accept-encoding", MessageCoding.accepted),
    ]
    if let coding = call.options.coding { fields.append(("grpc-encoding", coding.rawValue)) }
    if let deadline = call.deadline {
      fields.append(("grpc-timeout", CallTimeout.format(deadline - .now())))
    }
    fields += call.options.metadata.fields
    guard let stream = machine.request(HTTP2FieldBlock(fields)) else { return nil }
    return stream
  }

  /// Lets calls under way finish, then closes.
  func leave() {
    guard !isLeaving, !isClosed else { return }
    isLeaving = true
    for call in calls { call.goingAway() }
    closeIfDrained()
  }

  func close(_ reason: String) {
    closeReason = reason
    if session.failure == nil { session.refuseNewStreams() }
    handler?.close(nil)
  }

  // MARK: HTTP2ConnectionDelegate

  func connectionEstablished(_ established: TLSHandler.Established) {
    binding = established.binding
    heartbeatKey = established.heartbeatKey
  }

  func settingsReceived() {
    isReady = true
    if let first = keepalive?.first { askLater(first) }
    client.connectionReady(self)
  }

  func headersReceived(_ headers: HTTP2HeaderBlock, on stream: HTTP2Stream) {
    (stream.owner as? ClientCall)?.headersReceived(headers)
  }

  func dataReceived(_ chunk: ByteBuffer, on stream: HTTP2Stream) {
    session.consumeConnection(chunk.readableBytes)
    guard let call = stream.owner as? ClientCall else {
      return session.consume(chunk.readableBytes, on: stream)
    }
    call.dataReceived(chunk)
  }

  func peerEnded(_ stream: HTTP2Stream) { (stream.owner as? ClientCall)?.answerEnded() }

  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
    guard let call = stream.owner as? ClientCall else { return }
    stream.owner = nil
    if call.streamClosed(code) {
      call.prepareRepetition()
      client.submit(call)
    }
    closeIfDrained()
  }

  func drained(_ count: Int, on stream: HTTP2Stream) {
    (stream.owner as? ClientCall)?.drained(count)
  }

  func goAwayReceived(lastStreamID: Int32, _ code: HTTP2ErrorCode) {
    if code == .enhanceYourCalm { client.tooManyPings() }
    client.connectionLeaving(self)
    leave()
  }

  func pingAnswered() {
    guard let time = keepalive?.answered() else { return }
    keepaliveTimer?.cancel()
    askLater(time)
  }

  func turnEnded() {
    keepalive?.heard()
    guard !touched.isEmpty else { return }
    var calls: [ClientCall] = []
    swap(&calls, &touched)
    for call in calls { call.turnEnded() }
  }

  func connectionClosed(_ error: (any Error)?) {
    guard !isClosed else { return }
    isClosed = true
    keepaliveTimer?.cancel()
    closeError = error
    let reason =
      closeReason ?? "the connection to \(target) was lost" + (error.map { ": \($0)" } ?? "")
    let open = calls
    for stream in session.liveStreams { stream.owner = nil }
    client.connectionEnded(self, error)
    for call in open { call.connectionLost(reason) }
  }

  private func askLater(_ wait: Duration) {
    keepaliveTimer = client.eventLoop.scheduleTask(in: TimeAmount(wait)) { [weak self] in
      self?.keepaliveTimerFired()
    }
  }

  private func keepaliveTimerFired() {
    guard !isClosed else { return }
    switch keepalive?.timerFired(hasCalls: session.openStreams > 0) {
    case .wait(let time): askLater(time)
    case .ping(let time):
      session.ping()
      setNeedsFlush()
      askLater(time)
    case .giveUp:
      let time = TimeAmount(keepalive?.timeout ?? .zero).text
      // Before it is closed, which takes a moment: no new call should come here.
      client.connectionLeaving(self)
      isLeaving = true
      handler?.close(HTTP2Error(.silent, "the server did not answer a PING within \(time)"))
    case nil: break
    }
  }

  private var calls: [ClientCall] { session.liveStreams.compactMap { $0.owner as? ClientCall } }

  private func closeIfDrained() {
    if isLeaving, session.openStreams == 0 { handler?.close(nil) }
  }
}
