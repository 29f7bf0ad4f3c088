internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import SwiftProtobuf

extension AlertCommand {
  struct Silence: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send no alerts that match, for a time.",
      discussion: """
        MATCH is RULE or RULE/SUBJECT, where * stands for any characters. What is silenced is listed all \
        the same, with who silenced it. Who was told that an alert fires is told that it is over. An alert \
        that still fires when the silence ends, and that nobody has acknowledged, is sent then. Durable, \
        and for all coordinators within about a second.

        Examples:

          belfry alert silence node-lost/gpu-7 --for 2h --reason 'new disk'
          belfry alert silence 'node-lost/gpu-*' --for 30m --reason 'the rack is moved'
          belfry alert silence '*/w1' --for 1d --reason 'known, ticket 4711'
        """)

    @Argument(help: "Which alerts: RULE or RULE/SUBJECT, with *.") var match: String
    @Option(name: .customLong("for"), help: "How long: 2h, 30m; 1 minute to 365 days.")
    var length: DurationOption
    @Option(help: "Why, for those who wonder; at most 256 characters.") var reason: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
      guard !reason.isEmpty else { throw ValidationError("--reason is empty: say why") }
      guard AlertMatch(match) != nil else {
        throw ValidationError("\"\(match)\": RULE or RULE/SUBJECT is asked for, with *")
      }
    }

    func report() async throws -> Report {
      let request = Belfry_V1_CreateSilenceRequest.with {
        $0.match = match
        $0.forMs = length.duration.millisecondsClamped
        $0.reason = reason
      }
      return Report(
        Document(try await client.connected { try await $0.createSilence(request, within: $1) }))
    }
  }

  struct Silences: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the silences that hold, and those that ended in the last 24 hours.")

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let silences = try await client.connected { try await $0.silences(within: $1) }
      return Report(
        silences.map(Document.init), kind: "SilenceList",
        columns: ["id", "match", "holds", "by", "ends", "reason"])
    }
  }

  struct Unsilence: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "End a silence early.",
      discussion: """
        Alerts that it held back, that still fire and that nobody has acknowledged are sent now.

        Example:

          belfry alert unsilence s-4kq2m7
        """)

    @Argument(help: "The silence's id, as alert silences shows it.") var id: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await client.connected { client, limit in
        do {
          return Report(Document(try await client.endSilence(id, within: limit)))
        } catch let error as BelfryError where error.code == .notFound {
          throw UserError(
            .noSuchSilence, "no silence \(id) holds", why: error.message,
            next: ["belfry alert silences"])
        }
      }
    }
  }
}

extension Document {
  init(_ silence: Belfry_V1_SilenceView) {
    self.init(
      kind: "Silence",
      fields: [
        ("id", .text(silence.id)), ("match", .text(silence.match)), ("holds", .flag(silence.holds)),
        ("by", .text(silence.by)), ("made", Self.time(silence.madeMs)),
        ("ends", Self.time(silence.endsMs)), ("endedBy", .text(silence.endedBy)),
        ("reason", .text(silence.reason)),
      ])
  }
}
