/// Rows under a head, as wide as they must be.
struct TextTable {
  let text: String

  /// One row a document; a column without any value is left out.
  init(_ documents: [Document], columns: [String]) {
    let rows = documents.map { document in columns.map { document.plain($0) } }
    let used = columns.indices.filter { index in
      index == 0 || rows.contains { !$0[index].isEmpty }
    }
    text = Self.lines(
      used.map { Self.head(columns[$0]) }, rows.map { row in used.map { row[$0] } }
    ).joined(separator: "\n")
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

  static func lines(_ head: [String], _ rows: [[String]]) -> [String] {
    let all = [head] + rows.map { $0.map(cell) }
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        if column < row.count - 1 {
          line += String(repeating: " ", count: widths[column] - cell.count + 2)
        }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
