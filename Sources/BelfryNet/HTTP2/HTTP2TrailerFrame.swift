#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A whole HEADERS frame that ends a stream, made once for all streams.
///
/// Its fields are literals that no table keeps (RFC 7541 section 6.2.2), so it means the same at any
/// place among what nghttp2 packs, and changes nothing there.
@safe final class HTTP2TrailerFrame: @unchecked Sendable {
  private static let type: UInt8 = 1
  /// END_HEADERS and END_STREAM.
  private static let flags: UInt8 = 0x5

  let count: Int
  private let bytes: UnsafeMutableRawPointer

  static let bytesMax = 9 + Int(UInt8.max)

  /// Nil for fields that are not as short as trailers are, and for those of a response's head.
  init?(_ fields: [(name: String, value: String)]) {
    var block: [UInt8] = []
    for field in fields {
      let (name, value) = (Array(field.name.utf8), Array(field.value.utf8))
      guard name.first != UInt8(ascii: ":"), name.count < 127, value.count < 127 else { return nil }
      block += [0, UInt8(name.count)] + name + [UInt8(value.count)] + value
    }
    let size = block.count
    guard size <= UInt8.max else { return nil }
    let head: [UInt8] = [0, 0, UInt8(size), Self.type, Self.flags, 0, 0, 0, 0]
    count = head.count + size
    unsafe bytes = .allocate(byteCount: count, alignment: 8)
    unsafe bytes.copyMemory(from: head + block, byteCount: count)
  }

  deinit { unsafe bytes.deallocate() }

  /// - Parameter place: has room for `count` bytes.
  func write(to place: UnsafeMutableRawPointer, streamID: Int32) {
    unsafe memcpy(place, bytes, count)
    unsafe place.storeBytes(of: streamID.bigEndian, toByteOffset: 5, as: Int32.self)
  }
}
