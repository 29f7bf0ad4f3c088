import Foundation
import Testing

@testable import BelfryCLI

/// Which value counts, where it came from, and what is refused.
@Suite struct SettingsTests {
  /// A home, an environment and a folder of credentials of a test's own.
  final class Home {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    var environment: [String: String] = [:]
    var places: Places {
      Places(
        environment: environment.merging(
          ["HOME": folder, "CREDENTIALS_DIRECTORY": folder + "/credentials"]) { own, _ in own })
    }

    init() throws { try write("credentials/.keep", "") }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func write(_ name: String, _ text: String) throws {
      let path = URL(filePath: folder + "/" + name)
      try FileManager.default.createDirectory(
        at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: path)
    }
  }

  @Test func optionsBeforeEnvironmentBeforeCredentialsBeforeFilesBeforeDefaults() async throws {
    let home = try Home()
    func found(_ options: [SettingKey: [String]] = [:]) async throws -> String? {
      let settings = try await Settings.load(options: options, places: home.places)
      let found = try #require(try settings.find(.queueURL))
      return "\(found.texts[0]) \(found.origin.text)"
    }
    let path = home.folder + "/.config/belfry/config.yaml"
    try home.write(
      ".config/belfry/config.yaml", "worker:\n  slots: 3\nqueue:\n  url: amqp://file\n")
    #expect(try await found() == "amqp://file file \(path):4")
    try home.write("credentials/queue-url", "amqp://credential\n")
    #expect(
      try await found() == "amqp://credential credential \(home.folder)/credentials/queue-url")
    home.environment["BELFRY_QUEUE_URL"] = "amqp://environment"
    #expect(try await found() == "amqp://environment environment BELFRY_QUEUE_URL")
    #expect(try await found([.queueURL: ["amqp://option"]]) == "amqp://option option --queue")
    home.environment["BELFRY_QUEUE_URL"] = ""
    #expect(
      try await found() == "amqp://credential credential \(home.folder)/credentials/queue-url")
    let settings = try await Settings.load(places: home.places)
    #expect(try settings.number(.slots) == 3)
    #expect(try settings.find(.listen)?.origin.text == "default")
    #expect(try settings.find(.identity) == nil)
  }

  @Test func listsAreSplitWhereTheyCannotBeWritten() async throws {
    let home = try Home()
    try home.write(
      "a.yaml",
      """
      lanes: [a, "b,c"]
      coordinator:
        attach:
          - hello=print,id=message-id
          - other=copy
      """)
    let file = home.folder + "/a.yaml"
    let settings = try await Settings.load(file: file, places: home.places)
    #expect(try settings.texts(.lanes) == ["a", "b", "c"])
    #expect(try settings.texts(.attach) == ["hello=print,id=message-id", "other=copy"])
    home.environment = [
      "BELFRY_LANES": "x, y", "BELFRY_COORDINATOR_ATTACH": "hello=print,id=message-id\nz=z",
    ]
    let other = try await Settings.load(file: file, places: home.places)
    #expect(try other.texts(.lanes) == ["x", "y"])
    #expect(try other.texts(.attach) == ["hello=print,id=message-id", "z=z"])
  }

  @Test func bothVariablesOfASettingCount() async throws {
    let home = try Home()
    home.environment = ["BELFRY_SLOTS": "5"]
    #expect(try await Settings.load(places: home.places).number(.slots) == 5)
    home.environment = ["BELFRY_SLOTS": "5", "BELFRY_WORKER_SLOTS": "6"]
    #expect(try await Settings.load(places: home.places).number(.slots) == 6)
  }

  @Test func aSecretIsNeverTakenFromTheCommandLine() async throws {
    let home = try Home()
    let settings = try await Settings.load(
      options: [.queuePassword: ["hunter2"]], places: home.places)
    #expect(try settings.find(.queuePassword) == nil)
    #expect(SettingKey.allCases.allSatisfy { !$0.setting.isSecret || $0.setting.option == nil })
  }

  @Test(arguments: [
    (["BELFRY_SLOTS": "many"], "BELFRY_SLOTS many"),
    (["BELFRY_WORKER_SLOTS": "0"], "BELFRY_WORKER_SLOTS 0"),
    (["BELFRY_LOG_LEVEL": "loud"], "BELFRY_LOG_LEVEL loud"),
    (["BELFRY_LOG_LEVELS": "rpc=debug,rcp=debug"], "BELFRY_LOG_LEVELS rcp=debug"),
    (["BELFRY_LOG_LEVELS": "rpc=loud"], "BELFRY_LOG_LEVELS rpc=loud"),
    (["BELFRY_WORKER_DRAIN": "soon"], "BELFRY_WORKER_DRAIN soon"),
  ])
  func wrongValuesAreRefusedAtStart(_ environment: [String: String], _ what: String) async throws {
    let home = try Home()
    home.environment = environment
    let error = await #expect(throws: UserError.self) {
      try await Settings.load(places: home.places)
    }
    #expect(error?.code == .badSetting && error?.what.hasPrefix(what) == true)
  }

  @Test func aFileThatWasNamedMustBeThere() async throws {
    let home = try Home()
    let error = await #expect(throws: UserError.self) {
      try await Settings.load(file: home.folder + "/none.yaml", places: home.places)
    }
    #expect(error?.code == .fileMissing)
  }

  @Test(arguments: [
    ("worker:\n  slotz: 3\n", 2, 3, "worker.slotz", "did you mean worker.slots?", true),
    ("wroker:\n  slots: 3\n", 1, 1, "wroker", "did you mean worker?", true),
    ("colour: red\n", 1, 1, "colour", "there is no such key", true),
    ("worker:\n  slots: many\n", 2, 10, "worker.slots", "a number from 1", false),
    ("worker:\n  slots: \"3x\"\n", 2, 10, "worker.slots", "a number from 1", false),
    ("worker:\n  drain: on\n", 2, 10, "worker.drain", "a flag in YAML", false),
    ("worker:\n  labels: 1.10\n", 2, 11, "worker.labels", "needs quotes: \"1.10\"", false),
    ("lanes: [a, {b: c}]\n", 1, 8, "lanes", "a list of texts", false),
    ("worker: 3\n", 1, 9, "worker", "it is a section", false),
    ("identity:\n", 1, 10, "identity", "no value", false),
    ("queue:\n  url: {a: b}\n", 2, 8, "queue.url", "a text is asked for", false),
    ("lanes: a\nlanes: b\n", 1, 1, "lanes", "twice", false),
    ("worker:\n\tslots: 3\n", 2, 1, "", "cannot start any token", false),
    ("- a\n", 1, 1, "", "must be a mapping", false),
  ])
  func mistakesInAFileHaveTheirPlace(
    _ text: String, line: Int, column: Int, key: String, what: String, isUnknown: Bool
  ) throws {
    let problems = ConfigurationFile(yaml: text).problems
    let problem = try #require(problems.first)
    #expect(problem.line == line && problem.column == column && problem.key == key, "\(problem)")
    #expect(problem.what.contains(what), "\(problem)")
    #expect(problem.isUnknownKey == isUnknown)
    let error = #expect(throws: UserError.self) {
      try ConfigurationFile(yaml: text).check(path: "/etc/x.yaml")
    }
    #expect(error?.what.hasPrefix("/etc/x.yaml:\(line):\(column): ") == true)
    #expect(error?.code.exit == .configuration)
  }

  @Test(arguments: [
    "", "# only a remark\n", "worker:\n", "worker:\n  slots: 3\n", "lanes: a\n",
    "{\"worker\": {\"slots\": 3, \"labels\": \"v=1\"}}", "worker:\n  labels: \"1.10\"\n",
    "coordinator:\n  listen: 127.0.0.1:7443\n  keepOutcomes: 30d\n",
  ])
  func goodFilesHaveNoMistakes(_ text: String) async throws {
    #expect(ConfigurationFile(yaml: text).problems == [])
    let home = try Home()
    try home.write("a.yaml", text)
    _ = try await Settings.load(file: home.folder + "/a.yaml", places: home.places)
  }

  @Test(arguments: [
    ("amqp://user:pass@host/v", "amqp://user:••••••@host/v"),
    ("amqp://user:p@ss@host/v", "amqp://user:••••••@host/v"),
    ("amqp://user@host/v", "amqp://user@host/v"), ("amqp://host:5672/@:", "amqp://host:5672/@:"),
    ("mongodb://u:p@a,b/?replicaSet=rs0", "mongodb://u:••••••@a,b/?replicaSet=rs0"),
    ("/etc/belfry", "/etc/belfry"),
  ])
  func passwordsInAddressesAreHidden(_ text: String, _ shown: String) {
    #expect(Masked.url(text) == shown)
  }

  @Test(arguments: SettingKey.allCases)
  func everySettingIsWhole(_ key: SettingKey) {
    let setting = key.setting
    #expect(setting.key == key && setting.about.hasSuffix(".") && !setting.example.isEmpty)
    if let standard = setting.standard { #expect(setting.complaint(about: standard) == nil) }
    if !setting.isSecret { #expect(setting.complaint(about: setting.example) == nil) }
  }
}
