/// One received header list, kept as it came: fields in order, all bytes in one buffer.
package struct HTTP2HeaderBlock: Sendable {
  package struct Field: Sendable {
    fileprivate let start: Int
    fileprivate let nameCount: Int
    fileprivate let valueCount: Int
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

  mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) {
    if fields.isEmpty {
      fields.reserveCapacity(12)
      bytes.reserveCapacity(320)
    }
    fields.append(Field(start: bytes.count, nameCount: name.count, valueCount: value.count))
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

  /// True when the field's name is exactly this (names arrive in lower case).
  package func name(of field: Field, is expected: StaticString) -> Bool {
    guard field.nameCount == expected.utf8CodeUnitCount else { return false }
    let slice = name(of: field)
    return expected.withUTF8Buffer { unsafe slice.elementsEqual($0) }
  }

  /// The first value under a name, nil when there is none.
  package func first(_ name: StaticString) -> String? {
    fields.first { self.name(of: $0, is: name) }.map { text(of: $0) }
  }
}
