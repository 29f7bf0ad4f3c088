/// What a document in Markdown tells people to type, for tests that hold it against the program.
package struct DocumentCommands {
  package struct Line: Sendable {
    /// In the document, from 1.
    package let number: Int
    /// As it stands there, lines that go on joined to one.
    package let text: String
    /// Of each command of ours in it, the words behind `belfry`.
    package let commands: [[String]]
  }

  /// Lines of blocks, fenced or indented, in which a command of ours stands.
  package let lines: [Line]
  /// In running text: `belfry job wait`, often without its arguments.
  package let mentions: [(number: Int, words: [String])]

  package init(markdown: String) {
    var (lines, mentions): ([Line], [(number: Int, words: [String])]) = ([], [])
    var fence: String?
    var begun: (number: Int, text: String)?
    for (index, line) in markdown.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      let trimmed = String(line.drop { $0 == " " })
      if trimmed.hasPrefix("```") {
        fence = fence == nil ? String(trimmed.dropFirst(3)) : nil
        continue
      }
      let isCode = fence.map(Self.isShell) ?? line.hasPrefix("    ")
      guard isCode else {
        if fence == nil {
          mentions += Self.spans(in: line).map { (index + 1, $0) }
        }
        continue
      }
      let text = begun.map { $0.text + " " + trimmed } ?? trimmed
      let number = begun?.number ?? index + 1
      guard !text.hasSuffix("\\") else {
        begun = (number, String(text.dropLast()))
        continue
      }
      begun = nil
      let typed = text.hasPrefix("$ ") ? String(text.dropFirst(2)) : text
      let commands = ShellWords.commands(in: typed).compactMap(Self.words)
      if !commands.isEmpty { lines.append(Line(number: number, text: typed, commands: commands)) }
    }
    self.lines = lines
    self.mentions = mentions
  }

  /// A block without a language may be anything; what is no command of ours is not looked at.
  private static func isShell(_ language: String) -> Bool {
    ["", "sh", "bash", "console", "shell"].contains(language)
  }

  private static func spans(in line: Substring) -> [[String]] {
    line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { index, span in index % 2 == 1 && span.hasPrefix("belfry ") }
      .flatMap { _, span in ShellWords.commands(in: String(span)).compactMap(words) }
  }

  /// The words behind `belfry`, also where somebody else runs it: `sudo -u belfry belfry health`.
  /// Nil for a command of others.
  package static func words(_ command: [String]) -> [String]? {
    var rest = command[...]
    while let first = rest.first, first.contains("="), !first.hasPrefix("-") {
      rest = rest.dropFirst()
    }
    if rest.first == "sudo" {
      rest = rest.dropFirst()
      while let option = rest.first, option.hasPrefix("-") {
        rest = rest.dropFirst(["-u", "-g"].contains(option) ? 2 : 1)
      }
    }
    if ["docker", "podman", "kubectl"].contains(rest.first), rest.contains("exec") {
      rest = rest.drop { $0 != "belfry" }
    }
    guard let program = rest.first, program == "belfry" || program.hasSuffix("/belfry") else {
      return nil
    }
    return Array(rest.dropFirst())
  }
}
