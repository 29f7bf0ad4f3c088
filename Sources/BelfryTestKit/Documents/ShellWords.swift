/// A line of shell as far as tests of documents need it: which commands stand in it, with their words.
/// Nothing is expanded; redirections and comments are left out.
package enum ShellWords {
  package static func commands(in line: String) -> [[String]] {
    var reader = Reader(Array(line))
    return reader.commands()
  }

  private struct Reader {
    private let text: [Character]
    private var at = 0

    init(_ text: [Character]) { self.text = text }

    private var next: Character? { at < text.count ? text[at] : nil }

    mutating func commands() -> [[String]] {
      var commands: [[String]] = [[]]
      while let character = next {
        switch character {
        case " ", "\t", "\n": at += 1
        case "#": return commands.filter { !$0.isEmpty }
        case "|", "&", ";", "(", ")":
          at += 1
          commands.append([])
        case "<", ">":
          // Where it comes from or goes to is no word of the command's.
          while next == "<" || next == ">" || next == "&" { at += 1 }
          while next == " " { at += 1 }
          _ = word()
        default:
          let word = word()
          if next == ">" || next == "<", Int(word) != nil { continue }
          commands[commands.count - 1].append(word)
        }
      }
      return commands.filter { !$0.isEmpty }
    }

    private mutating func word() -> String {
      var word = ""
      while let character = next {
        switch character {
        case " ", "\t", "\n", "|", "&", ";", "<", ">", ")": return word
        case "'":
          at += 1
          while let inner = next, inner != "'" {
            word.append(inner)
            at += 1
          }
          at += 1
        case "\"":
          at += 1
          while let inner = next, inner != "\"" {
            if inner == "\\", at + 1 < text.count { at += 1 }
            word.append(text[at])
            at += 1
          }
          at += 1
        case "$" where at + 1 < text.count && text[at + 1] == "(":
          word += substitution()
        case "\\":
          at += 1
          if let escaped = next { word.append(escaped) }
          at += 1
        default:
          word.append(character)
          at += 1
        }
      }
      return word
    }

    /// `$(…)` as it is.
    private mutating func substitution() -> String {
      var (text, depth) = ("", 0)
      while let character = next {
        text.append(character)
        at += 1
        if character == "(" { depth += 1 }
        if character == ")" { depth -= 1 }
        if character == ")", depth == 0 { break }
      }
      return text
    }
  }
}
