internal import NIOCore

/// Bytes of one stream that wait for the connection: small pieces gathered, large ones by reference.
struct OutboundQueue {
  /// Pieces up to this are copied together; above it a copy costs more than a separate piece.
  private static let gatherBytesMax = 4_096

  /// The one message that waits, while there is only one: most never meet another, and leave whole.
  private var single: ByteBuffer?
  private var pieces: [ByteBuffer] = []
  private var first = 0
  /// The last piece, which grows; nil until a message meets another.
  private var open: ByteBuffer?
  private(set) var readableBytes = 0

  /// Appends a gRPC message: its 5-byte prefix (compressed flag, big-endian length) and its bytes.
  mutating func append(message: ByteBuffer, isCompressed: Bool = false) {
    if readableBytes == 0, !isCompressed {
      single = message
    } else {
      gatherSingle()
      gather(message, isCompressed: isCompressed)
    }
    readableBytes += 5 + message.readableBytes
  }

  private mutating func gatherSingle() {
    guard let message = single else { return }
    single = nil
    gather(message, isCompressed: false)
  }

  private mutating func gather(_ message: ByteBuffer, isCompressed: Bool) {
    var piece = open.take() ?? ByteBuffer()
    Self.writePrefix(of: message, isCompressed: isCompressed, to: &piece)
    if message.readableBytes <= Self.gatherBytesMax {
      piece.writeImmutableBuffer(message)
      open = piece
    } else {
      pieces.append(piece)
      pieces.append(message)
    }
  }

  /// Moves exactly `count` bytes, which must be there, to a place that has room for them.
  mutating func move(_ count: Int, to place: UnsafeMutableRawPointer) {
    precondition(count <= readableBytes, "\(count) of \(readableBytes) bytes asked for")
    if count == readableBytes, let message = single {
      single = nil
      readableBytes = 0
      unsafe Self.storePrefix(of: message, at: place)
      return unsafe Self.copy(message, to: place + Self.prefixBytes)
    }
    gatherSingle()
    readableBytes -= count
    var place = unsafe place
    var wanted = count
    while wanted > 0, first < pieces.count {
      let part = min(wanted, pieces[first].readableBytes)
      if let slice = pieces[first].readSlice(length: part) { unsafe Self.copy(slice, to: place) }
      unsafe place += part
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
    guard wanted > 0, var piece = open.take() else { return }
    if let slice = piece.readSlice(length: wanted) { unsafe Self.copy(slice, to: place) }
    if piece.readableBytes == 0 { piece.clear() }
    open = piece
  }

  private static let prefixBytes = 5

  private static func copy(_ bytes: ByteBuffer, to place: UnsafeMutableRawPointer) {
    unsafe bytes.withUnsafeReadableBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe place.copyMemory(from: start, byteCount: bytes.count)
    }
  }

  /// The prefix of a message that is not compressed.
  private static func storePrefix(of message: ByteBuffer, at place: UnsafeMutableRawPointer) {
    let size = UInt32(truncatingIfNeeded: message.readableBytes)
    unsafe place.storeBytes(of: 0, as: UInt8.self)
    unsafe place.storeBytes(of: size.bigEndian, toByteOffset: 1, as: UInt32.self)
  }

  private static func writePrefix(
    of message: ByteBuffer, isCompressed: Bool, to buffer: inout ByteBuffer
  ) {
    buffer.writeMultipleIntegers(
      UInt8(isCompressed ? 1 : 0), UInt32(truncatingIfNeeded: message.readableBytes))
  }
}
