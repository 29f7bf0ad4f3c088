internal import Foundation

/// The one place where data is printed, to standard output and nothing else with it.
struct Renderer {
  private let style: OutputStyle
  private var format: OutputFormat { style.format }

  init(_ style: OutputStyle) { self.style = style }

  func print(_ report: Report) { write(text(report, .current(style))) }

  /// One of many, printed at once: for commands that go on. An object a line, a YAML document, or
  /// what people read.
  func emit(_ document: Document, line: (Screen) -> String) {
    switch format {
    case .json, .ndjson: write(document.json)
    case .yaml: write("---\n" + document.yaml)
    case .name: write(document.name)
    case .table, .wide, .csv: write(line(.current(style)))
    }
  }

  /// What a screen shows is replaced by a new whole: on a terminal in place, else below.
  func replace(_ document: Document, page: (Screen) -> String) {
    emit(document) { screen in
      (screen.width == nil ? "" : "\u{1B}[H\u{1B}[J") + page(screen)
    }
  }

  private func write(_ text: String) {
    // Nothing to say is nothing printed: no empty line for a program to stumble over.
    if text.isEmpty { return }
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// The report as it is printed, without the last line's end.
  func text(_ report: Report, _ screen: Screen) -> String {
    switch report.content {
    case .one(let document): one(document, screen) { document.table(screen) }
    case .page(let document, let names, let page):
      format == .name && !names.isEmpty
        ? names.joined(separator: "\n") : one(document, screen) { page(screen) }
    case .list(let kind, let columns, let documents): list(kind, columns, documents, screen)
    }
  }

  private func one(_ document: Document, _ screen: Screen, page: () -> String) -> String {
    switch format {
    case .table: style.columns == nil ? page() : table([document], [], screen)
    case .wide: document.table(screen)
    case .json, .ndjson: document.json
    case .yaml: document.yaml
    case .csv: csv([document], document.fields.map(\.0), screen)
    case .name: document.name
    }
  }

  private func list(
    _ kind: String, _ columns: [String], _ documents: [Document], _ screen: Screen
  ) -> String {
    let whole = Document(kind: kind, fields: [("items", .list(documents.map(\.item)))])
    switch format {
    case .table: return table(documents, columns, screen)
    case .wide: return table(documents, Self.allColumns(columns, documents), screen)
    case .json: return whole.json
    case .ndjson: return documents.map(\.json).joined(separator: "\n")
    case .yaml: return whole.yaml
    case .csv: return csv(documents, columns, screen)
    case .name: return documents.map(\.name).joined(separator: "\n")
    }
  }

  private func table(_ documents: [Document], _ columns: [String], _ screen: Screen) -> String {
    TextTable(documents, columns: style.columns ?? columns).text(screen)
  }

  private func csv(_ documents: [Document], _ columns: [String], _ screen: Screen) -> String {
    let columns = style.columns ?? columns
    let head = screen.hasHeaders ? [columns.map(CSV.cell)] : []
    let rows = documents.map { document in columns.map { CSV.cell(document.machine($0)) } }
    return (head + rows).map { $0.joined(separator: ",") }.joined(separator: "\r\n")
  }

  /// The usual ones first, then what else any of them has.
  private static func allColumns(_ usual: [String], _ documents: [Document]) -> [String] {
    var columns = usual
    for name in documents.flatMap({ $0.fields.map(\.0) }) where !columns.contains(name) {
      columns.append(name)
    }
    return columns
  }
}

/// RFC 4180.
enum CSV {
  static func cell(_ text: String) -> String {
    guard text.contains(where: { ",\"\r\n".contains($0) || $0 == "\r\n" }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}

/// What is said beside the data: on standard error, so that pipes get data only.
func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
