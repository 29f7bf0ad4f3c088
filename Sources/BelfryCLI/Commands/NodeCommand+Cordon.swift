internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import SwiftProtobuf

/// What operators set of a worker: no new jobs for it, and labels.
extension NodeCommand {
  struct Cordon: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a worker no new jobs; what it runs goes on.",
      discussion: """
        Durable, and for all coordinators: this one at once, the others within about a second. It holds \
        whatever restarts, the worker included. Who did it first, and why, stays.

        Example:

          belfry node cordon gpu-7 --reason 'fan is loud'
        """)

    @Argument(
      help: "The worker.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var name: String
    @Option(help: "Why, for those who wonder.") var reason = ""
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let document = try await NodeCommand.change(name, client) {
        try await $0.cordonNode(name, reason: reason, within: $1)
      }
      note("undo: belfry node uncordon \(name)")
      return Report(document)
    }
  }

  struct Uncordon: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a cordoned worker jobs again.")

    @Argument(
      help: "The worker.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let document = try await NodeCommand.change(name, client) {
        try await $0.uncordonNode(name, within: $1)
      }
      note("undo: belfry node cordon \(name)")
      return Report(document)
    }
  }

  struct Label: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a worker labels, beside those that it brings.",
      discussion: """
        Jobs that require a label come to workers that have it. Durable, as a cordon is. Where a worker \
        brings a label of the same key, the one that is set here counts.

        Example:

          belfry node label gpu-7 disk=fast zone=b        sets two
          belfry node label gpu-7 disk-                   takes one back
        """)

    @Argument(
      help: "The worker.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var name: String
    @Argument(help: "KEY=VALUE sets a label, KEY- takes one back that was set so.")
    var changes: [String]
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let removed = changes.filter { !$0.contains("=") }
      guard
        let set = BelfryCore.Label.list(changes.filter { $0.contains("=") }.joined(separator: ",")),
        removed.allSatisfy({ $0.hasSuffix("-") && $0.count > 1 })
      else {
        throw UserError(
          .badSetting, "\"\(changes.joined(separator: " "))\" are no labels",
          why: "key=value and key- are asked for",
          next: ["belfry node label \(name) disk=fast zone-"])
      }
      let keys = removed.map { String($0.dropLast()) }
      var undo: [String] = []
      let document = try await NodeCommand.change(name, client) { client, limit in
        let before = try await client.nodes(name, within: limit).first?.setLabels ?? []
        undo = (set.map(\.key) + keys).compactMap { key in
          if let old = before.first(where: { $0.key == key }) { return "\(key)=\(old.value)" }
          return set.contains { $0.key == key } ? "\(key)-" : nil
        }
        return try await client.labelNode(name, set: set, remove: keys, within: limit)
      }
      if !undo.isEmpty { note("undo: belfry node label \(name) \(undo.joined(separator: " "))") }
      return Report(document)
    }
  }

  /// Changes what is set of a worker, and shows all that is known of it then.
  static func change(
    _ name: String, _ options: ClientOptions,
    _ body: (BelfryClient, Duration) async throws -> Belfry_V1_NodeHealth
  ) async throws -> Document {
    try await options.connected { client, limit in
      do {
        let seen = try await body(client, limit)
        return Document(
          node: name, record: try await client.nodes(name, within: limit).first, seen: seen)
      } catch let error as BelfryError where error.code == .notFound {
        throw UserError(
          .noSuchNode, "there is no node \(name)", why: error.message, next: ["belfry node list"])
      }
    }
  }
}
