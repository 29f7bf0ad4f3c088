internal import NIOCore

/// Cuts a body into messages: one flag byte, four bytes of big-endian length, the message.
///
/// A message that lies within one chunk is a slice of it, without a copy; one that spans chunks is
/// gathered. The length is judged as soon as its prefix is there, before anything is kept for it; that
/// of a compressed message once more while it is unpacked.
struct MessageDeframer {
  private let messageBytesMax: Int
  /// How messages with the compressed flag are packed; nil: there may be none.
  var coding: MessageCoding?
  /// The beginning of a message whose end has not come; prefix included.
  private var partial: ByteBuffer?
  /// Bytes of the partial message with its prefix; nil until the prefix is complete.
  private var partialCount: Int?

  init(messageBytesMax: Int, coding: MessageCoding? = nil) {
    self.messageBytesMax = messageBytesMax
    self.coding = coding
  }

  /// True between messages: a body may end only here.
  var isAtBoundary: Bool { partial == nil }

  /// Bytes of a message that is not complete.
  var keptBytes: Int { partial?.readableBytes ?? 0 }

  /// Takes the next message out of `chunk`; nil when the chunk is used up.
  mutating func next(from chunk: inout ByteBuffer) throws(RPCStatus) -> ByteBuffer? {
    if partial != nil { return try continuePartial(&chunk) }
    guard chunk.readableBytes > 0 else { return nil }
    if let prefix = try prefix(of: chunk), chunk.readableBytes - 5 >= prefix.count {
      chunk.moveReaderIndex(forwardBy: 5)
      guard let message = chunk.readSlice(length: prefix.count) else { return nil }
      return prefix.isCompressed ? try unpack(message) : message
    }
    // Nothing is reserved for the length that was claimed: the buffer grows with what arrives.
    partial = ByteBuffer()
    return try continuePartial(&chunk)
  }

  private mutating func continuePartial(
    _ chunk: inout ByteBuffer
  ) throws(RPCStatus) -> ByteBuffer? {
    guard var gathered = partial else { return nil }
    partial = nil
    if partialCount == nil {
      Self.move(min(5 - gathered.readableBytes, chunk.readableBytes), from: &chunk, to: &gathered)
      partialCount = try prefix(of: gathered).map { $0.count + 5 }
    }
    guard let total = partialCount else {
      partial = gathered
      return nil
    }
    Self.move(
      min(total - gathered.readableBytes, chunk.readableBytes), from: &chunk, to: &gathered)
    guard gathered.readableBytes == total else {
      partial = gathered
      return nil
    }
    partialCount = nil
    let isCompressed = gathered.getInteger(at: gathered.readerIndex, as: UInt8.self) == 1
    gathered.moveReaderIndex(forwardBy: 5)
    return isCompressed ? try unpack(gathered) : gathered
  }

  private func unpack(_ message: ByteBuffer) throws(RPCStatus) -> ByteBuffer {
    // The prefix was judged before: there is a coding.
    guard let coding else { return message }
    return try coding.decompress(message, bytesMax: messageBytesMax)
  }

  private static func move(
    _ count: Int, from chunk: inout ByteBuffer, to buffer: inout ByteBuffer
  ) {
    guard count > 0, let slice = chunk.readSlice(length: count) else { return }
    buffer.writeImmutableBuffer(slice)
  }

  /// What a prefix announces; nil when it is not complete.
  private func prefix(
    of buffer: ByteBuffer
  ) throws(RPCStatus) -> (isCompressed: Bool, count: Int)? {
    // In one go: each look into a buffer costs as much as all that is done with it here.
    let (flag, length) = unsafe buffer.withUnsafeReadableBytes { bytes -> (UInt8?, UInt32?) in
      guard bytes.count >= 5 else { return (unsafe bytes.first, nil) }
      return unsafe (
        bytes[0], UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
      )
    }
    guard let flag else { return nil }
    guard flag == 0 || flag == 1 && coding != nil else {
      throw RPCStatus(
        .internal,
        flag == 1 ? "compressed message without grpc-encoding" : "bad message flag \(flag)")
    }
    guard let length else { return nil }
    guard let count = Int(exactly: length), count <= messageBytesMax else {
      throw RPCStatus(
        .resourceExhausted, "message of \(length) bytes, at most \(messageBytesMax) allowed")
    }
    return (flag == 1, count)
  }
}
