package import NIOCore

/// One end of a bidirectional stream for whom speed matters: called on the connection's loop, with
/// the messages of one read of the network at a time.
///
/// The same shape on server and client. It must not block. Messages may share the memory of a read
/// (64 KiB); copy what is kept for long.
package protocol RPCEventHandler: AnyObject {
  /// Never empty.
  func messagesReceived(_ messages: [ByteBuffer])
  /// The peer will send no more messages on this stream; ours may go on.
  func messagesEnded()
  /// The writer was congested and has room again.
  func drained()
  /// The connection takes no new calls (GOAWAY, ours or theirs); this one may finish.
  func goingAway()
  /// The last call to the handler, made exactly once.
  func closed(_ closure: RPCClosure)
}

extension RPCEventHandler {
  package func messagesEnded() {}
  package func drained() {}
  package func goingAway() {}
}
