/// Splits a command line into words as a POSIX shell does, and does nothing else that a shell does:
/// no variables, no globs, no substitution (XCU 2.2, quoting).
///
/// Outside quotes white space separates words and a backslash takes the next character as it is;
/// inside `'…'` everything is literal; inside `"…"` a backslash escapes only `$`, `` ` ``, `"`, `\`
/// and the end of a line. `$` and `*` are plain characters. An unquoted `| & ; < > ( )` is refused:
/// who writes one expects a shell.
package struct CommandWords: Equatable, Sendable {
  package let words: [String]

  package init(_ text: String) throws(CommandError) {
    var splitter = Splitter(Array(text.unicodeScalars))
    words = try splitter.split()
  }
}

/// One pass over the characters; positions are counted from 1 in errors.
private struct Splitter {
  private let scalars: [Unicode.Scalar]
  private var index = 0
  /// The word that is being read; nil between words, empty after `''`.
  private var word: String.UnicodeScalarView?
  private var words: [String] = []

  init(_ scalars: [Unicode.Scalar]) {
    self.scalars = scalars
  }

  mutating func split() throws(CommandError) -> [String] {
    while let scalar = next() {
      switch scalar {
      case " ", "\t", "\n", "\r": endWord()
      case "'": try readSingleQuoted()
      case "\"": try readDoubleQuoted()
      case "\\": try readEscaped()
      case "|", "&", ";", "<", ">", "(", ")":
        throw .shellOperator(Character(scalar), at: index)
      case "\0": throw .zeroByte
      default: append(scalar)
      }
    }
    endWord()
    return words
  }

  private mutating func next() -> Unicode.Scalar? {
    guard index < scalars.count else { return nil }
    defer { index += 1 }
    return scalars[index]
  }

  private mutating func append(_ scalar: Unicode.Scalar) {
    word = word ?? String.UnicodeScalarView()
    word?.append(scalar)
  }

  private mutating func endWord() {
    if let word { words.append(String(word)) }
    word = nil
  }

  private mutating func readEscaped() throws(CommandError) {
    guard let scalar = next() else { throw .trailingBackslash }
    if scalar == "\0" { throw .zeroByte }
    if scalar != "\n" { append(scalar) }
  }

  private mutating func readSingleQuoted() throws(CommandError) {
    let start = index
    word = word ?? String.UnicodeScalarView()
    while let scalar = next() {
      if scalar == "'" { return }
      if scalar == "\0" { throw .zeroByte }
      append(scalar)
    }
    throw .unbalancedQuote("'", at: start)
  }

  private mutating func readDoubleQuoted() throws(CommandError) {
    let start = index
    word = word ?? String.UnicodeScalarView()
    while let scalar = next() {
      switch scalar {
      case "\"": return
      case "\0": throw .zeroByte
      case "\\":
        guard let escaped = next() else { throw .unbalancedQuote("\"", at: start) }
        switch escaped {
        case "$", "`", "\"", "\\": append(escaped)
        case "\n": break
        case "\0": throw .zeroByte
        default:
          append("\\")
          append(escaped)
        }
      default: append(scalar)
      }
    }
    throw .unbalancedQuote("\"", at: start)
  }
}
