internal import BelfryNet
internal import NIOCore
internal import Synchronization

/// What takes a call's answers: one small class for each kind of call. All on the loop.
protocol ClientCallBody: AnyObject {
  func messageReceived(_ message: ByteBuffer)
  func turnEnded()
  func drained(_ count: Int)
  func goingAway()
  /// The last call, made once.
  func closed(_ closure: RPCClosure)
  var holdsCredit: Bool { get }
  /// True for bodies that gather what a read brings.
  var wantsTurnEnd: Bool { get }
  /// The call may be made anew if the server did not process it.
  var isRepeatable: Bool { get }
  /// Why an answer that ended well is still not one.
  var missing: RPCStatus? { get }
}

extension ClientCallBody {
  func turnEnded() {}
  func drained(_ count: Int) {}
  func goingAway() {}
  var holdsCredit: Bool { false }
  var wantsTurnEnd: Bool { false }
  var isRepeatable: Bool { false }
  var missing: RPCStatus? { nil }
}

/// One call on the client, from its wish to its status. Confined to the client's loop, so safe to
/// pass to closures that run there; `cancel` and `metadata` are for any thread.
final class ClientCall: RPCWriterTarget, @unchecked Sendable {
  let method: MethodDescriptor
  let options: RPCCallOptions
  let eventLoop: any EventLoop
  /// The one request of a unary call or server stream; kept for a repetition.
  let request: ByteBuffer?
  let deadline: NIODeadline?
  private var body: (any ClientCallBody)?
  /// For calls whose requests are a stream.
  var writer: RPCWriter?

  private var stream: HTTP2Stream?
  private weak var connection: ClientConnection?
  private var deframer: MessageDeframer
  private var deadlineTimer: Scheduled<Void>?
  private var withheldBytes = 0
  private var isAwaitingTurnEnd = false
  /// How the call ended; nil until then.
  private var closure: RPCClosure?
  var isOver: Bool { closure != nil }
  private(set) var hasBeenRepeated = false
  private var hasHeaders = false
  private var trailers: ClientTrailers?
  /// A head that is not gRPC's: whatever comes behind it, the call has not succeeded.
  private var strangeHead: ClientTrailers?
  private var hasReceivedMessage = false
  /// Called when the call ends before it had a connection.
  var onOver: (() -> Void)?
  /// Nil without interceptors.
  var observation: ClientObservation?
  private let received = Mutex((initial: Metadata(), trailing: Metadata()))

  init(
    method: MethodDescriptor, options: RPCCallOptions, eventLoop: any EventLoop,
    request: ByteBuffer?, messageBytesMax: Int
  ) {
    self.method = method
    self.options = options
    self.eventLoop = eventLoop
    self.request = request
    deadline = options.timeout.map { .now() + TimeAmount($0) }
    deframer = MessageDeframer(messageBytesMax: messageBytesMax)
  }

  var metadata: (initial: Metadata, trailing: Metadata) { received.withLock { $0 } }

  // MARK: From any thread

  func cancel(_ status: RPCStatus = RPCStatus(.cancelled, "cancelled by the caller")) {
    if eventLoop.inEventLoop { fail(status) } else { eventLoop.execute { self.fail(status) } }
  }

  // MARK: Beginning

  /// Names who takes the answers. A task that was cancelled before it began has ended its call already:
  /// the body is told so at once.
  func take(_ body: any ClientCallBody) {
    if let closure { body.closed(closure) } else { self.body = body }
  }

  func armDeadline() {
    guard let deadline, deadlineTimer == nil, !isOver else { return }
    deadlineTimer = eventLoop.scheduleTask(deadline: deadline) { [self] in
      fail(RPCStatus(.deadlineExceeded, lateness))
    }
  }

  /// Which hop was waited for, how long, and what was last seen of it.
  private var lateness: String {
    let waited = options.timeout.map { " within " + TimeAmount($0).text } ?? ""
    let seen =
      if let connection {
        hasHeaders
          ? "\(connection.target) has begun to answer and did not end"
          : "connected to \(connection.target), which took the call and did not begin to answer"
      } else {
        "there was no connection yet: name, TCP or TLS were not done"
      }
    return "no answer to \(method.path)\(waited): \(seen)"
  }

  func begin(on connection: ClientConnection) {
    guard !isOver else { return }
    guard let stream = connection.open(self) else {
      return finish(RPCClosure(RPCStatus(.unavailable, "the connection takes no calls"), .local))
    }
    self.connection = connection
    self.stream = stream
    stream.owner = self
    if let request {
      _ = send(request, on: stream, connection.session)
      connection.session.end(stream, trailers: nil)
    }
    if let writer {
      stream.reportsDrain = true
      writer.attach(self)
    }
    connection.setNeedsFlush()
  }

  /// Forgets the connection that refused it.
  func prepareRepetition() {
    hasBeenRepeated = true
    stream?.owner = nil
    stream = nil
    connection = nil
  }

  // MARK: RPCWriterTarget

  func write(_ messages: [ByteBuffer]) {
    guard !isOver, let stream, let connection else { return }
    var saved = 0
    for message in messages { saved += send(message, on: stream, connection.session) }
    connection.setNeedsFlush()
    // What packing has saved never waits for the peer.
    if saved > 0 { body?.drained(saved) }
  }

  /// Returns the bytes that packing has saved.
  private func send(
    _ message: ByteBuffer, on stream: HTTP2Stream, _ session: HTTP2Session
  ) -> Int {
    guard let coding = options.coding, let packed = coding.compress(message) else {
      session.send(message, on: stream)
      return 0
    }
    session.send(packed, on: stream, isCompressed: true)
    return message.readableBytes - packed.readableBytes
  }

  func endWriting(_ status: RPCStatus) {
    guard !isOver, let stream, let connection else { return }
    guard status.isOK else { return fail(status) }
    connection.session.end(stream, trailers: nil)
    connection.setNeedsFlush()
  }

  // MARK: From the connection

  func headersReceived(_ block: HTTP2HeaderBlock) {
    guard !isOver else { return }
    let head = ClientTrailers(block)
    if !hasHeaders {
      // Informational answers are skipped.
      if let status = head.httpStatus, (100...199).contains(status), head.status == nil { return }
      hasHeaders = true
      if head.status == nil { received.withLock { $0.initial = Metadata(block) } }
      if !head.isGRPCAnswer || head.status != nil {
        trailers = head
        if head.status == nil { strangeHead = head }
      } else if case .coding(let coding) = head.coding {
        deframer.coding = coding
      } else {
        return fail(RPCStatus(.internal, "the server sent an unknown grpc-encoding"))
      }
    } else {
      trailers = head
    }
    if trailers != nil { received.withLock { $0.trailing = Metadata(block) } }
  }

  func dataReceived(_ chunk: ByteBuffer) {
    guard let stream, let connection else { return }
    let count = chunk.readableBytes
    guard !isOver, let body, trailers == nil else {
      return connection.session.consume(count, on: stream)
    }
    var chunk = chunk
    do throws(RPCStatus) {
      while !isOver, let message = try deframer.next(from: &chunk) {
        hasReceivedMessage = true
        body.messageReceived(message)
      }
    } catch {
      return fail(error)
    }
    if body.wantsTurnEnd, !isAwaitingTurnEnd {
      isAwaitingTurnEnd = true
      connection.callTouched(self)
    }
    if body.holdsCredit {
      withheldBytes += count
    } else {
      connection.session.consume(count, on: stream)
      connection.session.widen(stream, unfinishedBytes: deframer.keptBytes)
    }
  }

  func turnEnded() {
    isAwaitingTurnEnd = false
    body?.turnEnded()
  }

  func drained(_ count: Int) { body?.drained(count) }

  func goingAway() { body?.goingAway() }

  /// The server has ended its side: the status is known.
  func answerEnded() {
    guard !isOver else { return }
    var status = trailers?.finalStatus ?? RPCStatus(.unknown, "the answer had no grpc-status")
    if status.isOK, let strangeHead { status = strangeHead.finalStatus }
    if status.isOK, !deframer.isAtBoundary {
      status = RPCStatus(.internal, "the answer ended inside a message")
    }
    if status.isOK, let missing = body?.missing { status = missing }
    status.metadata = received.withLock { $0.trailing }
    // The rest of our side is of no interest any more.
    if let stream, let connection, !stream.hasAnswered {
      connection.session.reset(stream, .cancel)
      connection.setNeedsFlush()
    }
    finish(RPCClosure(status, .finished))
  }

  /// True when the call should be made again on another connection.
  func streamClosed(_ code: HTTP2ErrorCode) -> Bool {
    guard !isOver else { return false }
    if code == .refusedStream, !hasHeaders, !hasBeenRepeated, body?.isRepeatable == true {
      return true
    }
    finish(RPCClosure(ClientTrailers.status(reset: code), .reset(code)))
    return false
  }

  func connectionLost(_ reason: String) {
    finish(RPCClosure(RPCStatus(.unavailable, reason), .connectionLost))
  }

  func releaseCredit() {
    guard withheldBytes > 0, let stream, let connection else { return }
    connection.session.consume(withheldBytes, on: stream)
    withheldBytes = 0
    connection.setNeedsFlush()
  }

  /// Ends the call from our side; the server is told.
  func fail(_ status: RPCStatus) {
    guard !isOver else { return }
    if let stream, let connection {
      connection.session.reset(stream, .cancel)
      connection.setNeedsFlush()
    }
    finish(RPCClosure(status, .local))
  }

  private func finish(_ closure: RPCClosure) {
    guard !isOver else { return }
    self.closure = closure
    deadlineTimer?.cancel()
    deadlineTimer = nil
    onOver?()
    onOver = nil
    observation?.ended(closure.status)
    observation = nil
    guard let body else { return }
    self.body = nil
    body.turnEnded()
    writer?.close(closure.status)
    body.closed(closure)
  }
}
