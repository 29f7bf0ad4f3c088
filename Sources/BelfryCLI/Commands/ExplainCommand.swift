internal import ArgumentParser

/// What a code means, with nothing running.
struct ExplainCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Explain an error's code, offline.",
    discussion: """
      Examples:

        belfry explain BF0302
        belfry explain                lists all codes
      """)

  @Argument(help: "A code, as errors show it.") var code: String?
  @OptionGroup var output: OutputOptions

  func report() throws -> Report {
    guard let code else {
      return Report(
        ErrorCode.allCases.sorted { $0.rawValue < $1.rawValue }.map { Document($0) },
        kind: "ErrorCodeList", columns: ["code", "exit", "title"])
    }
    guard let known = ErrorCode(rawValue: code.uppercased()) else {
      let near = Suggestion.nearest(
        to: code.uppercased(), among: ErrorCode.allCases.map(\.rawValue))
      throw UserError(
        .nothingToExplain, "there is no code \"\(code)\"",
        why: near.map { "did you mean \($0)?" } ?? "codes look like BF0302",
        next: ["belfry explain lists what there is"])
    }
    return Report(Document(known))
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
