internal import CNghttp2

/// A header list ready to be sent, in the form nghttp2 takes.
///
/// A *permanent* block is a constant of the program: nghttp2 then refers to its bytes instead of
/// copying them, so it must never be freed (keep it in a `static let`).
@safe package final class HTTP2FieldBlock: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<nghttp2_nv>
  let count: Int
  /// The block as a frame that ends a stream; nil for those that nghttp2 has to pack.
  let frame: HTTP2TrailerFrame?
  private let bytes: UnsafeMutablePointer<UInt8>

  package init(_ fields: [(name: String, value: String)], permanent: Bool = false) {
    count = fields.count
    frame = permanent ? HTTP2TrailerFrame(fields) : nil
    unsafe pointer = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: max(1, fields.count))
    let size = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    unsafe bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, size))
    let flags =
      permanent
      ? UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue) : 0
    var next = unsafe bytes
    for (index, field) in fields.enumerated() {
      let name = unsafe next
      for byte in field.name.utf8 {
        unsafe next.pointee = byte
        unsafe next += 1
      }
      let value = unsafe next
      for byte in field.value.utf8 {
        unsafe next.pointee = byte
        unsafe next += 1
      }
      unsafe (pointer + index).initialize(
        to: nghttp2_nv(
          name: name, value: value, namelen: value - name, valuelen: next - value, flags: flags))
    }
  }

  deinit {
    unsafe pointer.deallocate()
    unsafe bytes.deallocate()
  }
}
