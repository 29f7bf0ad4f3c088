/// Reads the heads of the frames in what arrives, and nothing else of them.
///
/// nghttp2 passes over frames of unknown types, and DATA of streams that are gone, without a callback:
/// a flood of them would be seen by nobody.
package struct FrameScanner {
  package struct Head {
    package let type: UInt8
    package let flags: UInt8
    package let length: Int
    package let stream: Int32
  }

  private static let headBytes = 9

  /// Bytes to pass over before the next head: of a payload, or of the client's preface.
  private var skip: Int
  /// The beginning of a head that a read has cut.
  private var partial: [UInt8] = []

  package init(prefaceBytes: Int) { skip = prefaceBytes }

  package mutating func scan(_ bytes: UnsafeRawBufferPointer, _ report: (Head) -> Void) {
    var at = 0
    if !partial.isEmpty {
      let missing = min(Self.headBytes - partial.count, bytes.count)
      unsafe partial.append(contentsOf: bytes[..<missing])
      at = missing
      guard partial.count == Self.headBytes else { return }
      let whole = partial
      partial.removeAll(keepingCapacity: true)
      unsafe whole.withUnsafeBytes { unsafe take($0, 0, report) }
    }
    while true {
      let left = bytes.count - at
      guard skip < left else {
        skip -= left
        return
      }
      at += skip
      skip = 0
      guard bytes.count - at >= Self.headBytes else {
        unsafe partial.append(contentsOf: bytes[at...])
        return
      }
      unsafe take(bytes, at, report)
      at += Self.headBytes
    }
  }

  /// Reads one whole head.
  private mutating func take(
    _ bytes: UnsafeRawBufferPointer, _ at: Int, _ report: (Head) -> Void
  ) {
    let first = UInt32(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    let stream = UInt32(
      bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: at + 5, as: UInt32.self))
    skip = Int(first >> 8)
    report(
      Head(
        type: UInt8(truncatingIfNeeded: first), flags: unsafe bytes[at + 4], length: skip,
        stream: Int32(stream & 0x7FFF_FFFF)))
  }
}
