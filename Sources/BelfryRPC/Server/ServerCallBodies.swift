internal import BelfryNet
internal import NIOCore

/// What the bodies of calls with one request share: that there is one, and not two.
protocol SingleRequestBody: ServerCallBody {
  /// The request is complete; called once.
  func serve(_ request: ByteBuffer, for call: ServerCall)
}

extension SingleRequestBody {
  func messageReceived(_ message: ByteBuffer, for call: ServerCall) {
    guard call.request == nil else {
      return call.fail(RPCStatus(.unimplemented, "more than one message in a unary request"))
    }
    call.request = message
  }

  func messagesEnded(for call: ServerCall) {
    guard let request = call.request else {
      return call.fail(RPCStatus(.unimplemented, "no message in a unary request"))
    }
    serve(request, for: call)
  }
}

/// A unary call answered at once. It keeps nothing of its call: a method has one for all.
final class UnaryBody: SingleRequestBody, Sendable {
  typealias Handler = @Sendable (ServerCallContext, ByteBuffer) throws(RPCStatus) -> ByteBuffer

  private let handler: Handler

  init(_ handler: @escaping Handler) { self.handler = handler }

  func serve(_ request: ByteBuffer, for call: ServerCall) {
    do throws(RPCStatus) {
      call.answer(try handler(call.context, request))
    } catch {
      call.finish(RPCStatus(handlerError: error))
    }
  }

  func closed(_ closure: RPCClosure) {}
}

/// A unary call answered by a task. Like `UnaryBody`, one for all calls of a method.
final class UnaryAsyncBody: SingleRequestBody, Sendable {
  typealias Handler = @Sendable (ServerCallContext, ByteBuffer) async throws -> ByteBuffer

  private let handler: Handler

  init(_ handler: @escaping Handler) { self.handler = handler }

  func serve(_ request: ByteBuffer, for call: ServerCall) {
    call.connection.workers.serve(call, request, handler)
  }

  func closed(_ closure: RPCClosure) {}
}

/// One request, and a stream of answers that a task makes.
final class ServerStreamBody: SingleRequestBody {
  private let work: @Sendable (ByteBuffer) async throws -> Void
  private let writer: RPCWriter

  init(writer: RPCWriter, _ work: @escaping @Sendable (ByteBuffer) async throws -> Void) {
    self.work = work
    self.writer = writer
  }

  func serve(_ request: ByteBuffer, for call: ServerCall) {
    let work = work
    call.run { try await work(request) }
  }

  func drained(_ count: Int) { _ = writer.drained(count) }

  func closed(_ closure: RPCClosure) { writer.close(closure.status) }
}

/// A stream of requests, read by a task.
final class StreamBody: ServerCallBody {
  private let messages: RPCMessages
  private let writer: RPCWriter?

  init(_ messages: RPCMessages, writer: RPCWriter?) {
    self.messages = messages
    self.writer = writer
  }

  var holdsCredit: Bool { messages.isHolding }

  func messageReceived(_ message: ByteBuffer, for call: ServerCall) { messages.push(message) }

  func messagesEnded(for call: ServerCall) { messages.end(.ok) }

  func drained(_ count: Int) { _ = writer?.drained(count) }

  func closed(_ closure: RPCClosure) {
    messages.end(closure.status.isOK ? RPCStatus(.cancelled, "finished") : closure.status)
    writer?.close(closure.status)
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

  func messageReceived(_ message: ByteBuffer, for call: ServerCall) { batch.append(message) }

  func messagesEnded(for call: ServerCall) {
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
