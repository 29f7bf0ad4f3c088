internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import Foundation

struct HealthCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "health", abstract: "Show the cluster's health, once or live.",
    discussion: """
      Examples:

        belfry health
        belfry health --watch                 a live table on a terminal
        belfry health --watch -o ndjson       one JSON object a line: the whole, then changes
        belfry health --watch -o ndjson --since 42@0d3f...    what has changed since that line

      When the connection is lost, --watch goes on where it was; of a coordinator that was started anew, or \
      after a long time, it tells the whole again. Exit status without --watch: 0 nothing is wrong, 1 something is.
      """)

  @Flag(name: .shortAndLong, help: "Go on until interrupted.")
  var watch = false
  @Option(help: "The cursor of a line that was seen before; for --watch.")
  var since: HealthCursor?
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if since != nil && !watch { throw ValidationError("--since goes with --watch") }
  }

  func report() async throws -> Report {
    try await client.connected { client, limit in
      if watch { try await follow(client) }
      let picture = try await client.health(within: limit)
      return Report(
        Document(picture), names: picture.nodes.map(\.name), exit: picture.verdict.isEmpty ? 0 : 1
      ) { HealthTable(picture, $0).text }
    }
  }

  private func follow(_ client: BelfryClient) async throws -> Never {
    let renderer = Renderer(output.style)
    var picture = Belfry_V1_HealthUpdate()
    try await client.followHealth(since: since) { update in
      picture.apply(update)
      renderer.replace(Document(update)) { HealthTable(picture, $0).text }
    }
  }
}

extension BelfryClient {
  /// Follows the cluster's health until it is interrupted: a coordinator that goes away is waited for.
  /// Only the first connection has to succeed.
  func followHealth(
    since cursor: HealthCursor? = nil, _ take: (Belfry_V1_HealthUpdate) throws -> Void
  ) async throws -> Never {
    var (seen, isBack, hasBegun) = (cursor, true, false)
    while true {
      var why = "the coordinator is leaving"
      do {
        try await watchHealth(since: seen?.number, of: seen?.source) { update in
          if !isBack { note("health: connected again") }
          (seen, isBack, hasBegun) = (HealthCursor(update), true, true)
          try take(update)
        }
      } catch let error as BelfryError where hasBegun && error.code == .unavailable {
        why = error.message
      }
      if isBack { note("health: no news, trying again: \(why)") }
      isBack = false
      try await Task.sleep(for: .seconds(1))
    }
  }
}

/// `NUMBER@SOURCE`: how much of whose changes was seen.
struct HealthCursor: ExpressibleByArgument, CustomStringConvertible {
  let number: UInt64
  let source: String

  init(_ update: Belfry_V1_HealthUpdate) { (number, source) = (update.cursor, update.source) }

  init?(argument: String) {
    let parts = argument.split(separator: "@", maxSplits: 1)
    guard parts.count == 2, let number = UInt64(parts[0]) else { return nil }
    (self.number, source) = (number, String(parts[1]))
  }

  var description: String { "\(number)@\(source)" }
}

extension Document {
  init(_ update: Belfry_V1_HealthUpdate) {
    self.init(
      kind: update.whole ? "Health" : "HealthChange",
      fields: [
        ("cursor", .text(HealthCursor(update).description)), ("at", Self.time(update.atMs)),
        ("cluster", .text(update.cluster)), ("verdict", .text(update.verdict)),
        ("nodes", .list(update.nodes.map { .object(Self.nodeFields($0)) })),
        ("lanes", .list(update.lanes.map { .object(Self.laneFields($0)) })),
        ("parts", .list(update.parts.map(Self.part))),
        ("alerts", .list(update.alerts.map(Self.alert))),
        ("gone", .list(update.gone.map { .text($0) })),
      ])
  }

  init(_ node: Belfry_V1_NodeHealth) {
    self.init(kind: "Node", fields: Self.nodeFields(node))
  }

  private static func nodeFields(_ node: Belfry_V1_NodeHealth) -> [(String, Value)] {
    [
      ("name", .text(node.name)), ("role", .text(node.role)), ("state", .text(node.state)),
      ("reason", .text(node.reason)), ("since", time(node.sinceMs)), ("boot", .text(node.boot)),
      ("slots", .number(Int(node.slots))), ("running", .number(Int(node.running))),
      ("heartbeatAgeMs", .number(Int(clamping: node.heartbeatAgeMs))),
      ("labels", .list(node.labels.map { .text("\($0.key)=\($0.value)") })),
      ("clockOffsetMs", .number(Int(node.clockOffsetMs))),
      ("kinds", .list(node.kinds.map { .text($0) })),
      ("lanes", .list(node.lanes.map { .text($0) })), ("software", .text(node.software)),
      ("address", .text(node.address)),
      ("certificateExpires", time(node.certificateExpiresMs)),
      ("cordonedBy", .text(node.cordonedBy)), ("cordonedReason", .text(node.cordonedReason)),
      ("cordonedSince", time(node.cordonedSinceMs)),
    ]
  }

  private static func part(_ part: Belfry_V1_PartHealth) -> Value {
    .object([
      ("name", .text(part.name)), ("state", .text(part.state)), ("reason", .text(part.reason)),
      ("since", time(part.sinceMs)),
    ])
  }

  private static func alert(_ alert: Belfry_V1_AlertView) -> Value {
    .object([
      ("rule", .text(alert.rule)), ("subject", .text(alert.subject)),
      ("state", .text(alert.state)), ("severity", .text(alert.severity)),
      ("summary", .text(alert.summary)), ("why", .text(alert.why)),
      ("firedAt", time(alert.firedAtMs)), ("jobsMoved", .number(Int(alert.jobsMoved))),
      ("acknowledgedBy", .text(alert.acknowledgedBy)), ("silencedBy", .text(alert.silencedBy)),
    ])
  }
}
