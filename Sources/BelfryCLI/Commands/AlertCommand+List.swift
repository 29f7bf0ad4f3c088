internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import Foundation

extension AlertCommand {
  struct List: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List alerts: those that fire, that may, and that ended lately.",
      discussion: """
        STATE is pending (not so for long enough yet), firing, acknowledged (somebody looks after it) or \
        resolved. The store says it for all coordinators; while it is away, what the coordinator that is \
        asked knows is listed, with a remark.

        Examples:

          belfry alert list
          belfry alert list --resolved 7d
          belfry alert list -o wide          who acknowledged and silenced it, what each sink was told
        """)

    @Option(help: "Also those that ended so long ago at most.")
    var resolved = DurationOption(.seconds(86_400))
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let reply = try await client.connected {
        try await $0.alerts(resolvedWithin: resolved.duration, within: $1)
      }
      if !reply.storeProblem.isEmpty {
        let remark = "the store was not asked, other coordinators' alerts may be missing: "
        FileHandle.standardError.write(Data((remark + reply.storeProblem + "\n").utf8))
      }
      return Report(
        reply.alerts.map { Document(alert: $0, told: reply.sinks) }, kind: "AlertList",
        columns: ["id", "state", "severity", "since", "by", "why"])
    }
  }

  struct Acknowledge: ReportingCommand {
    static let configuration = CommandConfiguration(
      commandName: "ack", abstract: "Say that you look after an alert.",
      discussion: """
        It is not sent again, is listed with your name, and its end is sent as ever. Who said so first \
        stays: the answer shows who that is.

        Examples:

          belfry alert ack node-lost w1 --note 'power supply is on its way'
          belfry alert ack node-lost/w1
        """)

    @Argument(help: "The rule, or RULE/SUBJECT as alert list shows it.") var alert: String
    @Argument(help: "The subject.") var subject: String?
    @Option(help: "For those who wonder; at most 256 characters.") var note = ""
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    private var id: AlertID? {
      subject.map { AlertID(rule: alert, subject: $0) } ?? AlertID(alert)
    }

    func validate() throws {
      guard id != nil else {
        throw ValidationError("RULE SUBJECT or RULE/SUBJECT is asked for, not \"\(alert)\"")
      }
    }

    func report() async throws -> Report {
      guard let id else { preconditionFailure("validate() lets no other through: \(alert)") }
      return try await client.connected { client, limit in
        do {
          let view = try await client.acknowledgeAlert(
            id.rule, id.subject, note: note, within: limit)
          return Report(Document(alert: view, told: []))
        } catch let error as BelfryError where error.code == .notFound {
          throw UserError(
            .noSuchAlert, "no alert \(id) fires", why: error.message, next: ["belfry alert list"])
        }
      }
    }
  }

  struct Deliveries: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List what became of alerts at each sink.",
      discussion: """
        The last 50 a sink, the newest first, of the coordinator that is asked and since it was started:
        each coordinator sends what it was the first to see. RESULT is delivered, failed (an attempt; \
        there will be another), refused (the receiver will never take it) or dropped (there was no room).

        Example:

          belfry alert deliveries
        """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let reply = try await client.connected {
        try await $0.alerts(resolvedWithin: .seconds(60), within: $1)
      }
      return Report(
        reply.sinks.flatMap { sink in
          sink.deliveries.map { delivery in
            Document(
              kind: "AlertDelivery",
              fields: [
                ("sink", .text(sink.name)), ("type", .text(sink.kind)),
                ("at", Document.time(delivery.atMs)),
                ("alert", .text("\(delivery.rule)/\(delivery.subject)")),
                ("state", .text(delivery.state)), ("result", .text(delivery.result)),
                ("why", .text(delivery.why)), ("waiting", .number(Int(sink.waiting))),
              ])
          }
        }, kind: "AlertDeliveryList",
        columns: ["sink", "type", "at", "alert", "state", "result", "why"])
    }
  }
}

extension Document {
  /// - Parameter sinks: of the coordinator that was asked, with what they were told.
  init(alert: Belfry_V1_AlertView, told sinks: [Belfry_V1_SinkView]) {
    self.init(
      kind: "Alert",
      fields: [
        ("id", .text("\(alert.rule)/\(alert.subject)")), ("rule", .text(alert.rule)),
        ("subject", .text(alert.subject)), ("state", .text(alert.state)),
        ("severity", .text(alert.severity)), ("since", Self.time(alert.firedAtMs)),
        ("summary", .text(alert.summary)), ("by", .text(alert.people)), ("why", .text(alert.why)),
        ("acknowledgedBy", .text(alert.acknowledgedBy)),
        ("acknowledged", Self.time(alert.acknowledgedMs)), ("note", .text(alert.note)),
        ("silencedBy", .text(alert.silencedBy)), ("heldBackBy", .text(alert.heldBackBy)),
        ("resolved", Self.time(alert.resolvedAtMs)), ("resolvedWhy", .text(alert.resolvedWhy)),
        ("jobsMoved", .number(Int(alert.jobsMoved))), ("coordinator", .text(alert.coordinator)),
        ("sinks", .list(sinks.compactMap { $0.last(of: alert) }.map { .text($0) })),
      ])
  }
}

extension Belfry_V1_AlertView {
  /// Who has to do with it, for a column.
  fileprivate var people: String {
    [
      acknowledgedBy.isEmpty ? "" : "ack: \(acknowledgedBy)",
      silencedBy.isEmpty ? "" : "silenced: \(silencedBy)",
    ].filter { !$0.isEmpty }.joined(separator: ", ")
  }
}

extension Belfry_V1_SinkView {
  /// The last that it was told of an alert: `pager: firing delivered 2026-11-27T20:00:00Z`.
  fileprivate func last(of alert: Belfry_V1_AlertView) -> String? {
    let known = deliveries.first {
      $0.rule == alert.rule && $0.subject == alert.subject && $0.atMs >= alert.firedAtMs
    }
    return known.map { delivery in
      let at = RFC3339.text(WallTime(milliseconds: delivery.atMs))
      return "\(name): \(delivery.state) \(delivery.result) \(at)"
    }
  }
}
