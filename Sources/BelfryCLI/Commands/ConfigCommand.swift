internal import ArgumentParser
internal import Foundation

struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "See what is configured, where it comes from, and what could be.",
    discussion: """
      Options go before the environment (BELFRY_…), that before credentials ($CREDENTIALS_DIRECTORY and \
      /run/secrets, one file each), those before files, those before defaults.

      Example:

        belfry config print --origin
      """,
    subcommands: [Print.self, Validate.self, Explain.self, Path.self])

  struct Print: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the settings; secrets are hidden.",
      discussion: """
        LIVE settings take effect at SIGHUP; the others when the process is started again.

        Example:

          belfry config print --origin --config /etc/belfry/belfry.yaml
        """)

    @Flag(help: "Also where each value comes from.") var origin = false
    @Flag(help: "Also settings that are set nowhere and have no default.") var all = false
    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let settings = try await files.settings([:])
      let documents = try SettingKey.allCases.compactMap { key -> Document? in
        let found = try settings.find(key)
        guard all || found != nil else { return nil }
        let shown = (found?.texts ?? []).map { Masked.text($0, of: key.setting) }
        var fields: [(String, Document.Value)] = [
          ("key", .text(key.rawValue)), ("value", .text(shown.joined(separator: ", "))),
        ]
        if origin || output.format != .table {
          fields.append(("origin", .text(found?.origin.text ?? "")))
        }
        fields.append(("live", .flag(key.setting.isLive)))
        return Document(kind: "Setting", fields: fields)
      }
      return Report(
        documents, kind: "SettingList",
        columns: origin ? ["key", "value", "origin", "live"] : ["key", "value", "live"])
    }
  }

  struct Validate: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look for mistakes in a file, without starting anything.",
      discussion: """
        Example:

          belfry config validate /etc/belfry/belfry.yaml

        Exit status: 0 there is none, 1 there are some: each with line and column.
        """)

    @Argument(help: "The file; - is standard input.", completion: .file()) var file: String
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      let bytes = try PayloadText.bytes(nil, file: file)
      let problems = ConfigurationFile(yaml: String(decoding: bytes, as: UTF8.self)).problems
      if problems.isEmpty { note("\(file): no mistakes") }
      return Report(
        problems.map { problem in
          Document(
            kind: "ConfigurationProblem",
            fields: [
              ("line", .number(problem.line)), ("column", .number(problem.column)),
              ("key", .text(problem.key)), ("problem", .text(problem.what)),
            ])
        }, kind: "ConfigurationProblemList", columns: ["line", "column", "key", "problem"],
        exit: problems.isEmpty ? 0 : 1)
    }
  }

  struct Explain: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say what a setting is for, and all the ways to set it.",
      discussion: """
        Examples:

          belfry config explain worker.slots
          belfry config explain              lists all settings
        """)

    @Argument(
      help: "A key, as in a file.",
      completion: .custom { _, _, _ in SettingKey.allCases.map(\.rawValue) })
    var key: String?
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      guard let key else {
        return Report(
          SettingKey.allCases.map { Document($0.setting) }, kind: "SettingHelpList",
          columns: ["key", "default", "about"])
      }
      guard let known = SettingKey(rawValue: key) else {
        let near = Suggestion.nearest(to: key, among: SettingKey.allCases.map(\.rawValue))
        throw UserError(
          .nothingToExplain, "there is no setting \"\(key)\"",
          why: near.map { "did you mean \($0)?" } ?? "keys look like worker.slots",
          next: ["belfry config explain lists what there is"])
      }
      return Report(Document(known.setting))
    }
  }

  struct Path: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say which files are read, in the order in which they count.",
      discussion: "Example:\n\n  belfry config path -o name")

    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func report() -> Report {
      let places = Places.process
      let named =
        files.file ?? places.environment["BELFRY_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
      let rows =
        places.credentials.map { ("credentials", $0) }
        + (named.map { [$0] } ?? places.configurationFiles).map { ("configuration", $0) }
        + [("contexts", places.contexts)]
      return Report(
        rows.map { what, path in
          Document(
            kind: "ConfigurationPath",
            fields: [
              ("name", .text(path)), ("what", .text(what)),
              ("exists", .flag(FileManager.default.fileExists(atPath: path))),
            ])
        }, kind: "ConfigurationPathList", columns: ["name", "what", "exists"])
    }
  }
}

extension Document {
  init(_ setting: Setting) {
    let variables = [setting.variable, setting.shortVariable].compactMap { $0 }
    self.init(
      kind: "SettingHelp",
      fields: [
        ("key", .text(setting.key.rawValue)), ("about", .text(setting.about)),
        ("form", .text(setting.form.description)), ("default", .text(setting.standard ?? "")),
        ("example", .text(setting.example)),
        ("option", .text(setting.isSecret ? "" : setting.option ?? "")),
        ("variables", .list(variables.map { .text($0) })),
        ("credential", .text(setting.credential)), ("secret", .flag(setting.isSecret)),
        ("live", .flag(setting.isLive)),
      ])
  }
}
