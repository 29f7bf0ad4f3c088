package import NIOCore

/// The client's end of an HTTP/2 connection: makes requests.
package final class HTTP2ClientMachine {
  package let session: HTTP2Session

  package init(limits: HTTP2Limits, now: NIODeadline) {
    session = HTTP2Session(server: false, limits: limits, now: now)
  }

  /// Opens a stream whose body follows by `send` and `end` of the session; nil when this connection
  /// takes no more. Above the peer's concurrency limit the request waits inside.
  package func request(_ fields: HTTP2FieldBlock) -> HTTP2Stream? {
    session.submitRequest(fields)
  }
}
