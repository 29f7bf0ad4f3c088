internal import CMongoC

/// The place of one `bson_t`: lends bytes written in Swift to libbson, and takes a reply's bytes.
///
/// `bson_t` is aligned to 128 bytes, so Swift sees it as an opaque pointer only; here is its memory.
@safe final class BSONLoan {
  private let place: UnsafeMutableRawPointer

  init() { unsafe place = .allocate(byteCount: 128, alignment: 128) }
  deinit { unsafe place.deallocate() }

  /// Lends a document for the time of `body`, uncopied.
  func lend<Answer>(_ bytes: [UInt8], _ body: (OpaquePointer) -> Answer) -> Answer {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      let isDocument = unsafe bson_init_static(
        OpaquePointer(place), buffer.baseAddress, buffer.count)
      precondition(isDocument, "BSONWriter wrote \(bytes.count) bytes that are no document")
      return unsafe body(OpaquePointer(place))
    }
  }

  /// Lets `body` fill in a reply, and returns a copy of its bytes.
  func receive<Answer>(_ body: (OpaquePointer) -> Answer) -> (answer: Answer, reply: [UInt8]) {
    let answer = unsafe body(OpaquePointer(place))
    let reply = unsafe Self.copy(OpaquePointer(place))
    unsafe bson_destroy(OpaquePointer(place))
    return (answer, reply)
  }

  /// Copies the bytes of a document that libbson owns; their number stands in the first four.
  static func copy(_ document: OpaquePointer) -> [UInt8] {
    guard let data = unsafe bson_get_data(document) else { return [] }
    var length = 0
    for index in (0..<4).reversed() { length = unsafe length << 8 | Int(data[index]) }
    return unsafe Array(UnsafeBufferPointer(start: data, count: length))
  }
}
