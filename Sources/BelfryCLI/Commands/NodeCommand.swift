internal import ArgumentParser
internal import Belfry
internal import BelfryAPI

struct NodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node",
    abstract:
      "Look at the nodes, cordon, drain and label workers, throw a node out, free its name.",
    subcommands: [
      List.self, Show.self, Watch.self, Cordon.self, Uncordon.self, Drain.self, Label.self,
      Revoke.self, Remove.self,
    ])

  struct List: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the nodes that the cluster sees or has a record of.",
      discussion: """
        RECORD is what is written down: member, revoked, removed; empty for a coordinator, and for a node whose \
        certificate was made by hand. STATE is what the coordinator that is asked sees now; a cordon is shown \
        for nodes too that it does not see.
        """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let (records, seen) = try await client.connected {
        (try await $0.nodes(within: $1), try await $0.health(within: $1).nodes)
      }
      let names = Set(records.map(\.name)).union(seen.map(\.name)).sorted()
      return Report(
        names.map { name in
          Document(
            node: name, record: records.first { $0.name == name },
            seen: seen.first { $0.name == name })
        }, kind: "NodeList",
        columns: [
          "name", "role", "record", "state", "slots", "running", "labels", "cordonedBy",
          "certificateExpires", "address", "reason",
        ])
    }
  }

  struct Show: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show all that is known of a node.",
      discussion: "Example:\n\n  belfry node show gpu-7")

    @Argument(
      help: "The node.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      Report(try await NodeCommand.document(of: name, client))
    }
  }

  /// All that is known of a node.
  static func document(of name: String, _ client: ClientOptions) async throws -> Document {
    let (record, seen) = try await client.connected { client, limit in
      (
        try await client.nodes(name, within: limit).first,
        try await client.health(within: limit).nodes.first { $0.name == name }
      )
    }
    guard record != nil || seen != nil else {
      throw UserError(
        .noSuchNode, "there is no node \(name)",
        why: "nobody sees it, and nothing is recorded of it", next: ["belfry node list"])
    }
    return Document(node: name, record: record, seen: seen)
  }

  struct Revoke: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Throw a node out, for good.",
      discussion: """
        Its sessions end within a second, its jobs go to others, and every coordinator refuses its \
        certificates. Works for workers, operators and producers alike; of those whose certificate was made by \
        hand the cluster may know nothing, and --unknown says that the name is right. The name of a node that \
        joined can be used again after: belfry node remove NAME.

        Examples:

          belfry node revoke gpu-7 --dry-run         shows who that is, and how much it runs
          belfry node revoke gpu-7 --reason 'disk failing' --yes
          belfry node revoke alice --unknown         an operator, by a certificate made by hand
        """)

    @Argument(
      help: "The node.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var name: String
    @Option(help: "Why, for those who wonder.") var reason = ""
    @Flag(
      help:
        "Also a name nobody has a record of, such as an operator's by a certificate made by hand.")
    var unknown = false
    @Flag(help: "Only show the node.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      if dryRun { return Report(try await NodeCommand.document(of: name, client)) }
      try Confirmation.ask("throw \(name) out for good?", isYes: yes)
      return try await client.connected { client, limit in
        do {
          let record = try await client.revokeNode(
            name, reason: reason, unknown: unknown, within: limit)
          return Report(Document(node: name, record: record, seen: nil))
        } catch let error as BelfryError where error.code == .notFound {
          throw UserError(
            .noSuchNode, "nothing is known of \(name), and nothing was done", why: error.message,
            next: [
              "belfry node list", "if the name is right: belfry node revoke \(name) --unknown",
            ])
        }
      }
    }
  }

  struct Remove: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Forget a node that is gone, so that another can have its name.",
      discussion: """
        Its certificates stay worthless. A node that the coordinator which is asked has in session must be \
        stopped or revoked first. Who was revoked with a certificate made by hand stays so.

        Example:

          belfry node remove gpu-7
        """)

    @Argument(
      help: "The node.",
      completion: .custom { words, _, _ in await Completion.nodes(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await client.connected { client, limit in
        do {
          let record = try await client.removeNode(name, within: limit)
          return Report(Document(node: name, record: record, seen: nil))
        } catch let error as BelfryError where error.code == .notFound {
          throw UserError(
            .noSuchNode, "there is no node \(name)", why: error.message, next: ["belfry node list"])
        }
      }
    }
  }
}

extension Document {
  /// What is written down of a node, and what is seen of it.
  init(node name: String, record: Belfry_V1_NodeRecordView?, seen: Belfry_V1_NodeHealth?) {
    let record = record ?? Belfry_V1_NodeRecordView()
    // Of one that is not here: what is set of it, and nothing more.
    let here = seen.flatMap { $0.state.isEmpty ? nil : $0 }
    let role = here?.role ?? record.role
    let labels = here?.labels ?? record.labels + record.setLabels
    let reason = record.reason.isEmpty ? here?.reason ?? record.cordonText : record.reason
    self.init(
      kind: "Node",
      fields: [
        ("name", .text(name)), ("role", .text(role)), ("record", .text(record.state)),
        ("state", .text(here?.state ?? "")),
        ("slots", here.map { .number(Int($0.slots)) } ?? .none),
        ("running", here.map { .number(Int($0.running)) } ?? .none),
        ("labels", Self.labels(labels)),
        ("setLabels", record.setLabels.isEmpty ? .none : Self.labels(record.setLabels)),
        ("cordonedBy", .text(record.cordonedBy)), ("cordoned", Self.time(record.cordonedSinceMs)),
        ("ephemeral", record.ephemeral ? .flag(true) : .none),
        ("serial", .text(record.serial)),
        (
          "certificateExpires",
          // Of the one that it shows, where it is here.
          Self.time(
            [here?.certificateExpiresMs, record.certificateExpiresMs].compactMap { $0 }
              .first { $0 != 0 } ?? 0)
        ),
        ("joined", Self.time(record.joinedMs)), ("token", .text(record.token)),
        ("address", .text(here?.address ?? "")), ("software", .text(here?.software ?? "")),
        ("reason", .text(reason)),
        ("revokedBy", .text(record.revokedBy)), ("revoked", Self.time(record.revokedMs)),
      ])
  }
}

extension Belfry_V1_NodeRecordView {
  fileprivate var cordonText: String {
    if cordonedBy.isEmpty { return "" }
    return "cordoned by \(cordonedBy)" + (cordonedReason.isEmpty ? "" : ": \(cordonedReason)")
  }
}
