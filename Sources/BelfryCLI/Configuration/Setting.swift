internal import BelfryCore
internal import BelfryRPC

/// One thing that can be configured: what it is called, what it may be, and what it is for. The
/// option, the variable, the credential and the key of a file are all of this one.
struct Setting: Sendable {
  enum Form: Sendable, Equatable {
    case text
    /// Short texts without commas; commas separate them where a list cannot be written.
    case list
    /// Texts with commas of their own; in a variable one a line.
    case items
    case number(ClosedRange<Int>)
    case duration
    case choice([String])
    /// A list of PART=LEVEL, the parts being those of `LogPart`.
    case levels

    static let levelNames = [
      "trace", "debug", "info", "notice", "warning", "error", "critical",
    ]

    var description: String {
      switch self {
      case .text: "a text"
      case .list: "a list; in a variable with commas between"
      case .items: "a list; in a variable one a line"
      case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
      case .duration: "a duration: 250ms, 30s, 5m, 1h30m, 30d"
      case .choice(let words): "one of \(words.joined(separator: ", "))"
      case .levels:
        "a list of PART=LEVEL, with parts \(LogPart.allCases.map(\.rawValue).joined(separator: ", "))"
      }
    }

    var isList: Bool { self == .list || self == .items || self == .levels }
  }

  let key: SettingKey
  var form = Form.text
  /// As people write it; nil: there is none.
  var standard: String?
  let about: String
  let example: String
  /// Of the commands that have one.
  var option: String?
  /// A shorter variable, beside the one that the key makes.
  var shortVariable: String?
  /// Never from the command line, which every user of the machine can read; never printed.
  var isSecret = false
  /// Takes effect at SIGHUP.
  var isLive = false

  /// `worker.slots` is BELFRY_WORKER_SLOTS.
  var variable: String {
    var name = "BELFRY_"
    for character in key.rawValue {
      if character == "." {
        name.append("_")
      } else {
        if character.isUppercase { name.append("_") }
        name += character.uppercased()
      }
    }
    return name
  }

  /// `queue.password` is the file `queue-password` of a folder of credentials.
  var credential: String { key.rawValue.replacing(".", with: "-") }

  /// Why the text is no value of this setting; nil when it is one.
  func complaint(about text: String) -> String? {
    switch form {
    case .text, .list, .items: return text.isEmpty ? "it is empty" : nil
    case .number(let range):
      return Int(text).map(range.contains) == true ? nil : "\(form.description) is asked for"
    case .duration: return Duration(short: text) == nil ? "\(form.description) is asked for" : nil
    case .choice(let words): return words.contains(text) ? nil : "\(form.description) is asked for"
    case .levels:
      let words = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
      let isKnown =
        words.count == 2 && LogPart(rawValue: words[0]) != nil
        && Setting.Form.levelNames.contains(words[1])
      return isKnown ? nil : "\(form.description) is asked for"
    }
  }
}
