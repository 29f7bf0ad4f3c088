/// What a read of the network brought, in the order it came.
package enum HTTP2Event {
  /// The peer's first SETTINGS: it does speak HTTP/2.
  case settings
  /// A request's, a response's or a trailing header list.
  case headers(HTTP2Stream, HTTP2HeaderBlock)
  /// Bytes of a body: a part of the buffer that was received, from its reader index.
  case data(HTTP2Stream, offset: Int, count: Int)
  /// The peer has ended its side of the stream.
  case ended(HTTP2Stream)
  /// The stream is over, for both sides.
  case closed(HTTP2Stream, HTTP2ErrorCode)
  /// Bytes of the stream have left its queue for the connection (only for streams that want it).
  case drained(HTTP2Stream, count: Int)
  case pingAnswered
  /// The peer will accept no new streams; those above `lastStreamID` were not processed.
  case goAway(lastStreamID: Int32, HTTP2ErrorCode)
}
