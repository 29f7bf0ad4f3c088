internal import Foundation

/// What a command has to say, as fields with names; formats are the renderer's.
struct Document: Sendable {
  enum Value: Sendable {
    case text(String)
    case number(Int)
    /// Not whole: rates and the like.
    case fraction(Double)
    case flag(Bool)
    case list([Value])
    case object([(String, Value)])
    /// Left out.
    case none
  }

  let kind: String
  var fields: [(String, Value)]

  init(kind: String, fields: [(String, Value)]) {
    self.kind = kind
    self.fields = fields
  }

  /// With what says how to read it.
  var whole: Value {
    .object([("kind", .text(kind)), ("apiVersion", .text("belfry/v1"))] + fields)
  }

  /// One JSON object on one line.
  var json: String { whole.json }

  /// A YAML document without its `---`.
  var yaml: String { whole.yaml(indent: 0).joined(separator: "\n") }

  subscript(name: String) -> Value? { fields.first { $0.0 == name }?.1 }

  /// A field for people; empty when there is none of that name.
  func plain(_ name: String) -> String { self[name]?.plain ?? "" }

  /// A field for a table that programs read: what is no single value is JSON.
  func machine(_ name: String) -> String {
    switch self[name] {
    case .text(let text): text
    case .number(let number): String(number)
    case .fraction, .list, .object: self[name]?.json ?? ""
    case .flag(let flag): flag ? "true" : "false"
    case .some(.none), nil: ""
    }
  }

  /// What other commands take as an argument.
  var name: String {
    for key in ["id", "name"] { if let value = self[key] { return value.plain ?? "" } }
    return fields.lazy.compactMap { $0.1.plain }.first ?? ""
  }

  /// As one of a list.
  var item: Value { .object([("kind", .text(kind))] + fields) }

  /// Two columns for people.
  func table(_ screen: Screen) -> String {
    let shown = fields.compactMap { name, value in value.plain.map { (name, $0) } }
    let width = shown.map { DisplayWidth.of($0.0) }.max() ?? 0
    return shown.map { name, text in
      DisplayWidth.fit(name, to: width) + "  " + Style.state(text, of: name, screen)
    }.joined(separator: "\n")
  }
}

extension Document.Value {
  var json: String {
    switch self {
    case .text(let text): Self.quoted(text)
    case .number(let number): String(number)
    case .fraction(let number): number.isFinite ? "\(number)" : "null"
    case .flag(let flag): flag ? "true" : "false"
    case .list(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
    case .object(let fields):
      "{"
        + fields.compactMap { name, value in
          if case .none = value { nil } else { "\(Self.quoted(name)):\(value.json)" }
        }.joined(separator: ",") + "}"
    case .none: "null"
    }
  }

  /// Lines in YAML's block style. Texts are quoted as in JSON, which YAML 1.2 holds whole, so none is
  /// taken for a number, a flag or a date.
  func yaml(indent: Int) -> [String] {
    let space = String(repeating: " ", count: indent)
    switch self {
    case .object(let fields) where !fields.isEmpty:
      return fields.flatMap { name, value -> [String] in
        switch value {
        case .none: return []
        case .list(let values) where !values.isEmpty:
          return ["\(space)\(name):"] + value.yaml(indent: indent)
        case .object(let inner) where !inner.isEmpty:
          return ["\(space)\(name):"] + value.yaml(indent: indent + 2)
        default: return ["\(space)\(name): \(value.json)"]
        }
      }
    case .list(let values) where !values.isEmpty:
      return values.flatMap { value -> [String] in
        var lines = value.yaml(indent: indent + 2)
        guard let first = lines.first else { return [] }
        lines[0] = space + "- " + first.drop { $0 == " " }
        return lines
      }
    default: return [space + json]
    }
  }

  var plain: String? {
    switch self {
    case .text(let text): text.isEmpty ? nil : Self.harmless(text)
    case .number(let number): String(number)
    case .fraction(let number): String(format: "%.1f", number)
    case .flag(let flag): flag ? "yes" : "no"
    case .list(let values):
      values.isEmpty ? nil : values.compactMap(\.plain).joined(separator: ", ")
    case .object(let fields):
      fields.compactMap { name, value in value.plain.map { "\(name)=\($0)" } }
        .joined(separator: " ")
    case .none: nil
    }
  }

  /// What a job printed must not move the cursor, turn the direction of what follows, or worse.
  static func harmless(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control
      let turns =
        (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
      if turns || (isControl && scalar != "\n" && scalar != "\t") {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: result += "\\\""
      case 0x5C: result += "\\\\"
      case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF:
        result += "\\u" + String(format: "%04x", scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
