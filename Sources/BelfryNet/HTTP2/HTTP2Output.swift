#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Where frames are put: a piece of a buffer that is lent for as long as nghttp2 is asked for them.
///
/// Not a `ByteBuffer`: a call is answered by four small pieces, and each would be four calls there.
@safe struct HTTP2Output {
  static let headBytes = 9
  /// No frame of ours is larger, with trailers behind it: nghttp2 makes none above 16 KiB, whatever
  /// the peer would take.
  static let frameBytesMax = headBytes + 1 + 16_384 + HTTP2TrailerFrame.bytesMax

  private var start: UnsafeMutableRawPointer?
  private var capacity = 0
  private var bytesMax = 0
  private var count = 0
  /// True when nothing more should be put here: there is enough, or no room.
  private(set) var isFull = false
  /// A frame for which there was no room, in memory of nghttp2's.
  private var rest: UnsafeRawBufferPointer?

  /// - Parameter bytesMax: how much is wanted; the last frame may go above it.
  mutating func begin(in space: UnsafeMutableRawBufferPointer, bytesMax: Int) {
    unsafe start = space.baseAddress
    capacity = space.count
    self.bytesMax = bytesMax
    count = 0
    isFull = false
  }

  /// Ends what `begin` began; returns the number of bytes that were put there.
  mutating func end() -> Int {
    unsafe start = nil
    return count
  }

  /// The frame that had no place, once; valid until nghttp2 is asked for the next.
  mutating func takeRest() -> UnsafeRawBufferPointer? { unsafe rest.take() }

  /// Room for so many bytes, which the caller fills at once; nil when there is enough, or no room.
  mutating func take(_ size: Int) -> UnsafeMutableRawPointer? {
    guard count < bytesMax, size <= capacity - count, let start = unsafe start else {
      isFull = true
      return nil
    }
    defer { count += size }
    return unsafe start + count
  }

  /// Copies a frame of nghttp2's.
  mutating func append(_ bytes: UnsafeRawPointer, _ size: Int) {
    if let place = unsafe take(size) {
      unsafe memcpy(place, bytes, size)
    } else {
      unsafe rest = UnsafeRawBufferPointer(start: bytes, count: size)
    }
    if count >= bytesMax { isFull = true }
  }

  /// Takes the flag END_STREAM out of a frame's head.
  static func clearEndStream(_ head: UnsafeMutableRawPointer) {
    let flags = unsafe head.load(fromByteOffset: 4, as: UInt8.self)
    unsafe head.storeBytes(of: flags & ~1, toByteOffset: 4, as: UInt8.self)
  }
}
