internal import NIOCore

/// One stream of a connection, as both the HTTP/2 machine and the layer above see it.
///
/// Confined to the connection's thread. The machine keeps it alive until the stream closes; after
/// that it may still be held, and ignores what is asked of it.
package final class HTTP2Stream {
  @safe @exclusivity(unchecked) package internal(set) var id: Int32
  /// Whatever the layer above keeps for the stream.
  package var owner: AnyObject? {
    get { ownerStored }
    set { ownerStored = newValue }
  }
  /// True once both sides are done or one has reset it.
  package var isClosed: Bool { hasClosed }
  /// True once the peer's END_STREAM was seen.
  @safe @exclusivity(unchecked) package internal(set) var hasRemoteEnded = false
  /// Tell the delegate when bytes of it have left.
  @safe @exclusivity(unchecked) package var reportsDrain = false

  // Behind a getter, since in another module the attribute is forgotten and each use is checked.
  @safe @exclusivity(unchecked) private var ownerStored: AnyObject?
  @safe @exclusivity(unchecked) var hasClosed = false
  /// Where the machine keeps it.
  @safe @exclusivity(unchecked) var slot = -1
  @safe @exclusivity(unchecked) var outbound = OutboundQueue()
  /// nghttp2 asked for bytes and was told to wait.
  @safe @exclusivity(unchecked) var isDeferred = false
  /// Nothing more will be queued.
  @safe @exclusivity(unchecked) var hasLocalEnded = false
  /// Sent after the last byte.
  @safe @exclusivity(unchecked) var trailers: HTTP2FieldBlock?
  /// The trailers follow the last byte at once, written by us.
  @safe @exclusivity(unchecked) var isTrailed = false
  /// Bytes that left since the last report.
  @safe @exclusivity(unchecked) var drainedBytes = 0

  init(id: Int32) { self.id = id }

  /// Our side needs nothing more: the answer is complete, or the requests are.
  package var hasAnswered: Bool { hasLocalEnded }

  /// Bytes queued here that flow control or the socket still hold back.
  package var queuedBytes: Int { outbound.readableBytes }
}
