internal import BelfryNet
internal import NIOCore

/// What the bodies of calls with one request share: that there is one, and not two.
protocol SingleRequestBody: ServerCallBody {
  var call: ServerCall { get }
  var request: ByteBuffer? { get set }
  /// The request is complete; called once.
  func serve(_ request: ByteBuffer)
}

extension SingleRequestBody {
  func messageReceived(_ message: ByteBuffer) {
    guard request == nil else {
      return call.fail(RPCStatus(.unimplemented, "more than one message in a unary request"))
    }
    request = message
  }

  func messagesEnded() {
    guard let request else {
      return call.fail(RPCStatus(.unimplemented, "no message in a unary request"))
    }
    serve(request)
  }
}

/// A unary call answered at once.
final class UnaryBody: SingleRequestBody {
  typealias Handler = @Sendable (ServerCallContext, ByteBuffer) throws(RPCStatus) -> ByteBuffer

  unowned let call: ServerCall
  private let handler: Handler
  var request: ByteBuffer?

  init(_ call: ServerCall, _ handler: @escaping Handler) {
    self.call = call
    self.handler = handler
  }

  func serve(_ request: ByteBuffer) {
    do throws(RPCStatus) {
      call.answer(try handler(call.context, request))
    } catch {
      call.finish(RPCStatus(handlerError: error))
    }
  }

  func closed(_ closure: RPCClosure) {}
}

/// A unary call answered by a task.
final class UnaryAsyncBody: SingleRequestBody {
  typealias Handler = @Sendable (ServerCallContext, ByteBuffer) async throws -> ByteBuffer

  unowned let call: ServerCall
  private let handler: Handler
  var request: ByteBuffer?
  private var task: ServerTask?

  init(_ call: ServerCall, _ handler: @escaping Handler) {
    self.call = call
    self.handler = handler
  }

  func serve(_ request: ByteBuffer) {
    task = ServerTask(answering: call, request, handler)
  }

  func closed(_ closure: RPCClosure) { task?.cancel() }
}

/// One request, and a stream of answers that a task makes.
final class ServerStreamBody: SingleRequestBody {
  unowned let call: ServerCall
  private let work: @Sendable (ByteBuffer) async throws -> Void
  private let writer: RPCWriter
  var request: ByteBuffer?
  private var task: ServerTask?

  init(
    _ call: ServerCall, writer: RPCWriter,
    _ work: @escaping @Sendable (ByteBuffer) async throws -> Void
  ) {
    self.call = call
    self.writer = writer
    self.work = work
  }

  func serve(_ request: ByteBuffer) {
    let work = work
    task = ServerTask(call) { try await work(request) }
  }

  func drained(_ count: Int) { _ = writer.drained(count) }

  func closed(_ closure: RPCClosure) {
    writer.close(closure.status)
    task?.cancel()
  }
}

/// A stream of requests, read by a task.
final class StreamBody: ServerCallBody {
  private let messages: RPCMessages
  private let writer: RPCWriter?
  private var task: ServerTask?

  init(_ messages: RPCMessages, writer: RPCWriter?) {
    self.messages = messages
    self.writer = writer
  }

  func start(_ call: ServerCall, _ work: @escaping @Sendable () async throws -> Void) {
    task = ServerTask(call, work)
  }

  var holdsCredit: Bool { messages.isHolding }

  func messageReceived(_ message: ByteBuffer) { messages.push(message) }

  func messagesEnded() { messages.end(.ok) }

  func drained(_ count: Int) { _ = writer?.drained(count) }

  func closed(_ closure: RPCClosure) {
    messages.end(closure.status.isOK ? RPCStatus(.cancelled, "finished") : closure.status)
    writer?.close(closure.status)
    task?.cancel()
  }
}

/// A stream whose handler is called with batches.
final class EventBody: ServerCallBody {
  private let handler: any RPCEventHandler
  private let writer: RPCWriter
  private var batch: [ByteBuffer] = []

  init(_ handler: any RPCEventHandler, _ writer: RPCWriter) {
    self.handler = handler
    self.writer = writer
  }

  var wantsTurnEnd: Bool { true }

  func messageReceived(_ message: ByteBuffer) { batch.append(message) }

  func messagesEnded() {
    turnEnded()
    handler.messagesEnded()
  }

  func turnEnded() {
    guard !batch.isEmpty else { return }
    var messages: [ByteBuffer] = []
    swap(&messages, &batch)
    handler.messagesReceived(messages)
  }

  func drained(_ count: Int) {
    if writer.drained(count) { handler.drained() }
  }

  func goingAway() { handler.goingAway() }

  func closed(_ closure: RPCClosure) {
    turnEnded()
    writer.close(closure.status)
    handler.closed(closure)
  }
}

/// The task that serves a call: begun on the loop, cancelled when the call ends before it, counted
/// by the connection until it has really ended.
final class ServerTask {
  private let task: Task<Void, Never>

  /// - Parameter work: its error decides the call; when it returns the call must have been answered.
  convenience init(_ call: ServerCall, _ work: @escaping @Sendable () async throws -> Void) {
    self.init(of: call) {
      var status = RPCStatus.ok
      do { try await work() } catch { status = RPCStatus(handlerError: error) }
      let result = status
      Self.onLoop(of: call) { Self.ended(call, result) }
    }
  }

  /// Answers with what the handler returns or throws. No closure lies between the task and it: each
  /// would cost as much as a small handler.
  convenience init(
    answering call: ServerCall, _ request: ByteBuffer,
    _ handler: @escaping UnaryAsyncBody.Handler
  ) {
    self.init(of: call) {
      do {
        let reply = try await handler(call.context, request)
        Self.onLoop(of: call) {
          call.answer(reply)
          Self.ended(call, .ok)
        }
      } catch {
        let status = RPCStatus(handlerError: error)
        Self.onLoop(of: call) { Self.ended(call, status) }
      }
    }
  }

  private init(of call: ServerCall, _ run: @escaping @Sendable () async -> Void) {
    call.connection.taskStarted()
    let executor = call.connection.executor
    if #available(macOS 26.0, *) {
      task = Task.immediate(executorPreference: executor, operation: run)
    } else {
      task = Task(executorPreference: executor, operation: run)
    }
  }

  func cancel() { task.cancel() }

  private static func onLoop(of call: ServerCall, _ work: @escaping @Sendable () -> Void) {
    let loop = call.context.eventLoop
    if loop.inEventLoop { work() } else { loop.execute(work) }
  }

  private static func ended(_ call: ServerCall, _ status: RPCStatus) {
    call.connection.taskEnded()
    call.finish(status)
  }
}
