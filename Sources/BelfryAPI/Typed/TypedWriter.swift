package import BelfryRPC
package import NIOCore

/// The sending side of a stream of one kind of messages; a thin coat over ``RPCWriter``, whose
/// rules hold. For any thread; the messages are encoded on the caller's.
package struct TypedWriter<Outgoing: APIMessage>: Sendable {
  package let writer: RPCWriter
  private let encoding: MessageEncoding

  package init(_ writer: RPCWriter, encoding: MessageEncoding) {
    self.writer = writer
    self.encoding = encoding
  }

  package var eventLoop: any EventLoop { writer.eventLoop }
  package var isCongested: Bool { writer.isCongested }
  package var queuedBytes: Int { writer.queuedBytes }

  /// Queues messages without waiting; false when the writer is now congested, or closed.
  @discardableResult
  package func send(contentsOf messages: some Collection<Outgoing>) -> Bool {
    if messages.isEmpty { return !writer.isCongested }
    return writer.send(contentsOf: encoding.bytes(of: messages))
  }

  @discardableResult
  package func send(_ message: Outgoing) -> Bool { writer.send(encoding.bytes(of: message)) }

  /// Queues a message and waits while the writer is congested.
  /// - Throws: the status the stream ended with; *cancelled* when the task was.
  package func sendWhenFree(_ message: Outgoing) async throws(RPCStatus) {
    try await writer.sendWhenFree(encoding.bytes(of: message))
  }

  /// Ends our side after what is queued; see ``RPCWriter/finish(_:)``.
  package func finish(_ status: RPCStatus = .ok) { writer.finish(status) }
}
