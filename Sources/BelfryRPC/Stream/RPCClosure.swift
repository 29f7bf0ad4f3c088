package import BelfryNet

/// How and why a stream ended, as its handler is told.
package struct RPCClosure: Sendable, Equatable, CustomStringConvertible {
  package enum Cause: Sendable, Equatable {
    /// The call ended with a status, sent by the server and seen by the client.
    case finished
    /// The peer broke the stream off, the connection stays.
    case reset(HTTP2ErrorCode)
    /// The connection ended under the call.
    case connectionLost
    /// We gave the connection up, or the system did, because nothing got through to the peer any more:
    /// no word of the peer's. Servers tell it from a loss.
    case connectionStuck
    /// We ended it: cancelled, past its deadline, or never sent.
    case local
  }

  package let status: RPCStatus
  package let cause: Cause

  package init(_ status: RPCStatus, _ cause: Cause) {
    self.status = status
    self.cause = cause
  }

  package var description: String { "\(status) (\(cause))" }
}
