package import NIOCore

/// Who is told what happens on a connection, in the order it comes, while it is read or written.
///
/// All calls come from within nghttp2: they may ask the session for anything but to take bytes in or
/// out, which comes after them.
package protocol HTTP2SessionDelegate: AnyObject {
  /// The peer's first SETTINGS: it does speak HTTP/2.
  func settingsReceived()
  /// A request's, a response's or a trailing header list.
  func headersReceived(_ headers: HTTP2HeaderBlock, on stream: HTTP2Stream)
  /// Bytes of a body.
  func dataReceived(_ chunk: ByteBuffer, on stream: HTTP2Stream)
  /// The peer has ended its side of the stream.
  func peerEnded(_ stream: HTTP2Stream)
  /// The stream is over, for both sides.
  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode)
  /// Bytes of the stream have left its queue for the connection (only for streams that want it).
  func drained(_ count: Int, on stream: HTTP2Stream)
  func pingAnswered()
  /// The peer will accept no new streams; those above `lastStreamID` were not processed.
  func goAwayReceived(lastStreamID: Int32, _ code: HTTP2ErrorCode)
  /// The peer was told that a stream of its is one too many.
  func streamRefused()
}

extension HTTP2SessionDelegate {
  package func streamRefused() {}
}

/// Holds the delegate in a constant: what is told a million times a second is not counted each time.
final class HTTP2Listener {
  let delegate: any HTTP2SessionDelegate

  init(_ delegate: any HTTP2SessionDelegate) { self.delegate = delegate }
}
