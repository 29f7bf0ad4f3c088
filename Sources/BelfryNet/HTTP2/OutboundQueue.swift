internal import NIOCore

/// Bytes of one stream that wait for the connection: small pieces gathered, large ones by reference.
struct OutboundQueue {
  /// Pieces up to this are copied together; above it a copy costs more than a separate piece.
  private static let gatherBytesMax = 4_096

  private var pieces: [ByteBuffer] = []
  private var first = 0
  private var open = ByteBuffer()
  private(set) var readableBytes = 0

  /// Appends a gRPC message: its 5-byte prefix (compressed flag, big-endian length) and its bytes.
  mutating func append(message: ByteBuffer, isCompressed: Bool = false) {
    let count = message.readableBytes
    open.writeInteger(UInt8(isCompressed ? 1 : 0))
    open.writeInteger(UInt32(truncatingIfNeeded: count))
    readableBytes += 5 + count
    if count <= Self.gatherBytesMax {
      open.writeImmutableBuffer(message)
    } else {
      pieces.append(open)
      pieces.append(message)
      open = ByteBuffer()
    }
  }

  /// Moves exactly `count` bytes, which must be there, to the end of `buffer`.
  mutating func move(_ count: Int, to buffer: inout ByteBuffer) {
    precondition(count <= readableBytes, "\(count) of \(readableBytes) bytes asked for")
    readableBytes -= count
    var wanted = count
    while wanted > 0, first < pieces.count {
      let part = min(wanted, pieces[first].readableBytes)
      if let slice = pieces[first].readSlice(length: part) { buffer.writeImmutableBuffer(slice) }
      wanted -= part
      if pieces[first].readableBytes == 0 {
        pieces[first] = ByteBuffer()
        first += 1
      }
    }
    if first > 0, first == pieces.count {
      pieces.removeAll(keepingCapacity: true)
      first = 0
    }
    guard wanted > 0 else { return }
    if let slice = open.readSlice(length: wanted) { buffer.writeImmutableBuffer(slice) }
    if open.readableBytes == 0 { open.clear() }
  }
}
