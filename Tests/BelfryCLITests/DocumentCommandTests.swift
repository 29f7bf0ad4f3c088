import ArgumentParser
import BelfryTestKit
import Foundation
import Testing

@testable import BelfryCLI

/// Every command line that a document, the help or an error names is one that the program takes.
@Suite struct DocumentCommandTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let documents: [String] = {
    let folders = ["", "docs", "docs/decisions", "certs", "deploy"]
    return folders.flatMap { folder in
      let names = try? FileManager.default.contentsOfDirectory(
        atPath: root.appending(path: folder).path)
      return (names ?? []).filter { $0.hasSuffix(".md") }.sorted()
        .map { folder.isEmpty ? $0 : folder + "/" + $0 }
    }
  }()

  private func read(_ document: String) throws -> DocumentCommands {
    try DocumentCommands(
      markdown: String(contentsOf: Self.root.appending(path: document), encoding: .utf8))
  }

  /// Made once: it takes a while.
  private static let tree = Result { try CommandTree.whole() }

  /// Parsed as the program would, validation included; nothing is run. What … stands for may be a value, or
  /// several words that are left out.
  private func problem(_ words: [String]) -> String? {
    guard let problem = parserProblem(words) else { return nil }
    return words.contains("…") ? parserProblem(words.filter { $0 != "…" }) : problem
  }

  private func parserProblem(_ words: [String]) -> String? {
    do {
      _ = try BelfryCommand.parseAsRoot(words)
      return nil
    } catch {
      return BelfryCommand.exitCode(for: error) == .success
        ? nil : BelfryCommand.message(for: error)
    }
  }

  @Test("there are documents, and commands in them")
  func something() throws {
    #expect(Set(Self.documents).isSuperset(of: ["README.md", "README.zh-CN.md", "docs/jobs.md"]))
    #expect(try read("README.md").lines.count > 10)
    #expect(try read("docs/from-celery.md").mentions.count > 10)
  }

  @Test("command lines of documents parse", arguments: documents)
  func lines(_ document: String) throws {
    for line in try read(document).lines {
      for words in line.commands {
        let problem = problem(words)
        #expect(problem == nil, "\(document):\(line.number): \(line.text)")
      }
    }
  }

  @Test("commands and options that documents mention are there", arguments: documents)
  func mentions(_ document: String) throws {
    let tree = try Self.tree.get()
    for (number, words) in try read(document).mentions {
      #expect(tree.unknown(in: words) == nil, "\(document):\(number): belfry \(words)")
    }
  }

  private struct Command: Decodable {
    let commandName: String
    let discussion: String?
    let subcommands: [Command]?

    var all: [Command] { [self] + (subcommands ?? []).flatMap(\.all) }

    static func tree() throws -> [Command] {
      struct Dump: Decodable { let command: Command }
      let dump = Data(BelfryCommand._dumpHelp().utf8)
      return try JSONDecoder().decode(Dump.self, from: dump).command.all
    }
  }

  /// The terminal breaks lines by its own width: one that was broken before would be broken twice.
  @Test("paragraphs of help texts are not broken")
  func paragraphs() throws {
    for command in try Command.tree() {
      let lines = (command.discussion ?? "").split(
        separator: "\n", omittingEmptySubsequences: false)
      for (line, next) in zip(lines, lines.dropFirst()) where line.count >= 70 {
        let isBroken =
          !line.hasPrefix(" ") && !next.hasPrefix(" ") && !next.isEmpty
          && !line.hasSuffix(".") && !line.hasSuffix(":")
        #expect(!isBroken, "help of \(command.commandName): \(line)")
      }
    }
  }

  @Test("command lines of help texts and examples parse")
  func help() throws {
    var count = 0
    for command in try Command.tree() {
      // Remarks beside an example stand behind two spaces.
      let text = (command.discussion ?? "").replacing(/(\S) {3,}\S.*/) { $0.1 }
      let block = text.split(separator: "\n").filter { $0.hasPrefix("  ") }
        .map { "    " + $0 }.joined(separator: "\n")
      for line in DocumentCommands(markdown: block).lines {
        for words in line.commands where !words.isEmpty {
          count += 1
          let problem = problem(words)
          #expect(problem == nil, "help of \(command.commandName): \(line.text)")
        }
      }
    }
    #expect(count > 40)
  }

  @Test("commands that errors advise are there", arguments: ErrorCode.allCases)
  func advice(_ code: ErrorCode) throws {
    let tree = try Self.tree.get()
    for step in ErrorEntry(code).next {
      // Words of prose may come before and behind it.
      for match in step.matches(of: /belfry ([a-z-]+( [a-z-]+)?)/) {
        let words = match.1.split(separator: " ").map(String.init)
        let isKnown = tree.unknown(in: words) == nil || tree.unknown(in: [words[0]]) == nil
        #expect(isKnown, "\(code): \(step)")
      }
      for match in step.matches(of: /belfry ([a-z]+) ([a-z]+) .*(--[a-z-]+)/) {
        let words = [String(match.1), String(match.2), String(match.3)]
        #expect(tree.unknown(in: words)?.isOption != true, "\(code): \(step)")
      }
    }
  }

  @Test(
    "a command that is not there is found",
    arguments: [
      ("    belfry job lst", true), ("```sh\nbelfry job list --stat dead\n```", true),
      ("    sudo -u belfry belfry helth", true), ("    belfry job list | belfry job wat x", true),
      ("    belfry submit --kind a --count many", true), ("    belfry job \\\n      lst", true),
      ("    belfry job list --state dead > ids   # belfry job lst", false),
      ("    kubectl create namespace belfry", false), ("```python\nbelfry job lst\n```", false),
    ])
  func control(_ markdown: String, _ isWrong: Bool) {
    let commands = DocumentCommands(markdown: markdown).lines.flatMap(\.commands)
    #expect(commands.contains { problem($0) != nil } == isWrong)
  }

  @Test func aMentionOfWhatIsNotThereIsFound() throws {
    let tree = try Self.tree.get()
    let text = "See `belfry jobb list`, `belfry top --onse` and `belfry top`."
    let found = DocumentCommands(markdown: text).mentions.compactMap { tree.unknown(in: $0.words) }
    #expect(found.map(\.word) == ["jobb", "--onse"])
  }
}
