#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

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
    case grpcAcceptEncoding

    init?(_ name: UnsafeBufferPointer<UInt8>) {
      guard let start = name.baseAddress else { return nil }
      for (known, text) in Self.table where text.utf8CodeUnitCount == name.count {
        guard unsafe memcmp(text.utf8Start, start, name.count) == 0 else { continue }
        self = known
        return
      }
      return nil
    }

    private static let table: [(KnownName, StaticString)] = [
      (.method, ":method"), (.path, ":path"), (.status, ":status"),
      (.contentType, "content-type"), (.grpcTimeout, "grpc-timeout"),
      (.grpcEncoding, "grpc-encoding"), (.grpcAcceptEncoding, "grpc-accept-encoding"),
      (.grpcStatus, "grpc-status"), (.grpcMessage, "grpc-message"),
    ]
  }

  private var bytes: [UInt8] = []
  package private(set) var fields: [Field] = []
  /// Size as RFC 9113 section 6.5.2 counts it.
  package private(set) var listBytes = 0

  package init() {}

  /// Builds a block from text, for tests.
  package init(_ fields: [(name: String, value: String)]) {
    for field in fields {
      unsafe Array(field.name.utf8).withUnsafeBufferPointer { name in
        unsafe Array(field.value.utf8).withUnsafeBufferPointer { value in
          unsafe append(name: name, value: value)
        }
      }
    }
  }

  mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
    if fields.isEmpty {
      fields.reserveCapacity(12)
      bytes.reserveCapacity(320)
    }
    fields.append(
      Field(
        known: unsafe KnownName(name), place: Int32(clamping: bytes.count),
        nameSize: Int32(clamping: name.count), valueSize: Int32(clamping: value.count)))
    unsafe bytes.append(contentsOf: name)
    unsafe bytes.append(contentsOf: value)
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
