internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore

extension NodeCommand {
  struct Drain: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Cordon a worker, and wait until it runs nothing.",
      discussion: """
        The worker stays cordoned, and in session, until belfry node uncordon. Interrupted, or when --wait \
        is over, the cordon stays too.

        Examples:

          belfry node drain gpu-7 --dry-run           shows how much it runs
          belfry node drain gpu-7 --reason upgrade --wait 1h

        Exit status: 0 it runs nothing, 1 it was lost meanwhile (its jobs go to others), 75 --wait is over.
        """)

    @Argument(
      help: "The worker.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var name: String
    @Option(help: "Why, for those who wonder.") var reason = ""
    @Option(help: "Wait no longer than this. [default: as long as it takes]")
    var wait: DurationOption?
    @Flag(help: "Only show the node.") var dryRun = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    /// Until then coordinators that have not read of the cordon yet may give it a job.
    private static let allKnowAfter = Duration.seconds(3)

    func report() async throws -> Report {
      if dryRun { return Report(try await NodeCommand.document(of: name, client)) }
      _ = try await NodeCommand.change(name, client) {
        try await $0.cordonNode(name, reason: reason, within: $1)
      }
      note("\(name) is cordoned; undo: belfry node uncordon \(name)")
      let isLost = try await client.connected { try await untilItRunsNothing($0, within: $1) }
      return Report(try await NodeCommand.document(of: name, client), exit: isLost ? 1 : 0)
    }

    /// True: it was lost first.
    private func untilItRunsNothing(_ client: BelfryClient, within limit: Duration) async throws
      -> Bool
    {
      let began = ContinuousClock.now
      var said = ""
      // A coordinator that has just started does not see the worker, or not what it runs.
      var quietSince: ContinuousClock.Instant?
      while true {
        let node = try await client.health(within: limit).nodes.first { $0.name == name }
        // As planned: it runs nothing that anybody waits for.
        if node?.state == "left" { return false }
        if node?.state == "lost" {
          note("\(name) is lost: its jobs go to others")
          return true
        }
        let now = ContinuousClock.now
        let passed = now - began
        let isQuiet = node.map { $0.running == 0 && $0.state != "suspect" } ?? false
        quietSince = isQuiet ? quietSince ?? now : nil
        if let quietSince, now - quietSince >= Self.allKnowAfter { return false }
        let sentence =
          node.map { "runs \($0.running) of \($0.slots) jobs" } ?? "is not seen by this coordinator"
        if sentence != said { note("\(name) \(sentence)") }
        said = sentence
        if let wait, passed >= wait.duration {
          throw UserError(
            .timeout, "after \(wait.duration.shortText) \(name) \(said)",
            why: "it is cordoned and stays so; what runs goes on",
            next: [
              "belfry job list --state running --worker \(name)",
              "belfry node drain \(name) waits again", "belfry node uncordon \(name)",
            ])
        }
        try await Task.sleep(for: .milliseconds(500))
      }
    }
  }

  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Follow the nodes: a line for each that there is, then one for each change.",
      discussion: """
        Goes on until it is interrupted.

        Examples:

          belfry node watch
          belfry node watch gpu-7 gpu-8 -o ndjson      an object a line, of these two
        """)

    @Argument(
      help: "Only these nodes.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var names: [String] = []
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await client.connected { client, _ in
        var shown: [String: Belfry_V1_NodeHealth] = [:]
        try await client.followHealth { update in
          for node in update.nodes where isWanted(node.name) {
            var known = node
            // A beat that came late is no news.
            known.heartbeatAgeMs = 0
            if shown.updateValue(known, forKey: node.name) != known {
              show(Document(node), update.atMs)
            }
          }
          let gone =
            update.whole
            ? Set(shown.keys).subtracting(update.nodes.map(\.name)).sorted()
            : update.gone.compactMap { $0.wholeMatch(of: /node\/(.*)/).map { String($0.1) } }
          for name in gone where shown.removeValue(forKey: name) != nil {
            let fields: [(String, Document.Value)] = [
              ("name", .text(name)), ("state", .text("gone")),
            ]
            show(Document(kind: "Node", fields: fields), update.atMs)
          }
        }
      }
    }

    private func isWanted(_ name: String) -> Bool { names.isEmpty || names.contains(name) }

    private func show(_ document: Document, _ atMs: Int64) {
      var document = document
      document.fields.insert(("at", Document.time(atMs)), at: 0)
      Renderer(output.style).emit(document) { screen in
        let running =
          document["slots"].map { "\(document.plain("running"))/\($0.plain ?? "")" } ?? ""
        let cells =
          ["at", "name", "state"].map(document.plain) + [running, document.plain("reason")]
        return cells.filter { !$0.isEmpty }.joined(separator: "  ")
      }
    }
  }
}
