package import BelfryRPC
internal import NIOCore

/// One end of a bidirectional stream for whom speed matters: called on the connection's loop, with
/// the messages of one read of the network at a time. ``RPCEventHandler`` with types; its rules
/// hold.
package protocol TypedEventHandler<Incoming>: AnyObject {
  associatedtype Incoming: APIMessage

  /// Never empty.
  func messagesReceived(_ messages: [Incoming])
  /// The peer will send no more messages on this stream; ours may go on.
  func messagesEnded()
  /// The writer was congested and has room again.
  func drained()
  /// The connection takes no new calls (GOAWAY, ours or theirs); this one may finish.
  func goingAway()
  /// The last call to the handler, made exactly once.
  func closed(_ closure: RPCClosure)
}

extension TypedEventHandler {
  package func messagesEnded() {}
  package func drained() {}
  package func goingAway() {}
}

/// Decodes for a typed handler. A message that cannot be read ends the stream: what came before it
/// is still given to the handler, what comes after it is not.
final class EventDecoder<Incoming: APIMessage>: RPCEventHandler {
  private let handler: any TypedEventHandler<Incoming>
  private let writer: RPCWriter
  private let read: (ByteBuffer) throws(RPCStatus) -> Incoming
  private var hasFailed = false

  init(
    _ handler: any TypedEventHandler<Incoming>, _ writer: RPCWriter,
    read: @escaping (ByteBuffer) throws(RPCStatus) -> Incoming
  ) {
    self.handler = handler
    self.writer = writer
    self.read = read
  }

  func messagesReceived(_ messages: [ByteBuffer]) {
    if hasFailed { return }
    var batch: [Incoming] = []
    batch.reserveCapacity(messages.count)
    var failure: RPCStatus?
    for message in messages {
      do throws(RPCStatus) {
        batch.append(try read(message))
      } catch {
        failure = error
        break
      }
    }
    hasFailed = failure != nil
    if !batch.isEmpty { handler.messagesReceived(batch) }
    if let failure { writer.finish(failure) }
  }

  func messagesEnded() { if !hasFailed { handler.messagesEnded() } }
  func drained() { handler.drained() }
  func goingAway() { handler.goingAway() }
  func closed(_ closure: RPCClosure) { handler.closed(closure) }
}
