internal import BelfryNet
internal import NIOCore

/// What serves one call: one small class for each kind of handler. All on the loop.
protocol ServerCallBody: AnyObject {
  func messageReceived(_ message: ByteBuffer, for call: ServerCall)
  func messagesEnded(for call: ServerCall)
  /// All messages of one read have been given.
  func turnEnded()
  /// Bytes of the answer have left for the connection.
  func drained(_ count: Int)
  func goingAway()
  /// The call failed or the stream is gone; called once, the last call.
  func closed(_ closure: RPCClosure)
  /// True while the peer should not get its window back.
  var holdsCredit: Bool { get }
  /// True for bodies that gather what a read brings.
  var wantsTurnEnd: Bool { get }
}

extension ServerCallBody {
  func turnEnded() {}
  func drained(_ count: Int) {}
  func goingAway() {}
  var holdsCredit: Bool { false }
  var wantsTurnEnd: Bool { false }
}

/// One call on the server: its stream, its deadline, its answer. Confined to the loop of its
/// connection, so safe to pass to closures that run there.
final class ServerCall: RPCWriterTarget, @unchecked Sendable {
  let context: ServerCallContext
  let stream: HTTP2Stream
  let connection: ServerConnection
  @safe @exclusivity(unchecked) var body: (any ServerCallBody)?
  /// What came, for bodies that take one message.
  @safe @exclusivity(unchecked) var request: ByteBuffer?
  /// What serves the call, while it runs.
  @safe @exclusivity(unchecked) var task: Task<Void, Never>?
  @safe @exclusivity(unchecked) var isTaskRunning = false
  @safe @exclusivity(unchecked) private var deframer: MessageDeframer
  @safe @exclusivity(unchecked) private var deadlineTimer: Scheduled<Void>?
  @safe @exclusivity(unchecked) private var withheldBytes = 0
  @safe @exclusivity(unchecked) private var receivedBytes = 0
  /// Bytes of a message that is not complete, as the server's budget counts them.
  @safe @exclusivity(unchecked) private(set) var keptBytes = 0
  private var watch: BodyWatch?
  /// Packed messages that wait for the reader of those before them: unpacked they can be a thousand
  /// times as many bytes, and the peer's window counts only the packed ones. Nil: nothing has to wait;
  /// empty: nothing waits yet.
  @safe @exclusivity(unchecked) private var packed: ByteBuffer?
  private var hasPackedEnd = false
  private var hasSentHeaders = false
  /// How the messages of the answer are packed; decided with the head.
  private var coding: MessageCoding?
  /// The answer's status has been decided.
  @safe @exclusivity(unchecked) private var outcome: RPCStatus?
  private var isAwaitingTurnEnd = false
  /// Nil without interceptors.
  @safe @exclusivity(unchecked) var observation: ServerObservation?
  /// Nil where nobody keeps metrics.
  @safe @exclusivity(unchecked) var counted: CountedCall?

  init(
    context: ServerCallContext, stream: HTTP2Stream, connection: ServerConnection,
    deframer: MessageDeframer
  ) {
    self.context = context
    self.stream = stream
    self.connection = connection
    self.deframer = deframer
    if let deadline = context.deadline {
      deadlineTimer = context.eventLoop.scheduleTask(deadline: deadline) { [self] in
        fail(RPCStatus(.deadlineExceeded, "the deadline passed while the server worked on it"))
      }
    }
  }

  var isOver: Bool { outcome != nil || stream.isClosed }

  // MARK: From the connection

  func dataReceived(_ chunk: ByteBuffer) {
    let count = chunk.readableBytes
    receivedBytes &+= count
    guard outcome == nil, let body else {
      connection.session.consume(count, on: stream)
      return
    }
    if packed != nil {
      packed?.writeImmutableBuffer(chunk)
      withheldBytes += count
      return
    }
    cut(chunk, for: body)
    if body.wantsTurnEnd, !isAwaitingTurnEnd {
      isAwaitingTurnEnd = true
      connection.callTouched(self)
    }
    countKept()
    if body.holdsCredit || keptBytes > 0 && connection.mustWait(self) {
      withheldBytes += count
    } else {
      connection.session.consume(count, on: stream)
      connection.session.widen(stream, unfinishedBytes: keptBytes)
    }
  }

  private func countKept() {
    let bytes = deframer.keptBytes
    guard bytes != keptBytes else { return }
    let change = bytes - keptBytes
    keptBytes = bytes
    connection.kept(change)
    if bytes == 0 { connection.endTurn(of: self) }
  }

  /// The peer waits for its window because memory is scarce.
  var isWaiting: Bool { withheldBytes > 0 && body?.holdsCredit == false }

  /// Ends the call when its request comes too slowly. Called every second or so.
  /// - Parameter mayWait: true when it is our doing that nothing comes.
  func check(now: NIODeadline, mayWait: Bool) {
    guard body is any SingleRequestBody, outcome == nil, !stream.hasRemoteEnded, !mayWait,
      withheldBytes == 0
    else {
      watch = nil
      return
    }
    var watch = watch ?? BodyWatch(bytes: receivedBytes, now: now)
    let limits = connection.shared.limits
    if let wrong = watch.check(bytes: receivedBytes, now: now, limits: limits) {
      connection.refusedCall(self, .slowBody, wrong)
      return fail(RPCStatus(.deadlineExceeded, wrong))
    }
    self.watch = watch
  }

  private func cut(_ bytes: ByteBuffer, for body: any ServerCallBody) {
    var bytes = bytes
    do throws(RPCStatus) {
      while outcome == nil, let message = try deframer.next(from: &bytes) {
        body.messageReceived(message, for: self)
        if deframer.coding != nil, body.holdsCredit {
          packed = bytes
          return
        }
      }
    } catch {
      fail(error)
    }
  }

  /// The reader has caught up: what waited packed is next.
  private func unpackMore() {
    guard let bytes = packed else { return }
    packed = nil
    guard outcome == nil, let body else { return }
    cut(bytes, for: body)
    if packed == nil, hasPackedEnd { requestEnded() }
  }

  func requestEnded() {
    guard outcome == nil else { return }
    guard packed == nil else {
      hasPackedEnd = true
      return
    }
    guard deframer.isAtBoundary else {
      fail(RPCStatus(.internal, "the request ended inside a message"))
      return
    }
    body?.messagesEnded(for: self)
  }

  func turnEnded() {
    isAwaitingTurnEnd = false
    body?.turnEnded()
  }

  func drained(_ count: Int) { body?.drained(count) }

  func goingAway() { body?.goingAway() }

  /// The stream is gone.
  func streamClosed(_ code: HTTP2ErrorCode) {
    if let outcome {
      end(RPCClosure(outcome, .finished))
    } else {
      let status = RPCStatus(.cancelled, "the caller broke the call off")
      decide(status)
      end(RPCClosure(status, .reset(code)))
    }
  }

  func connectionLost(_ reason: String, _ cause: RPCClosure.Cause) {
    let status = outcome ?? RPCStatus(.unavailable, reason)
    if outcome == nil { decide(status) }
    end(RPCClosure(status, cause))
  }

  /// Gives the peer the window that was kept back while the reader was slow.
  func releaseCredit() {
    unpackMore()
    guard withheldBytes > 0, packed == nil else { return }
    connection.session.consume(withheldBytes, on: stream)
    withheldBytes = 0
    connection.setNeedsFlush()
  }

  // MARK: The answer

  func write(_ messages: [ByteBuffer]) {
    guard outcome == nil, !stream.isClosed else { return }
    var saved = 0
    for message in messages { saved += write(message) }
    connection.setNeedsFlush()
    // What packing has saved never waits for the peer.
    if saved > 0 { body?.drained(saved) }
  }

  func endWriting(_ status: RPCStatus) { finish(status) }

  /// The whole answer of a unary call.
  func answer(_ message: ByteBuffer) {
    guard outcome == nil else { return }
    _ = write(message)
    finish(.ok)
  }

  /// Returns the bytes that packing has saved.
  private func write(_ message: ByteBuffer) -> Int {
    if !hasSentHeaders {
      hasSentHeaders = true
      let addition = context.addition
      coding = addition?.isCompressed == true ? .gzip : nil
      connection.machine.respond(
        WireFields.responseHeaders(
          context.encoding, coding: coding, metadata: addition?.initial ?? Metadata()),
        on: stream)
    }
    guard let coding, let packed = coding.compress(message) else {
      connection.session.send(message, on: stream)
      return 0
    }
    connection.session.send(packed, on: stream, isCompressed: true)
    return message.readableBytes - packed.readableBytes
  }

  /// Decides the call: sends the status behind what is queued.
  func finish(_ status: RPCStatus) {
    guard outcome == nil else { return }
    decide(status)
    deadlineTimer?.cancel()
    let addition = context.addition
    let metadata = addition?.trailing ?? Metadata()
    if hasSentHeaders {
      connection.session.end(stream, trailers: WireFields.trailers(status, metadata: metadata))
    } else {
      let all = addition?.initial.followed(by: metadata) ?? metadata
      connection.machine.respondOnly(
        WireFields.trailersOnly(context.encoding, status, metadata: all), on: stream)
    }
    releaseCredit()
    connection.setNeedsFlush()
  }

  private func decide(_ status: RPCStatus) {
    outcome = status
    counted?.ended(status.code)
    observation?.ended(status)
    observation = nil
  }

  /// Ends the call without waiting for its handler, which is told.
  func fail(_ status: RPCStatus) {
    guard outcome == nil else { return }
    finish(status)
    end(RPCClosure(status, .local))
  }

  private func end(_ closure: RPCClosure) {
    deadlineTimer?.cancel()
    if keptBytes > 0 {
      connection.kept(-keptBytes)
      keptBytes = 0
    }
    connection.endTurn(of: self)
    guard let body else { return }
    self.body = nil
    body.closed(closure)
    task?.cancel()
    task = nil
  }
}
