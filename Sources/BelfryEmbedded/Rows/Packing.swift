internal import BelfryCore

/// Writes values one behind the other: a text or bytes with their length before them, numbers in eight
/// bytes, little-endian. For columns that nobody searches in.
struct Packer {
  private(set) var bytes: [UInt8] = []

  mutating func int(_ value: Int64) {
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> Int64(shift)))
    }
  }

  mutating func int(_ value: Int) { int(Int64(value)) }
  mutating func bool(_ value: Bool) { bytes.append(value ? 1 : 0) }

  mutating func text(_ value: String) {
    int(value.utf8.count)
    bytes.append(contentsOf: value.utf8)
  }

  mutating func bytes(_ value: [UInt8]) {
    int(value.count)
    bytes.append(contentsOf: value)
  }

  mutating func optional<Value>(_ value: Value?, _ write: (inout Packer, Value) -> Void) {
    bool(value != nil)
    if let value { write(&self, value) }
  }

  mutating func text(_ value: String?) { optional(value) { $0.text($1) } }
  mutating func int(_ value: Int64?) { optional(value) { $0.int($1) } }
}

/// Reads what `Packer` wrote; anything else is a damaged file, and an error.
struct Unpacker {
  private let bytes: [UInt8]
  private var position = 0

  static let damaged = SQLiteFailure(cause: .damaged, message: "a row cannot be read")

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func int() throws(SQLiteFailure) -> Int64 {
    let part = try take(8)
    return part.reversed().reduce(Int64(0)) { $0 << 8 | Int64($1) }
  }

  mutating func bool() throws(SQLiteFailure) -> Bool {
    switch try take(1).first {
    case 0: false
    case 1: true
    default: throw Self.damaged
    }
  }

  mutating func text() throws(SQLiteFailure) -> String {
    String(decoding: try take(length()), as: UTF8.self)
  }

  mutating func byteArray() throws(SQLiteFailure) -> [UInt8] { Array(try take(length())) }

  mutating func optional<Value>(
    _ read: (inout Unpacker) throws(SQLiteFailure) -> Value
  ) throws(SQLiteFailure) -> Value? {
    try bool() ? try read(&self) : nil
  }

  mutating func optionalText() throws(SQLiteFailure) -> String? {
    try optional { (part: inout Unpacker) throws(SQLiteFailure) in try part.text() }
  }

  mutating func optionalInt() throws(SQLiteFailure) -> Int64? {
    try optional { (part: inout Unpacker) throws(SQLiteFailure) in try part.int() }
  }

  /// A text that must be something.
  mutating func value<Value>(
    _ make: (String) -> Value?
  ) throws(SQLiteFailure) -> Value {
    guard let value = make(try text()) else { throw Self.damaged }
    return value
  }

  /// How many elements follow.
  mutating func count() throws(SQLiteFailure) -> Int { try length() }

  private mutating func length() throws(SQLiteFailure) -> Int {
    guard let length = Int(exactly: try int()), length >= 0, length <= bytes.count - position
    else { throw Self.damaged }
    return length
  }

  private mutating func take(_ count: Int) throws(SQLiteFailure) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw Self.damaged }
    defer { position += count }
    return bytes[position..<position + count]
  }
}
