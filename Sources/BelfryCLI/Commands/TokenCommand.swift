internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import SwiftProtobuf

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Let machines join the cluster, each by a line to paste there.",
    subcommands: [Create.self, List.self, Revoke.self])

  struct Create: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token, and print what to type on the new machine.",
      discussion: """
        The token is shown this once: the cluster keeps only a hash of its secret.

        Examples:

          belfry token create --name gpu-7 --labels gpu=a100
          belfry token create --uses 20 --ttl 1h --ephemeral      for a group of short-lived machines
          belfry token create -o json                             for programs
        """)

    @Option(help: "The only name it is good for. [default: any; the machine says its own]")
    var name: String?
    @Option(help: "Labels that the node gets, whatever it says itself: gpu=a100,zone=b.")
    var labels: String?
    @Option(help: "How long it is good for, at most 30 days.")
    var ttl = DurationOption(TokenRecord.timeToLiveDefault)
    @Option(help: "How many machines may use it.") var uses = 1
    @Flag(help: "Forget the node 10 minutes after it was last in session.")
    var ephemeral = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
      guard (1...TokenRecord.usesMax).contains(uses) else {
        throw ValidationError("--uses \(uses): 1 to \(TokenRecord.usesMax) are possible")
      }
    }

    func report() async throws -> Report {
      let wanted = try LabelText.parse(labels)
      let request = Belfry_V1_CreateTokenRequest.with {
        $0.name = name ?? ""
        $0.labels = wanted.map(Belfry_V1_Label.init)
        $0.ttlMs = UInt64(clamping: ttl.duration.millisecondsClamped)
        $0.uses = UInt32(clamping: uses)
        $0.ephemeral = ephemeral
      }
      let reply = try await client.connected { try await $0.createToken(request, within: $1) }
      let server: String
      if let said = reply.coordinators.first {
        server = said
      } else {
        let place = try await client.access.place().server
        server = ServerSocket(place) == nil ? place : "https://HOST:\(ServerAddress.defaultPort)"
      }
      let command = "belfry worker join \(server) --token-file -"
      var document = Document(reply.view)
      document.fields += [("token", .text(reply.token)), ("command", .text(command))]
      let text = Self.text(reply, ttl.duration, command)
      return Report(document, names: [reply.view.id]) { _ in text }
    }

    private static func text(
      _ reply: Belfry_V1_CreateTokenReply, _ life: Duration, _ command: String
    ) -> String {
      let view = reply.view
      let nodes = view.uses == 1 ? "1 node" : "\(view.uses) nodes"
      var what = "Token for \(nodes), valid \(life.shortText)"
      if !view.name.isEmpty { what += ", name \(view.name)" }
      let labels = view.labels.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
      if !labels.isEmpty { what += ", labels \(labels)" }
      if view.ephemeral { what += ", ephemeral" }
      return """
        \(what) (id \(view.id))

          On the new machine:
            \(command)
          and there, as its input, then Ctrl-D:
            \(reply.token)

          Keep it secret. Undo: belfry token revoke \(view.id)
        """
    }
  }

  struct List: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the tokens there are, the newest first; never their secrets.")

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let tokens = try await client.connected { try await $0.tokens(within: $1) }
      return Report(
        tokens.map(Document.init), kind: "TokenList",
        columns: ["id", "state", "used", "uses", "name", "labels", "expires", "createdBy"])
    }
  }

  struct Revoke: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token worthless. Nodes that joined by it stay.",
      discussion: """
        Example:

          belfry token revoke bt_mzkq2x5ara
        """)

    @Argument(help: "The token's id, as token list shows it.") var id: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await client.connected { client, limit in
        do {
          return try await Report(Document(client.revokeToken(id, within: limit)))
        } catch let error as BelfryError where error.code == .notFound {
          throw UserError(
            .noSuchToken, "no token \"\(id)\"", why: error.message, next: ["belfry token list"])
        }
      }
    }
  }
}

extension Document {
  init(_ token: Belfry_V1_TokenView) {
    self.init(
      kind: "Token",
      fields: [
        ("id", .text(token.id)), ("state", .text(token.state)),
        ("used", .number(Int(token.used))), ("uses", .number(Int(token.uses))),
        ("name", .text(token.name)), ("labels", Self.labels(token.labels)),
        ("ephemeral", .flag(token.ephemeral)), ("expires", Self.time(token.expiresMs)),
        ("created", Self.time(token.createdMs)), ("createdBy", .text(token.createdBy)),
      ])
  }

  static func labels(_ labels: [Belfry_V1_Label]) -> Value {
    .list(labels.map { .text("\($0.key)=\($0.value)") })
  }
}
