package import BelfryNet
package import NIOCore

/// Sees a server's calls begin and end: for metrics, audit, limits of one's own.
///
/// Called on the loop of the connection, so it must not block. Calls of unknown methods are answered
/// before it: their names are the peer's to choose, and no label of a metric.
package protocol RPCServerInterceptor: Sendable {
  /// Before the call is authorized. A status refuses it.
  func callBegan(_ call: RPCServerCallInfo) -> RPCStatus?
  /// Once for each call that began, when its status is decided: also of those refused.
  func callEnded(_ call: RPCServerCallInfo, _ status: RPCStatus, took: Duration)
}

extension RPCServerInterceptor {
  package func callBegan(_ call: RPCServerCallInfo) -> RPCStatus? { nil }
  package func callEnded(_ call: RPCServerCallInfo, _ status: RPCStatus, took: Duration) {}
}

/// What an interceptor may know of a call.
package struct RPCServerCallInfo: Sendable {
  package let method: MethodDescriptor
  /// Nil: a stranger.
  package let peer: PeerIdentity?
  package let remoteAddress: SocketAddress?
  let headers: HTTP2HeaderBlock

  /// What the caller sent along; read anew at each use.
  package var metadata: Metadata { Metadata(headers) }
}

/// One call under the eyes of interceptors; there is none without them.
final class ServerObservation {
  private let call: RPCServerCallInfo
  private let interceptors: [any RPCServerInterceptor]
  private let began = NIODeadline.now()
  /// How many were told that the call began; they are told that it ends.
  private var told = 0

  init(_ call: RPCServerCallInfo, _ interceptors: [any RPCServerInterceptor]) {
    self.call = call
    self.interceptors = interceptors
  }

  /// Nil when all let it pass.
  func begin() -> RPCStatus? {
    for interceptor in interceptors {
      told += 1
      if let status = interceptor.callBegan(call) {
        ended(status)
        return status
      }
    }
    return nil
  }

  /// The last first, as they surround the call.
  func ended(_ status: RPCStatus) {
    let took = Duration(.now() - began)
    for interceptor in interceptors.prefix(told).reversed() {
      interceptor.callEnded(call, status, took: took)
    }
    told = 0
  }
}
