internal import ArgumentParser

/// What an error's code or a setting means, with nothing running.
struct ExplainCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain an error's code, or a setting, offline.",
    discussion: """
      Examples:

        belfry explain BF0302
        belfry explain worker.slots
        belfry explain                lists all codes
      """)

  @Argument(
    help: "A code, as errors show it, or a setting's key.",
    completion: .custom { _, _, _ in
      ErrorCode.allCases.map(\.rawValue) + SettingKey.allCases.map(\.rawValue)
    })
  var code: String?
  @OptionGroup var output: OutputOptions

  func report() throws -> Report {
    guard let code else {
      return Report(
        ErrorCode.allCases.sorted { $0.rawValue < $1.rawValue }.map { Document($0) },
        kind: "ErrorCodeList", columns: ["code", "exit", "title"])
    }
    if let known = ErrorCode(rawValue: code.uppercased()) { return Report(Document(known)) }
    if let key = SettingKey(rawValue: code) { return Report(Document(key.setting)) }
    let keys = SettingKey.allCases.map(\.rawValue)
    let near =
      Suggestion.nearest(to: code.uppercased(), among: ErrorCode.allCases.map(\.rawValue))
      ?? Suggestion.nearest(to: code, among: keys)
    throw UserError(
      .nothingToExplain, "there is no code and no setting \"\(code)\"",
      why: near.map { "did you mean \($0)?" }
        ?? "codes look like BF0302, settings like worker.slots",
      next: ["belfry explain lists the codes", "belfry config explain lists the settings"])
  }
}

extension Document {
  init(_ code: ErrorCode) {
    let entry = ErrorEntry(code)
    self.init(
      kind: "ErrorCode",
      fields: [
        ("code", .text(code.rawValue)), ("title", .text(entry.title)), ("why", .text(entry.why)),
        ("next", .list(entry.next.map { .text($0) })),
        ("exit", .number(Int(code.exit.rawValue))), ("exitMeaning", .text(code.exit.meaning)),
      ])
  }
}
