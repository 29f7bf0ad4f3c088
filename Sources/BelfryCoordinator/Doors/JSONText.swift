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

  mutating func field(_ name: String, _ value: String) {
    key(name)
    string(value)
    needsComma = true
  }

  mutating func field(_ name: String, _ value: some FixedWidthInteger) {
    key(name)
    put(String(value))
    needsComma = true
  }

  mutating func field(_ name: String, _ value: Bool) {
    key(name)
    put(value ? "true" : "false")
    needsComma = true
  }

  mutating func object(_ name: String, _ body: (inout JSONText) -> Void) {
    key(name)
    object(body)
  }

  mutating func array<Item>(
    _ name: String, _ items: [Item], _ each: (inout JSONText, Item) -> Void
  ) {
    key(name)
    array(items, each)
  }

  private mutating func separate() {
    if needsComma { put(",") }
    needsComma = false
  }

  private mutating func key(_ name: String) {
    separate()
    string(name)
    put(":")
  }

  private mutating func string(_ value: String) {
    put("\"")
    if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
      put(value)
    } else {
      for scalar in value.unicodeScalars { put(scalar) }
    }
    put("\"")
  }

  private mutating func put(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x22: put("\\\"")
    case 0x5C: put("\\\\")
    case 0x0A: put("\\n")
    case 0x0D: put("\\r")
    case 0x09: put("\\t")
    case 0..<0x20, 0x7F, 0x2028, 0x2029:
      let hex = String(scalar.value, radix: 16)
      put("\\u" + String(repeating: "0", count: 4 - hex.count) + hex)
    default: put(String(scalar))
    }
  }

  private mutating func put(_ value: String) { bytes.append(contentsOf: value.utf8) }
}
