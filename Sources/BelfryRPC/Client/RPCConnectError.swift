internal import BelfryNet
internal import NIOCore
internal import NIOPosix

/// Why a server could not be reached, in words for the person who must mend it.
package struct RPCConnectError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: Sendable, Equatable {
    /// The name has no address.
    case nameNotFound
    /// Nobody listens there, or the network does not lead there.
    case unreachable
    case timedOut
    /// We do not trust the server: its certificate is wrong, expired, of another CA or role.
    case serverRefused
    /// The server does not trust us; its log says why.
    case refusedByServer
    /// It answers, but does not speak TLS 1.3 with HTTP/2.
    case notOurProtocol
    /// The connection broke while it was being set up, or the client was closed.
    case closed
  }

  package let kind: Kind
  /// `host:port`.
  package let target: String
  package let reason: String

  package var description: String { "cannot connect to \(target): \(reason)" }

  init(_ kind: Kind, _ target: String, _ reason: String) {
    self.kind = kind
    self.target = target
    self.reason = reason
  }

  /// What became of one round through all targets.
  init(_ failures: [RPCConnectError], last: RPCConnectError) {
    guard failures.count > 1 else {
      self = last
      return
    }
    self.init(
      last.kind, failures.map(\.target).joined(separator: ", "),
      failures.map { "\($0.target): \($0.reason)" }.joined(separator: "; "))
  }

  package init(target: String, _ error: any Error) {
    switch error {
    case let error as TLSError:
      let kind: Kind =
        switch error.kind {
        case .peerRefused: .serverRefused
        case .refusedByPeer: .refusedByServer
        case .timedOut: .timedOut
        case .closed: .closed
        case .noHTTP2, .protocolError, .configuration, .excessive: .notOurProtocol
        }
      self.init(kind, target, "TLS: \(error.reason)")
    case let error as HTTP2Error:
      let isLate = error.kind == .preface || error.kind == .silent
      self.init(isLate ? .timedOut : .notOurProtocol, target, error.reason)
    case let error as NIOConnectionError:
      self.init(target: target, connection: error)
    case let error as ChannelError:
      if case .connectTimeout(let amount) = error {
        self.init(.timedOut, target, "no answer within \(amount.text)")
      } else {
        self.init(.closed, target, "\(error)")
      }
    case let error as IOError: self.init(.unreachable, target, Self.text(error))
    default: self.init(.unreachable, target, "\(error)")
    }
  }

  private init(target: String, connection error: NIOConnectionError) {
    guard let first = error.connectionErrors.first else {
      self.init(.nameNotFound, target, "the name \(error.host) has no address")
      return
    }
    if case .connectTimeout(let amount) = first.error as? ChannelError {
      self.init(.timedOut, target, "no answer within \(amount.text)")
    } else if let error = first.error as? IOError {
      self.init(.unreachable, target, Self.text(error))
    } else {
      self.init(.unreachable, target, "\(first.error)")
    }
  }

  /// "connection refused", from "connect(…): Connection refused (errno: 111)".
  private static func text(_ error: IOError) -> String {
    let text = "\(error)"
    guard let end = text.range(of: " (errno:"), let start = text.range(of: "): ") else {
      return text
    }
    guard start.upperBound <= end.lowerBound else { return text }
    let words = text[start.upperBound..<end.lowerBound]
    return (words.last == ")" ? words.dropLast() : words).lowercased()
  }
}

extension String {
  /// The first place of a text in this one.
  fileprivate func range(of text: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
