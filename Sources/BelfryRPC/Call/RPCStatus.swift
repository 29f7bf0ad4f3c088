/// How a call ended: gRPC's code, a sentence for people, and metadata that goes along.
///
/// Handlers throw it to answer with an error; calls throw it when they failed.
package struct RPCStatus: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Code: Int, Sendable, CaseIterable {
    case ok = 0
    case cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists
    case permissionDenied, resourceExhausted, failedPrecondition, aborted, outOfRange
    case unimplemented, `internal`, unavailable, dataLoss, unauthenticated
  }

  package var code: Code
  package var message: String
  /// Sent in the trailers beside the status.
  package var metadata: Metadata

  package init(_ code: Code, _ message: String = "", metadata: Metadata = Metadata()) {
    self.code = code
    self.message = message
    self.metadata = metadata
  }

  package init(code: Code, message: String, metadata: Metadata = Metadata()) {
    self.init(code, message, metadata: metadata)
  }

  package static let ok = RPCStatus(.ok)

  package var isOK: Bool { code == .ok }

  package var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }

  /// The status of whatever a handler threw: a status is itself, the end of a task is *cancelled*,
  /// anything else is *unknown* and its text stays on our side.
  package init(handlerError error: any Error) {
    switch error {
    case let status as RPCStatus: self = status.isOK ? RPCStatus(.unknown, "threw OK") : status
    case is CancellationError: self.init(.cancelled, "the handler was cancelled")
    default: self.init(.unknown, "the handler failed")
    }
  }
}
