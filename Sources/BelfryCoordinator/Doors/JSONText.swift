/// Writes JSON, field by field: an event a job is on the hot path, where a general encoder costs ten
/// times the rest of the step. Control characters and line separators are escaped, so one document
/// is always one line.
struct JSONText {
  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  init() { bytes.reserveCapacity(512) }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func object(_ body: (inout JSONText) -> Void) {
    separate()
    put("{")
    needsComma = false
    body(&self)
    put("}")
    needsComma = true
  }

  mutating func array<Item>(_ items: [Item], _ each: (inout JSONText, Item) -> Void) {
    separate()
    put("[")
    needsComma = false
    for item in items { each(&self, item) }
    put("]")
    needsComma = true
  }

  /// A text as an element of an array.
  mutating func element(_ value: String) {
    separate()
    string(value)
    needsComma = true
  }

  mutating func field(_ name: StaticString, _ value: String) {
    key(name)
    string(value)
    needsComma = true
  }

  /// A field whose name is not ours.
  mutating func field(named name: String, _ value: String) {
    separate()
    string(name)
    put(":")
    string(value)
    needsComma = true
  }

  mutating func field(_ name: StaticString, _ value: some FixedWidthInteger) {
    key(name)
    put(text: String(value))
    needsComma = true
  }

  mutating func field(_ name: StaticString, _ value: Bool) {
    key(name)
    if value { put("true") } else { put("false") }
    needsComma = true
  }

  mutating func object(_ name: StaticString, _ body: (inout JSONText) -> Void) {
    key(name)
    object(body)
  }

  mutating func array<Item>(
    _ name: StaticString, _ items: [Item], _ each: (inout JSONText, Item) -> Void
  ) {
    key(name)
    array(items, each)
  }

  private mutating func separate() {
    if needsComma { put(",") }
    needsComma = false
  }

  /// A name is ours: nothing in it is escaped.
  private mutating func key(_ name: StaticString) {
    separate()
    put("\"")
    put(name)
    put("\":")
  }

  private mutating func string(_ value: String) {
    put("\"")
    if !putPlain(value) {
      for scalar in value.unicodeScalars { put(escaping: scalar) }
    }
    put("\"")
  }

  /// False, and nothing is written, when something in it must be escaped, or may have to be.
  private mutating func putPlain(_ value: String) -> Bool {
    let isWritten = unsafe value.utf8.withContiguousStorageIfAvailable { text in
      // No early end: this way the compiler compares many bytes at once.
      var escapes: UInt8 = 0
      for index in text.indices {
        let byte = unsafe text[index]
        let isPlain = byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C
        escapes |= isPlain ? 0 : 1
      }
      let isPlain = escapes == 0
      if isPlain { unsafe bytes.append(contentsOf: text) }
      return isPlain
    }
    return isWritten ?? false
  }

  private mutating func put(escaping scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x22: put("\\\"")
    case 0x5C: put("\\\\")
    case 0x0A: put("\\n")
    case 0x0D: put("\\r")
    case 0x09: put("\\t")
    case 0..<0x20, 0x7F, 0x2028, 0x2029:
      let hex = String(scalar.value, radix: 16)
      put(text: "\\u" + String(repeating: "0", count: 4 - hex.count) + hex)
    default: put(text: String(scalar))
    }
  }

  private mutating func put(_ value: StaticString) {
    unsafe bytes.append(
      contentsOf: UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }

  private mutating func put(text: String) { bytes.append(contentsOf: text.utf8) }
}
