/// Reads one BSON document: its fields by name, nested documents only when asked for.
///
/// What comes out of the store was perhaps written by something else, so every length is checked
/// against what is left, and a field of another type is an error that names it.
struct BSONDocument {
  private let fields: [(key: String, value: BSONValue)]

  init(_ bytes: [UInt8]) throws(BSONError) { try self.init(slice: bytes[...]) }

  init(slice bytes: ArraySlice<UInt8>) throws(BSONError) {
    var reader = BSONReader(rest: bytes)
    let length = try reader.length()
    guard length == bytes.count, bytes.last == 0 else { throw BSONError("its length is wrong") }
    reader.rest = reader.rest.dropLast()
    var fields: [(key: String, value: BSONValue)] = []
    while let type = reader.rest.first {
      reader.rest = reader.rest.dropFirst()
      let key = try reader.key()
      fields.append((key, try reader.value(type: type, key: key)))
    }
    self.fields = fields
  }

  var values: [BSONValue] { fields.map(\.value) }

  /// The fields that are texts; of two with one name, the first.
  var texts: [String: String] {
    Dictionary(fields.compactMap { key, value in value.string.map { (key, $0) } }) { first, _ in
      first
    }
  }

  subscript(key: String) -> BSONValue? { fields.first { $0.key == key }?.value }

  /// Reads a field that must be there; `convert` returns nil for what does not fit.
  func require<Value>(_ key: String, _ convert: (BSONValue) -> Value?) throws(BSONError) -> Value {
    guard let value = self[key] else { throw BSONError("field \"\(key)\" is missing") }
    guard let converted = convert(value) else { throw BSONError("field \"\(key)\" is unreadable") }
    return converted
  }

  /// Reads a field that may be absent, but when there must fit.
  func optional<Value>(_ key: String, _ convert: (BSONValue) -> Value?) throws(BSONError) -> Value?
  {
    guard let value = self[key] else { return nil }
    guard let converted = convert(value) else { throw BSONError("field \"\(key)\" is unreadable") }
    return converted
  }

  /// Reads a nested document or array that may be absent.
  func document(_ key: String) throws(BSONError) -> BSONDocument? {
    guard let slice = try optional(key, { $0.nested }) else { return nil }
    do { return try BSONDocument(slice: slice) } catch {
      throw BSONError("\(key): \(error.message)")
    }
  }

  /// Reads an array of documents; an absent one is empty.
  func documents(_ key: String) throws(BSONError) -> [BSONDocument] {
    var documents: [BSONDocument] = []
    for value in try document(key)?.values ?? [] {
      guard let slice = value.nested else { throw BSONError("\(key): an element is no document") }
      documents.append(try BSONDocument(slice: slice))
    }
    return documents
  }
}

/// Why bytes are no document that Belfry can read.
struct BSONError: Error, Equatable {
  let message: String
  init(_ message: String) { self.message = message }
}

enum BSONValue {
  case double(Double)
  case string(String)
  /// A document or an array, with its length in front.
  case nested(ArraySlice<UInt8>)
  case binary(ArraySlice<UInt8>)
  case bool(Bool)
  /// Unix time in milliseconds.
  case date(Int64)
  /// The server's time at an insert: seconds of Unix time, and a number within the second.
  case timestamp(seconds: Int64)
  case int(Int64)
  /// Types that are only stepped over.
  case other

  var string: String? { if case .string(let value) = self { value } else { nil } }
  var nested: ArraySlice<UInt8>? { if case .nested(let value) = self { value } else { nil } }
  var binary: [UInt8]? { if case .binary(let value) = self { Array(value) } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var date: Int64? { if case .date(let value) = self { value } else { nil } }
  var timestampSeconds: Int64? {
    if case .timestamp(let seconds) = self { seconds } else { nil }
  }
  var int64: Int64? {
    switch self {
    case .int(let value): value
    case .double(let value): Int64(exactly: value)
    default: nil
    }
  }
  var int: Int? { int64.flatMap { Int(exactly: $0) } }
}

/// Steps through the bytes of one document.
private struct BSONReader {
  var rest: ArraySlice<UInt8>

  mutating func length() throws(BSONError) -> Int {
    guard let length = Int(exactly: try number(UInt32.self)) else { throw BSONError("it is cut") }
    return length
  }

  mutating func key() throws(BSONError) -> String {
    guard let end = rest.firstIndex(of: 0) else { throw BSONError("a key does not end") }
    let key = String(decoding: rest[..<end], as: UTF8.self)
    rest = rest[(end + 1)...]
    return key
  }

  mutating func value(type: UInt8, key: String) throws(BSONError) -> BSONValue {
    switch BSONType(rawValue: type) {
    case .double: return .double(Double(bitPattern: try number(UInt64.self)))
    case .string: return .string(try string())
    case .document, .array: return .nested(try nested())
    case .binary:
      let length = try length()
      _ = try take(1)
      return .binary(try take(length))
    case .bool: return .bool(try take(1).first == 1)
    case .date: return .date(Int64(bitPattern: try number(UInt64.self)))
    case .int32: return .int(Int64(Int32(bitPattern: try number(UInt32.self))))
    case .int64: return .int(Int64(bitPattern: try number(UInt64.self)))
    case .null: return .other
    case .timestamp: return .timestamp(seconds: Int64(try number(UInt64.self) >> 32))
    case .objectID: return try other(12)
    case .decimal128: return try other(16)
    case nil: throw BSONError("field \"\(key)\" has type \(type), which Belfry does not use")
    }
  }

  private mutating func other(_ count: Int) throws(BSONError) -> BSONValue {
    _ = try take(count)
    return .other
  }

  private mutating func string() throws(BSONError) -> String {
    let text = try take(try length())
    guard text.last == 0, let string = String(validating: text.dropLast(), as: UTF8.self)
    else { throw BSONError("a text is no UTF-8") }
    return string
  }

  private mutating func nested() throws(BSONError) -> ArraySlice<UInt8> {
    let whole = rest
    let length = try length()
    guard length >= 5, length <= whole.count else { throw BSONError("it is cut") }
    rest = whole.dropFirst(length)
    return whole.prefix(length)
  }

  private mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    _: Number.Type
  ) throws(BSONError) -> Number {
    var value: Number = 0
    for byte in try take(Number.bitWidth / 8).reversed() { value = value << 8 | Number(byte) }
    return value
  }

  private mutating func take(_ count: Int) throws(BSONError) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw BSONError("it is cut") }
    let taken = rest.prefix(count)
    rest = rest.dropFirst(count)
    return taken
  }
}
