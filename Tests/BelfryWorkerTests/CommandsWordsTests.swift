import BelfryCore
import Foundation
import Testing

@testable import BelfryWorker

@Suite struct CommandsWordsTests {
  @Test(arguments: [
    ("", []), ("  \t\n ", []), ("a", ["a"]), (" a  b\tc\nd ", ["a", "b", "c", "d"]),
    ("'a b' c", ["a b", "c"]), ("a'b'\"c\"d", ["abcd"]), ("''", [""]), ("a '' b", ["a", "", "b"]),
    (#"'a\b"$c'"#, [#"a\b"$c"#]), (#""a b""#, ["a b"]), (#""a\"b\\c\$d\`e""#, [#"a"b\c$d`e"#]),
    (#""a\nb\'""#, [#"a\nb\'"#]), ("\"a\\\nb\"", ["ab"]), (#"a\ b\'c\\"#, [#"a b'c\"#]),
    ("a\\\nb", ["ab"]), (#"$HOME *.c ~ #x {a,b}"#, ["$HOME", "*.c", "~", "#x", "{a,b}"]),
    ("'|;&' \"<>()\" \\|", ["|;&", "<>()", "|"]),
    ("é 'ü\r\n€' \u{1F426}", ["é", "ü\r\n€", "\u{1F426}"]),
    ("a\r\nb", ["a", "b"]),
  ])
  func splitsLikeAShell(text: String, words: [String]) throws {
    #expect(try CommandWords(text).words == words)
  }

  @Test(arguments: [
    ("'abc", CommandError.unbalancedQuote("'", at: 1)), ("a \"b", .unbalancedQuote("\"", at: 3)),
    ("\"a\\", .unbalancedQuote("\"", at: 1)), ("a\\", .trailingBackslash),
    ("a | b", .shellOperator("|", at: 3)),
    ("a>b", .shellOperator(">", at: 2)), ("(a)", .shellOperator("(", at: 1)),
    ("a;", .shellOperator(";", at: 2)), ("a &", .shellOperator("&", at: 3)), ("a\0b", .zeroByte),
    ("'\0'", .zeroByte), ("\"\0\"", .zeroByte), ("\\\0", .zeroByte),
  ])
  func refuses(text: String, error: CommandError) {
    #expect(throws: error) { try CommandWords(text) }
  }

  /// The oracle: a real shell splits the same text into the same words.
  @Test(arguments: [
    #"a 'b c' "d e" f\ g"#, #"x''y "" '' \"q\""#, #"'it'"'"'s' "a\\b" 'a\\b' a\\b"#,
    "\"tab\there\" 'new\nline' con\\\ntinued", #""\$x \`y\` \z" \z"#,
  ])
  func agreesWithAShell(text: String) async throws {
    let result = try await Commands.shell("for w in \(text); do printf '%s\\0' \"$w\"; done")
    let shells = result.output.bytes.split(separator: 0, omittingEmptySubsequences: false)
      .dropLast().map { String(decoding: $0, as: UTF8.self) }
    #expect(try CommandWords(text).words == shells)
  }

  @Test func readsKindAndCommand() throws {
    let spec = try CommandSpec(parsing: "resize.v2:a_b-c=python3 task.py --set='a=b' x=y")
    #expect(spec.kind.text == "resize.v2:a_b-c")
    #expect(spec.command == "python3")
    #expect(spec.arguments == ["task.py", "--set=a=b", "x=y"])
  }

  @Test(arguments: [
    ("echo a", CommandError.noKind("echo a")), ("", .noKind("")), ("=echo", .badKind("")),
    ("a b=echo", .badKind("a b")), ("é=echo", .badKind("é")), ("k=", .noCommand(kind: "k")),
    ("k=  ", .noCommand(kind: "k")), ("k='' a", .noCommand(kind: "k")),
    ("k=a 'b", .unbalancedQuote("'", at: 3)),
  ])
  func refusesRunValue(text: String, error: CommandError) {
    #expect(throws: error) { try CommandSpec(parsing: text) }
    #expect(!error.description.isEmpty)
  }

  @Test func kindHas128CharactersAtMost() throws {
    _ = try CommandSpec(parsing: String(repeating: "k", count: 128) + "=true")
    let long = String(repeating: "k", count: 129)
    #expect(throws: CommandError.badKind(long)) { try CommandSpec(parsing: long + "=true") }
  }

  @Test func findsTheExecutableOnThePath() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    for name in ["one", "two", "two/folder"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }  // Only tidying.
    for (file, mode) in [("one/plain", 0o644), ("two/plain", 0o755), ("one/data", 0o644)] {
      _ = FileManager.default.createFile(
        atPath: "\(folder)/\(file)", contents: nil, attributes: [.posixPermissions: mode])
    }
    let search = "relative::\(folder)/none:\(folder)/one:\(folder)/two"
    func resolve(_ command: String) throws -> String {
      try CommandSpec(kind: "k", words: [command]).resolveExecutable(searchPath: search)
    }
    #expect(try resolve("plain") == "\(folder)/two/plain")
    #expect(try resolve("\(folder)/two/plain") == "\(folder)/two/plain")
    #expect(throws: CommandError.notExecutable(path: "\(folder)/one/data")) { try resolve("data") }
    #expect(throws: CommandError.notExecutable(path: "\(folder)/two/folder")) {
      try resolve("folder")
    }
    #expect(throws: CommandError.executableNotFound("nope", searched: search)) {
      try resolve("nope")
    }
    #expect(throws: CommandError.executableNotFound("./nope", searched: "")) {
      try resolve("./nope")
    }
  }

  @Test func refusesNonsenseSettings() throws {
    func refused(_ change: (inout CommandSettings) -> Void) -> Bool {
      var settings = CommandSettings()
      change(&settings)
      do {
        try settings.validate()
        return false
      } catch {
        return true
      }
    }
    #expect(!refused { _ in })
    #expect(refused { $0.resultBytesMax = 0 })
    #expect(refused { $0.grace = .seconds(-1) })
    #expect(refused { $0.logLineBytesMax = 10 })
    #expect(refused { $0.errorTailBytes = -1 })
    #expect(refused { $0.passThrough = ["A=B"] })
    #expect(refused { $0.passThrough = ["BELFRY_STORE_PASSWORD"] })
    #expect(refused { $0.environment = ["BELFRY_JOB_ID": "x"] })
    #expect(refused { $0.environment = ["A": "x\0y"] })
    #expect(refused { $0.workingDirectory = "relative" })
  }
}
