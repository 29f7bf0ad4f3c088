/// Rows under a head, as wide as they must be; on a narrow screen the widest columns give way, and
/// where even that does not help each row becomes a few lines of its own.
struct TextTable {
  private let head: [String]
  private let rows: [[String]]

  /// A column is not made narrower than this, in cells.
  private static let narrowest = 8
  private static let gap = 2

  init(_ head: [String], _ rows: [[String]]) {
    self.head = head
    self.rows = rows.map { $0.map(Self.cell) }
  }

  /// One row a document; a column without any value is left out.
  init(_ documents: [Document], columns: [String]) {
    let rows = documents.map { document in columns.map { document.plain($0) } }
    let used = columns.indices.filter { index in
      index == 0 || rows.contains { !$0[index].isEmpty }
    }
    self.init(used.map { Self.head(columns[$0]) }, rows.map { row in used.map { row[$0] } })
  }

  func text(_ screen: Screen) -> String { lines(screen).joined(separator: "\n") }

  func lines(_ screen: Screen) -> [String] {
    let all = screen.hasHeaders ? [head] + rows : rows
    var widths = head.indices.map { column in all.map { DisplayWidth.of($0[column]) }.max() ?? 0 }
    if let limit = screen.width, !narrow(&widths, to: limit) { return records(screen) }
    return all.enumerated().map { number, row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let isHead = screen.hasHeaders && number == 0
        let fitted = DisplayWidth.fit(cell, to: widths[column])
        let isLast = column == row.count - 1
        line +=
          isHead
          ? Style.strong(fitted, screen) : Style.state(fitted, of: head[column], screen)
        if !isLast { line += String(repeating: " ", count: Self.gap) }
      }
      return screen.hasColor ? line : line.trimmingEnd()
    }
  }

  /// Takes cells from the widest column until the lines fit. False when they cannot.
  private func narrow(_ widths: inout [Int], to limit: Int) -> Bool {
    let gaps = Self.gap * max(0, widths.count - 1)
    while widths.reduce(gaps, +) > limit {
      guard let widest = widths.indices.max(by: { widths[$0] < widths[$1] }),
        widths[widest] > Self.narrowest
      else { return false }
      widths[widest] -= 1
    }
    return true
  }

  /// A row as lines of name and value, with an empty line between rows.
  private func records(_ screen: Screen) -> [String] {
    let width = head.map(DisplayWidth.of).max() ?? 0
    let blocks = rows.map { row in
      zip(head, row).filter { !$0.1.isEmpty }.map { name, cell in
        DisplayWidth.fit(name, to: width) + "  " + Style.state(cell, of: name, screen)
      }
    }
    return blocks.isEmpty ? [] : Array(blocks.joined(separator: [""]))
  }

  /// `finishedAt` is FINISHED AT.
  private static func head(_ name: String) -> String {
    var head = ""
    for character in name {
      if character.isUppercase, let last = head.last, last.isLowercase { head += " " }
      head.append(character)
    }
    return head.uppercased()
  }

  /// What others wrote neither moves the cursor nor breaks a row.
  private static func cell(_ text: String) -> String {
    Document.Value.harmless(text).replacing("\n", with: " ").replacing("\t", with: " ")
  }
}

extension String {
  fileprivate func trimmingEnd() -> String {
    var line = self
    while line.last == " " { line.removeLast() }
    return line
  }
}

/// Colours, where the screen has them: they only repeat what the words say.
enum Style {
  static func strong(_ text: String, _ screen: Screen) -> String { paint(text, "1", screen) }

  /// A cell of a column STATE or the like.
  static func state(_ text: String, of column: String, _ screen: Screen) -> String {
    guard ["STATE", "SEVERITY", "RESULT"].contains(column.uppercased()) else { return text }
    switch text.split(separator: " ").first.map(String.init) ?? "" {
    case "up", "succeeded", "ok": return paint(text, "32", screen)
    case "suspect", "degraded", "one-way", "draining", "blocked", "warning", "delayed", "cancelled",
      "cordoned":
      return paint(text, "33", screen)
    case "lost", "down", "failed", "expired", "critical", "error", "wedged", "dead", "revoked":
      return paint(text, "31", screen)
    default: return text
    }
  }

  private static func paint(_ text: String, _ code: String, _ screen: Screen) -> String {
    screen.hasColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
