internal import NIOCore

/// Sees a client's calls begin and end: for metrics, traces, metadata that all calls carry.
///
/// `callBegins` runs on the caller's thread, `callEnded` on the loop; neither may block.
package protocol RPCClientInterceptor: Sendable {
  /// May change how the call is made.
  func callBegins(_ method: MethodDescriptor, _ options: inout RPCCallOptions)
  /// Once for each call; the status is what its caller sees, trailing metadata included.
  func callEnded(_ method: MethodDescriptor, _ status: RPCStatus, took: Duration)
}

extension RPCClientInterceptor {
  package func callBegins(_ method: MethodDescriptor, _ options: inout RPCCallOptions) {}
  package func callEnded(_ method: MethodDescriptor, _ status: RPCStatus, took: Duration) {}
}

/// One call under the eyes of interceptors; there is none without them.
final class ClientObservation: Sendable {
  private let method: MethodDescriptor
  private let interceptors: [any RPCClientInterceptor]
  private let began = NIODeadline.now()

  init(method: MethodDescriptor, interceptors: [any RPCClientInterceptor]) {
    self.method = method
    self.interceptors = interceptors
  }

  func ended(_ status: RPCStatus) {
    let took = Duration(.now() - began)
    for interceptor in interceptors.reversed() {
      interceptor.callEnded(method, status, took: took)
    }
  }
}
