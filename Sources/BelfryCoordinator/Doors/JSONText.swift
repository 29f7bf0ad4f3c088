/// Writes JSON, field by field: an event a job is on the hot path, where a general encoder costs ten
/// times the rest of the step. Control characters and line separators are escaped, so one document
/// is always one line.
struct JSONText {
  private(set) var text = ""
  private var needsComma = false

  init() { text.reserveCapacity(512) }

  mutating func object(_ body: (inout JSONText) -> Void) {
    separate()
    text.append("{")
    needsComma = false
    body(&self)
    text.append("}")
    needsComma = true
  }

  mutating func array<Item>(_ items: [Item], _ each: (inout JSONText, Item) -> Void) {
    separate()
    text.append("[")
    needsComma = false
    for item in items { each(&self, item) }
    text.append("]")
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
    text.append(String(value))
    needsComma = true
  }

  mutating func field(_ name: String, _ value: Bool) {
    key(name)
    text.append(value ? "true" : "false")
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
    if needsComma { text.append(",") }
    needsComma = false
  }

  private mutating func key(_ name: String) {
    separate()
    string(name)
    text.append(":")
  }

  private mutating func string(_ value: String) {
    text.append("\"")
    if value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
      text.append(value)
    } else {
      for scalar in value.unicodeScalars { append(scalar) }
    }
    text.append("\"")
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0x22: text.append("\\\"")
    case 0x5C: text.append("\\\\")
    case 0x0A: text.append("\\n")
    case 0x0D: text.append("\\r")
    case 0x09: text.append("\\t")
    case 0..<0x20, 0x7F, 0x2028, 0x2029:
      let hex = String(scalar.value, radix: 16)
      text.append("\\u" + String(repeating: "0", count: 4 - hex.count) + hex)
    default: text.unicodeScalars.append(scalar)
    }
  }
}
