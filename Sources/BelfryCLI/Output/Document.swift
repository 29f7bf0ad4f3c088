internal import ArgumentParser
internal import Foundation

/// What a command returns: only the renderer prints it.
struct Document {
  enum Value {
    case text(String)
    case number(Int)
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

  /// One JSON object on one line.
  var json: String {
    Value.object(
      [("kind", .text(kind)), ("apiVersion", .text("belfry/v1"))] + fields
    ).json
  }

  /// A field for people; empty when there is none of that name.
  func plain(_ name: String) -> String {
    guard let (_, value) = fields.first(where: { $0.0 == name }) else { return "" }
    return value.plain ?? ""
  }

  /// As one of a list.
  var item: Value { .object([("kind", .text(kind))] + fields) }

  /// Two columns for people.
  var table: String {
    let shown = fields.compactMap { name, value in value.plain.map { (name, $0) } }
    let width = shown.map(\.0.count).max() ?? 0
    return shown.map { name, text in
      name + String(repeating: " ", count: width - name.count + 2) + text
    }.joined(separator: "\n")
  }
}

extension Document.Value {
  var json: String {
    switch self {
    case .text(let text): Self.quoted(text)
    case .number(let number): String(number)
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

  var plain: String? {
    switch self {
    case .text(let text): text.isEmpty ? nil : Self.harmless(text)
    case .number(let number): String(number)
    case .flag(let flag): flag ? "yes" : "no"
    case .list(let values):
      values.isEmpty ? nil : values.compactMap(\.plain).joined(separator: ", ")
    case .object(let fields):
      fields.compactMap { name, value in value.plain.map { "\(name)=\($0)" } }
        .joined(separator: " ")
    case .none: nil
    }
  }

  /// What a job printed must not move the cursor, or worse.
  static func harmless(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar.properties.generalCategory == .control, scalar != "\n", scalar != "\t" {
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
      case 0..<0x20, 0x7F, 0x2028, 0x2029:
        result += "\\u" + String(format: "%04x", scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json, ndjson
}

struct OutputOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "table, json or ndjson.")
  var format: OutputFormat = .table

  func print(_ document: Document) throws {
    Swift.print(format == .table ? document.table : document.json)
  }

  /// A list: a table with these columns, one JSON object with `items`, or an object a line.
  func print(_ documents: [Document], kind: String, columns: [String]) {
    switch format {
    case .table: Swift.print(TextTable(documents, columns: columns).text)
    case .json:
      Swift.print(
        Document(
          kind: kind,
          fields: [("items", .list(documents.map(\.item)))]
        ).json)
    case .ndjson: for document in documents { Swift.print(document.json) }
    }
  }
}
