internal import Foundation
internal import Yams

/// A configuration file, looked at before anything is read from it: what is misspelt or of the wrong
/// type is refused, with its place, where YAML readers would take it for something else or for nothing.
struct ConfigurationFile {
  struct Problem: Equatable {
    var line: Int
    var column: Int
    var key: String
    var what: String
    var isUnknownKey = false
  }

  private(set) var problems: [Problem] = []
  /// Where each key's value stands.
  private(set) var lines: [SettingKey: Int] = [:]

  init(yaml text: String) {
    do {
      guard let root = try Yams.compose(yaml: text), root.null == nil else { return }
      guard let mapping = root.mapping else {
        add(root, "", "the file must be a mapping of keys to values")
        return
      }
      for (key, value) in mapping { read(key, value, section: nil) }
    } catch let error as YamlError {
      problems.append(Self.problem(error))
    } catch {
      problems.append(Problem(line: 1, column: 1, key: "", what: "\(error)"))
    }
    problems.sort { ($0.line, $0.column) < ($1.line, $1.column) }
  }

  /// Throws the first problem, in a file of that path.
  func check(path: String) throws {
    guard let first = problems.first else { return }
    let more = problems.count == 1 ? "" : " (and \(problems.count - 1) more)"
    throw UserError(
      first.isUnknownKey ? .unknownSetting : .badConfigurationFile,
      "\(path):\(first.line):\(first.column): "
        + (first.key.isEmpty ? "the file is not understood" : first.key) + more,
      why: first.what,
      next: ["belfry config validate \(path)"]
        + (first.key.isEmpty ? [] : ["belfry config explain"]))
  }

  private mutating func read(_ keyNode: Node, _ value: Node, section: String?) {
    guard let word = keyNode.scalar?.string else {
      return add(keyNode, section ?? "", "a key must be a text")
    }
    let name = section.map { "\($0).\(word)" } ?? word
    if let key = SettingKey(rawValue: name) {
      lines[key] = value.mark?.line ?? keyNode.mark?.line
      if let what = Self.complaint(key.setting, value) { add(value, name, what) }
      return
    }
    let sections = Set(SettingKey.allCases.compactMap(\.section))
    if section == nil, sections.contains(word) {
      if value.null != nil { return }
      guard let inner = value.mapping else {
        return add(value, name, "it is a section: keys and values belong below it, indented")
      }
      for (key, value) in inner { read(key, value, section: word) }
      return
    }
    let candidates = SettingKey.allCases.map(\.rawValue) + (section == nil ? sections.sorted() : [])
    let meant = Suggestion.nearest(to: name, among: candidates)
    add(
      keyNode, name,
      meant.map { "there is no such key; did you mean \($0)?" } ?? "there is no such key",
      isUnknownKey: true)
  }

  private mutating func add(
    _ node: Node, _ key: String, _ what: String, isUnknownKey: Bool = false
  ) {
    problems.append(
      Problem(
        line: node.mark?.line ?? 1, column: node.mark?.column ?? 1, key: key, what: what,
        isUnknownKey: isUnknownKey))
  }

  /// What is wrong with a value; nil: nothing.
  private static func complaint(_ setting: Setting, _ value: Node) -> String? {
    switch value {
    case .scalar(let scalar): return complaint(setting, scalar)
    case .sequence(let sequence):
      guard setting.form.isList else {
        return "\(setting.form.description) is asked for, not a list"
      }
      for item in sequence {
        guard let scalar = item.scalar else { return "a list of texts is asked for" }
        if let what = complaint(setting, scalar) { return what }
      }
      return nil
    default: return "\(setting.form.description) is asked for"
    }
  }

  private static func complaint(_ setting: Setting, _ scalar: Node.Scalar) -> String? {
    if scalar.style == .plain {
      if ["", "~", "null"].contains(scalar.string.lowercased()) { return "it has no value" }
      // What YAML 1.1 takes for flags and numbers is no text unless it is quoted.
      if ["yes", "no", "on", "off", "true", "false", "y", "n"].contains(scalar.string.lowercased())
      {
        return "\(scalar.string) is a flag in YAML, and \(setting.form.description) is asked for;"
          + " a text needs quotes: \"\(scalar.string)\""
      }
      let isNumeric = Double(scalar.string) != nil
      if isNumeric, [.text, .list, .items].contains(setting.form) {
        return "\(scalar.string) is a number in YAML; a text needs quotes: \"\(scalar.string)\""
      }
    }
    return setting.complaint(about: scalar.string).map { "\"\(scalar.string)\": \($0)" }
  }

  private static func problem(_ error: YamlError) -> Problem {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      Problem(line: mark.line, column: mark.column, key: "", what: problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      Problem(
        line: context.mark.line, column: context.mark.column,
        key: duplicates.map(\.description).sorted().joined(separator: ", "),
        what: "it is there twice")
    default: Problem(line: 1, column: 1, key: "", what: "\(error)")
    }
  }
}

extension SettingKey {
  /// `worker` of `worker.slots`; nil where there is no dot.
  var section: String? {
    rawValue.firstIndex(of: ".").map { String(rawValue[..<$0]) }
  }
}
