internal import BelfryNet
internal import NIOCore

/// Takes the one answer of a unary call.
final class UnaryReplyBody: ClientCallBody {
  private unowned let call: ClientCall
  private var reply: ByteBuffer?
  private var continuation: CheckedContinuation<Result<RPCReply, RPCStatus>, Never>?

  init(
    _ call: ClientCall,
    _ continuation: CheckedContinuation<Result<RPCReply, RPCStatus>, Never>
  ) {
    self.call = call
    self.continuation = continuation
  }

  var isRepeatable: Bool { reply == nil }
  var missing: RPCStatus? {
    reply == nil ? RPCStatus(.internal, "no message in a unary answer") : nil
  }

  func messageReceived(_ message: ByteBuffer) {
    guard reply == nil else {
      return call.fail(RPCStatus(.internal, "more than one message in a unary answer"))
    }
    reply = message
  }

  func closed(_ closure: RPCClosure) {
    let result: Result<RPCReply, RPCStatus>
    if closure.status.isOK, let reply {
      let (initial, trailing) = call.metadata
      result = .success(
        RPCReply(message: reply, initialMetadata: initial, trailingMetadata: trailing))
    } else {
      result = .failure(closure.status)
    }
    continuation?.resume(returning: result)
    continuation = nil
  }
}

/// Passes answers to the reader of a sequence.
final class StreamReplyBody: ClientCallBody {
  private let messages: RPCMessages
  private let writer: RPCWriter?

  init(_ messages: RPCMessages, writer: RPCWriter?) {
    self.messages = messages
    self.writer = writer
  }

  var holdsCredit: Bool { messages.isHolding }

  /// With one request, which the call has kept; nothing of the answer has come where this is asked.
  var isRepeatable: Bool { writer == nil }

  func messageReceived(_ message: ByteBuffer) { messages.push(message) }

  func drained(_ count: Int) { _ = writer?.drained(count) }

  func closed(_ closure: RPCClosure) { messages.end(closure.status) }
}

/// Passes answers to an event handler, a batch at a time.
final class EventReplyBody: ClientCallBody {
  private let handler: any RPCEventHandler
  private let writer: RPCWriter
  private var batch: [ByteBuffer] = []

  init(_ handler: any RPCEventHandler, _ writer: RPCWriter) {
    self.handler = handler
    self.writer = writer
  }

  var wantsTurnEnd: Bool { true }

  func messageReceived(_ message: ByteBuffer) { batch.append(message) }

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

  func closed(_ closure: RPCClosure) { handler.closed(closure) }
}
