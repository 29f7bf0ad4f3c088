/// One received header list, kept as it came: fields in order, all bytes in one buffer.
package struct HTTP2HeaderBlock: Sendable {
  package struct Field: Sendable {
    /// Which of the usual names this is, found once, as it arrives.
    package let known: KnownName?
    fileprivate let place: Int32
    fileprivate let nameSize: Int32
    fileprivate let valueSize: Int32

    fileprivate var start: Int { Int(place) }
    fileprivate var nameCount: Int { Int(nameSize) }
    fileprivate var valueCount: Int { Int(valueSize) }
  }

  /// Names that are looked for in every call.
  package enum KnownName: Sendable {
    case method, path, status, contentType, grpcTimeout, grpcEncoding, grpcStatus, grpcMessage

    init?(_ name: some BidirectionalCollection<UInt8>) {
      let found: (KnownName, StaticString)
      switch name.count {
      case 5: found = (.path, ":path")
      case 7:
        found = name.last == UInt8(ascii: "d") ? (.method, ":method") : (.status, ":status")
      case 11: found = (.grpcStatus, "grpc-status")
      case 12:
        switch name.last {
        case UInt8(ascii: "e"):
          found =
            name.first == UInt8(ascii: "c")
            ? (.contentType, "content-type") : (.grpcMessage, "grpc-message")
        default: found = (.grpcTimeout, "grpc-timeout")
        }
      case 13: found = (.grpcEncoding, "grpc-encoding")
      default: return nil
      }
      let isEqual = found.1.withUTF8Buffer { unsafe name.elementsEqual($0) }
      guard isEqual else { return nil }
      self = found.0
    }
  }

  private var bytes: [UInt8] = []
  package private(set) var fields: [Field] = []
  /// Size as RFC 9113 section 6.5.2 counts it.
  package private(set) var listBytes = 0

  package init() {}

  /// Builds a block from text, for tests.
  package init(_ fields: [(name: String, value: String)]) {
    for field in fields { append(name: Array(field.name.utf8), value: Array(field.value.utf8)) }
  }

  mutating func append(
    name: some BidirectionalCollection<UInt8>, value: some BidirectionalCollection<UInt8>
  ) {
    if fields.isEmpty {
      fields.reserveCapacity(12)
      bytes.reserveCapacity(320)
    }
    fields.append(
      Field(
        known: KnownName(name), place: Int32(clamping: bytes.count),
        nameSize: Int32(clamping: name.count), valueSize: Int32(clamping: value.count)))
    bytes.append(contentsOf: name)
    bytes.append(contentsOf: value)
    listBytes += name.count + value.count + 32
  }

  package func name(of field: Field) -> ArraySlice<UInt8> {
    bytes[field.start..<(field.start + field.nameCount)]
  }

  package func value(of field: Field) -> ArraySlice<UInt8> {
    let start = field.start + field.nameCount
    return bytes[start..<(start + field.valueCount)]
  }

  package func text(of field: Field) -> String { String(decoding: value(of: field), as: UTF8.self) }

  /// The first value under a name, nil when there is none.
  package func first(_ name: String) -> String? {
    fields.first { self.name(of: $0).elementsEqual(name.utf8) }.map { text(of: $0) }
  }

  /// True when the field's value is exactly this.
  package func value(of field: Field, is expected: [UInt8]) -> Bool {
    guard field.valueCount == expected.count else { return false }
    return unsafe bytes.withUnsafeBufferPointer { bytes in
      let start = field.start + field.nameCount
      for index in 0..<expected.count where unsafe bytes[start + index] != expected[index] {
        return false
      }
      return true
    }
  }
}
