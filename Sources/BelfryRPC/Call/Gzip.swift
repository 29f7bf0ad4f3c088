internal import CZlib
internal import NIOCore

/// The one message coding we speak besides none: gzip, in the form of RFC 1952.
///
/// A message is packed and unpacked whole, on the thread of the caller.
enum Gzip {
  /// Rejected: 6, zlib's own; it packs a few per cent better and holds the connection's loop about
  /// three times as long.
  private static let level: Int32 = 1
  /// Largest window, and 16 more for "with gzip's header and check".
  private static let windowBits: Int32 = 15 + 16
  private static let pieceBytes = 65_536

  /// Nil when the message does not become smaller: it should go as it is.
  static func compress(_ message: ByteBuffer) -> ByteBuffer? {
    // Header and check alone are 18 bytes.
    guard message.readableBytes > 18, var stream = Stream.deflating(level, windowBits) else {
      return nil
    }
    let room = message.readableBytes - 1
    var packed = ByteBuffer()
    let result = unsafe message.withUnsafeReadableBytes { input in
      unsafe packed.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { output in
        let result = unsafe stream.run(
          input, UnsafeMutableRawBufferPointer(rebasing: output[..<room]), Z_FINISH)
        return result.code == Z_STREAM_END ? result.produced : 0
      }
    }
    return result > 0 ? packed : nil
  }

  /// Unpacks a message. Nothing is kept beyond the limit, whatever the peer claims: the buffer grows
  /// with what comes out, in steps that end there.
  /// - Throws: *resource exhausted* above the limit, *internal* when this is not gzip.
  static func decompress(_ packed: ByteBuffer, bytesMax: Int) throws(RPCStatus) -> ByteBuffer {
    guard var stream = Stream.inflating(windowBits) else {
      throw RPCStatus(.internal, "zlib could not begin")
    }
    var message = ByteBuffer()
    var packed = packed
    while true {
      // One byte more than may be: whether it is filled says whether the limit is passed.
      let room = min(pieceBytes, bytesMax + 1 - message.readableBytes)
      var result = Stream.Result(code: Z_DATA_ERROR, consumed: 0, produced: 0)
      unsafe packed.withUnsafeReadableBytes { input in
        _ = unsafe message.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { output in
          result = unsafe stream.run(
            input, UnsafeMutableRawBufferPointer(rebasing: output[..<room]), Z_NO_FLUSH)
          return result.produced
        }
      }
      packed.moveReaderIndex(forwardBy: result.consumed)
      guard message.readableBytes <= bytesMax else {
        throw RPCStatus(
          .resourceExhausted, "message above \(bytesMax) bytes when decompressed")
      }
      switch result.code {
      case Z_STREAM_END where packed.readableBytes == 0: return message
      case Z_OK where result.consumed > 0 || result.produced > 0: continue
      default: throw RPCStatus(.internal, "the message is not gzip, as grpc-encoding says it is")
      }
    }
  }

  /// Owner of one zlib stream. zlib keeps a pointer to the struct, so it has an address of its own.
  @safe private struct Stream: ~Copyable {
    struct Result {
      let code: Int32
      let consumed: Int
      let produced: Int
    }

    private let pointer: UnsafeMutablePointer<z_stream>
    private let isDeflating: Bool

    /// Nil when zlib has no memory.
    static func deflating(_ level: Int32, _ windowBits: Int32) -> Stream? {
      let pointer = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      unsafe pointer.initialize(to: z_stream())
      let result = unsafe deflateInit2_(
        pointer, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
      guard result == Z_OK else {
        unsafe pointer.deallocate()
        return nil
      }
      return unsafe Stream(pointer, isDeflating: true)
    }

    static func inflating(_ windowBits: Int32) -> Stream? {
      let pointer = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
      unsafe pointer.initialize(to: z_stream())
      let result = unsafe inflateInit2_(
        pointer, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
      guard result == Z_OK else {
        unsafe pointer.deallocate()
        return nil
      }
      return unsafe Stream(pointer, isDeflating: false)
    }

    private init(_ pointer: UnsafeMutablePointer<z_stream>, isDeflating: Bool) {
      unsafe self.pointer = pointer
      self.isDeflating = isDeflating
    }

    deinit {
      _ = unsafe isDeflating ? deflateEnd(pointer) : inflateEnd(pointer)
      unsafe pointer.deallocate()
    }

    /// One step: Z_OK (more to do), Z_STREAM_END (done), Z_BUF_ERROR (no progress was possible),
    /// Z_NEED_DICT or a negative code (the input is bad).
    mutating func run(
      _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ flush: Int32
    ) -> Result {
      let available = UInt32(clamping: input.count)
      let room = UInt32(clamping: output.count)
      // zlib does not write to its input; its type says so only when built with ZLIB_CONST.
      unsafe pointer.pointee.next_in = UnsafeMutablePointer(
        mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
      unsafe pointer.pointee.avail_in = available
      unsafe pointer.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      unsafe pointer.pointee.avail_out = room
      let code = unsafe isDeflating ? deflate(pointer, flush) : inflate(pointer, flush)
      return unsafe Result(
        code: code, consumed: Int(available - pointer.pointee.avail_in),
        produced: Int(room - pointer.pointee.avail_out))
    }
  }
}
