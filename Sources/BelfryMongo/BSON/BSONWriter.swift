/// Writes one BSON document into an array of bytes (bsonspec.org, version 1.1).
///
/// Written here rather than by `bson_append_*`: a document costs one growing array and no call into
/// C for each field, and nothing about it is unsafe. Keys are Belfry's own words, never a user's.
struct BSONWriter {
  private(set) var bytes: [UInt8]

  /// Makes a document. `capacity` is a guess of its size in bytes.
  static func document(capacity: Int = 256, _ body: (inout BSONWriter) -> Void) -> [UInt8] {
    var writer = BSONWriter(capacity: capacity)
    let start = writer.open()
    body(&writer)
    writer.close(start)
    return writer.bytes
  }

  private init(capacity: Int) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  mutating func string(_ key: String, _ value: String) {
    element(.string, key)
    fixed(UInt32(truncatingIfNeeded: value.utf8.count + 1))
    bytes.append(contentsOf: value.utf8)
    bytes.append(0)
  }

  /// Writes nothing for an empty text: absent fields are left out.
  mutating func stringUnlessEmpty(_ key: String, _ value: String) {
    if !value.isEmpty { string(key, value) }
  }

  mutating func string(_ key: String, _ value: String?) {
    if let value { string(key, value) }
  }

  /// Writes 32 bits where they do, as other drivers and people expect.
  mutating func int(_ key: String, _ value: Int) {
    if let small = Int32(exactly: value) {
      element(.int32, key)
      fixed(UInt32(bitPattern: small))
    } else {
      int64(key, Int64(value))
    }
  }

  mutating func int64(_ key: String, _ value: Int64) {
    element(.int64, key)
    fixed(UInt64(bitPattern: value))
  }

  mutating func bool(_ key: String, _ value: Bool) {
    element(.bool, key)
    bytes.append(value ? 1 : 0)
  }

  /// `milliseconds` of Unix time.
  mutating func date(_ key: String, milliseconds: Int64) {
    element(.date, key)
    fixed(UInt64(bitPattern: milliseconds))
  }

  /// A timestamp; in a document that is inserted, at its top level, zero stands for the server's time.
  mutating func timestamp(_ key: String, seconds: Int64) {
    element(.timestamp, key)
    fixed(UInt64(bitPattern: seconds << 32))
  }

  mutating func binary(_ key: String, _ value: [UInt8]) {
    element(.binary, key)
    fixed(UInt32(truncatingIfNeeded: value.count))
    bytes.append(0)  // subtype: generic
    bytes.append(contentsOf: value)
  }

  mutating func document(_ key: String, _ body: (inout BSONWriter) -> Void) {
    element(.document, key)
    let start = open()
    body(&self)
    close(start)
  }

  /// Writes an array of documents.
  mutating func array<Items: Sequence>(
    _ key: String, _ items: Items, _ body: (inout BSONWriter, Items.Element) -> Void
  ) {
    element(.array, key)
    let start = open()
    for (index, item) in items.enumerated() {
      document(String(index)) { body(&$0, item) }
    }
    close(start)
  }

  /// Writes an array whose elements `body` writes under the keys that it is given.
  mutating func values<Items: Sequence>(
    _ key: String, _ items: Items, _ body: (inout BSONWriter, String, Items.Element) -> Void
  ) {
    element(.array, key)
    let start = open()
    for (index, item) in items.enumerated() { body(&self, String(index), item) }
    close(start)
  }

  mutating func strings(_ key: String, _ items: some Sequence<String>) {
    values(key, items) { $0.string($1, $2) }
  }

  private mutating func element(_ type: BSONType, _ key: String) {
    precondition(!key.utf8.contains(0), "a BSON key cannot hold NUL: \(key)")
    bytes.append(type.rawValue)
    bytes.append(contentsOf: key.utf8)
    bytes.append(0)
  }

  private mutating func open() -> Int {
    let start = bytes.count
    fixed(UInt32(0))
    return start
  }

  /// A length past 32 bits is cut: the store refuses a document long before that by its size.
  private mutating func close(_ start: Int) {
    bytes.append(0)
    let length = UInt32(truncatingIfNeeded: bytes.count - start)
    for index in 0..<4 {
      bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index))
    }
  }

  private mutating func fixed<Number: FixedWidthInteger & UnsignedInteger>(_ value: Number) {
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> Number(shift)))
    }
  }
}

/// The element types that Belfry writes or meets in a server's answer.
enum BSONType: UInt8 {
  case double = 0x01
  case string = 0x02
  case document = 0x03
  case array = 0x04
  case binary = 0x05
  case objectID = 0x07
  case bool = 0x08
  case date = 0x09
  case null = 0x0A
  case int32 = 0x10
  case timestamp = 0x11
  case int64 = 0x12
  case decimal128 = 0x13
}
