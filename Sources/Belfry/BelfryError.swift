package import BelfryRPC

/// What went wrong, as a code to act on and a sentence to read.
public struct BelfryError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// The address, the job or the request is wrong: do not repeat it as it is.
    case badArgument
    case badIdentity
    /// Right in itself, and the state of the cluster forbids it: no result, no CA there, as many as there may be.
    case notPossible
    case notFound
    /// The payload is over the limit.
    case tooLarge
    /// The certificate may not do this, or is not trusted.
    case refused
    /// The coordinator or its broker cannot be reached, or did not confirm: try again.
    case unavailable
    case deadlineExceeded
    case cancelled
    case protocolError
  }

  public let code: Code
  public let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package init(_ status: RPCStatus) {
    let code: Code =
      switch status.code {
      case .invalidArgument, .outOfRange, .alreadyExists: .badArgument
      case .failedPrecondition: .notPossible
      case .notFound: .notFound
      case .resourceExhausted: .tooLarge
      case .permissionDenied, .unauthenticated: .refused
      case .deadlineExceeded: .deadlineExceeded
      case .cancelled: .cancelled
      case .unavailable, .aborted: .unavailable
      case .ok, .unknown, .unimplemented, .internal, .dataLoss: .protocolError
      }
    self.init(code, status.message.isEmpty ? "\(status.code)" : status.message)
  }

  public var description: String { message }
}
