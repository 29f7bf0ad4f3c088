internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import Foundation

struct TopCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Watch the cluster live, on the whole screen.",
    discussion: """
      Keys: q quit, Tab pane, / filter, s sort, p pause, Enter details, ? help. In the nodes' pane c cordons \
      a worker and r uncordons it, in the lanes' c pauses a lane and r lets it go on, in that of dead jobs r \
      submits one anew; each asks first. Where standard output is no terminal it prints one frame, as with \
      --once.

      Examples:

        belfry top
        belfry top --once
        belfry top --batch 3
      """)

  @Flag(help: "Print one frame and end.") var once = false
  @Option(help: "Print so many frames, one a second, and end.") var batch: Int?
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (batch ?? 1) >= 1 else { throw ValidationError("--batch is at least 1") }
  }

  func report() async throws -> Report {
    if !once, batch == nil, output.format == .table, let terminal = RawTerminal() {
      defer { RawTerminal.restore() }
      let access = client.access
      throw ExitCode(await TopLoop(terminal, access, hasColor: hasColor).run())
    }
    return try await client.connected { try await frames($0, within: $1) }
  }

  private var hasColor: Bool { Screen.current(output.style).hasColor }

  /// Two looks make a rate, so a frame takes a second.
  private func frames(_ client: BelfryClient, within limit: Duration) async throws -> Report {
    let renderer = Renderer(output.style)
    var model = TopModel()
    model.updated(try await client.health(within: limit), nowMs: TopLoop.nowMs)
    for number in 1...(batch ?? 1) {
      try await Task.sleep(for: .seconds(1))
      model.updated(try await client.health(within: limit), nowMs: TopLoop.nowMs)
      let frame = model
      let report = Report(
        Document(model.picture), names: model.picture.nodes.map(\.name)
      ) { screen in
        let lines = frame.frame(width: screen.width ?? 120, height: 24)
        return lines.dropLast().joined(separator: "\n").trimmingSuffix()
      }
      if number == (batch ?? 1) { return report }
      renderer.print(report)
    }
    preconditionFailure("--batch is at least 1")
  }
}

extension String {
  fileprivate func trimmingSuffix() -> String {
    var text = self
    while text.last == "\n" || text.last == " " { text.removeLast() }
    return text
  }
}
