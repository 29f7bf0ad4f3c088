package import NIOCore

/// The server's end of an HTTP/2 connection: answers requests.
package final class HTTP2ServerMachine {
  package let session: HTTP2Session

  package init(limits: HTTP2Limits, now: NIODeadline) {
    session = HTTP2Session(server: true, limits: limits, now: now)
  }

  /// Begins an answer whose body follows by `send` and `end` of the session.
  package func respond(_ fields: HTTP2FieldBlock, on stream: HTTP2Stream) {
    session.submitResponse(fields, on: stream, body: true)
  }

  /// Sends an answer that is one header list and nothing else.
  package func respondOnly(_ fields: HTTP2FieldBlock, on stream: HTTP2Stream) {
    session.submitResponse(fields, on: stream, body: false)
  }
}
