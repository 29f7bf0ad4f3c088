internal import ArgumentParser
internal import Foundation

/// What the program can be told, from the parser's own tree: commands, and the options of each.
struct CommandTree: Decodable {
  struct Option: Decodable {
    struct Name: Decodable {
      let kind: String
      let name: String

      /// As it is typed.
      var text: String { (kind == "long" ? "--" : "-") + name }
    }
    let names: [Name]?
  }

  private struct Dump: Decodable { let command: CommandTree }

  let commandName: String
  let shouldDisplay: Bool?
  let subcommands: [CommandTree]?
  let arguments: [Option]?

  /// Throws only if the parser's dump has another form than that of its release.
  static func whole() throws -> CommandTree {
    try JSONDecoder().decode(Dump.self, from: Data(BelfryCommand._dumpHelp().utf8)).command
  }

  /// The parser's `help` takes the name of any command.
  private var commands: [CommandTree] {
    (subcommands ?? []).filter { $0.shouldDisplay ?? true && $0.commandName != "help" }
  }

  private var optionNames: [String] {
    (arguments ?? []).flatMap { $0.names ?? [] }.map(\.text) + ["--help"]
  }

  /// How far the words lead, and what is left of them.
  fileprivate func walk(_ words: [String]) -> (path: [String], node: CommandTree, rest: [String]) {
    var (path, node, rest) = ([commandName], self, words[...])
    while let word = rest.first, let next = node.commands.first(where: { $0.commandName == word }) {
      (path, node, rest) = (path + [word], next, rest.dropFirst())
    }
    return (path, node, Array(rest))
  }

  /// A word that is neither a command nor an option.
  struct Unknown: Equatable {
    /// The command that does not know it: `belfry job`.
    let command: String
    let word: String
    /// What was likely meant, as it is typed.
    let meant: String?

    var isOption: Bool { word.hasPrefix("-") }
  }

  /// The first word that nothing of that name stands behind; nil when there is none. Values are not
  /// looked at.
  func unknown(in words: [String]) -> Unknown? {
    let (path, node, rest) = walk(words)
    let command = path.joined(separator: " ")
    if let word = rest.first, !word.hasPrefix("-"), !node.commands.isEmpty, word != "help" {
      let near = Suggestion.nearest(to: word, among: node.commands.map(\.commandName))
      return Unknown(
        command: command, word: word, meant: near.map { "\(command) \($0)" } ?? place(of: word))
    }
    let names = node.optionNames
    for word in rest.prefix(while: { $0 != "--" }) where word.hasPrefix("--") {
      let name = String(word.prefix { $0 != "=" })
      if names.contains(name) { continue }
      return Unknown(
        command: command, word: name,
        meant: Suggestion.nearest(to: name, among: names.filter { $0.hasPrefix("--") }))
    }
    return nil
  }

  /// Where a command of that name is, when there is only one: `belfry cancel` is `belfry job cancel`.
  private func place(of name: String) -> String? {
    let places = leaves().filter { $0.last == name }
    return places.count == 1 ? places.first?.joined(separator: " ") : nil
  }

  private func leaves(_ path: [String] = []) -> [[String]] {
    let path = path + [commandName]
    return commands.isEmpty ? [path] : commands.flatMap { $0.leaves(path) }
  }
}

extension UserError {
  /// What the parser could not read: its own words, and what was likely meant.
  init(usage error: any Error, _ arguments: [String]) {
    // Without it there is what the parser says.
    let tree = try? CommandTree.whole()
    let unknown = tree?.unknown(in: arguments)
    let command = tree.map { $0.walk(arguments).path.joined(separator: " ") } ?? "belfry"
    let lines = BelfryCommand.message(for: error).split(separator: "\n")
      .map { $0.trimmingCharacters(in: .whitespaces) }
    // What a value may be stands in lines of its own.
    let choices = lines.filter { $0.hasPrefix("- ") }.map { $0.dropFirst(2) }
    let said =
      (lines.filter { !$0.hasPrefix("- ") }
      + (choices.isEmpty ? [] : [choices.joined(separator: ", ")]))
      .joined(separator: " ")
    let why =
      unknown.map { "\($0.command) has no \($0.isOption ? "option" : "command") \($0.word)" }
      ?? said
    self.init(
      .usage, "the command line is not understood", why: why,
      next: (unknown?.meant.map { ["did you mean \($0)?"] } ?? []) + ["\(command) --help"])
  }
}
