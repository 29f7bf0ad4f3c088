internal import NIOCore

/// One stream of a connection, as both the HTTP/2 machine and the layer above see it.
///
/// Confined to the connection's thread. The machine keeps it alive until the stream closes; after
/// that it may still be held, and ignores what is asked of it.
package final class HTTP2Stream {
  package internal(set) var id: Int32
  /// Whatever the layer above keeps for the stream.
  package var owner: AnyObject?
  /// True once both sides are done or one has reset it.
  package internal(set) var isClosed = false
  /// True once the peer's END_STREAM was seen.
  package internal(set) var hasRemoteEnded = false
  /// Tell the delegate when bytes of it have left.
  package var reportsDrain = false

  /// Where the machine keeps it.
  var slot = -1
  var outbound = OutboundQueue()
  /// nghttp2 asked for bytes and was told to wait.
  var isDeferred = false
  /// Nothing more will be queued.
  var hasLocalEnded = false
  /// Sent after the last byte.
  var trailers: HTTP2FieldBlock?
  /// Bytes that left since the last report.
  var drainedBytes = 0

  init(id: Int32) { self.id = id }

  /// Our side needs nothing more: the answer is complete, or the requests are.
  package var hasAnswered: Bool { hasLocalEnded }

  /// Bytes queued here that flow control or the socket still hold back.
  package var queuedBytes: Int { outbound.readableBytes }
}
