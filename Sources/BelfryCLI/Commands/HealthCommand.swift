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

      Exit status without --watch: 0 nothing is wrong, 1 something is.
      """)

  @Flag(name: .shortAndLong, help: "Go on until interrupted.")
  var watch = false
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

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
    for try await update in client.watchHealth() {
      picture.apply(update)
      renderer.replace(Document(update)) { HealthTable(picture, $0).text }
    }
    throw UserError(
      .unavailable, "the coordinator has ended the stream", why: "it is leaving",
      next: ["belfry health --watch again, or with another --server"])
  }
}

extension Belfry_V1_HealthUpdate {
  /// What is in an update replaces what was known under the same name.
  mutating func apply(_ update: Belfry_V1_HealthUpdate) {
    if update.whole {
      self = update
      return
    }
    cursor = update.cursor
    atMs = update.atMs
    verdict = update.verdict
    nodes = Self.merge(nodes, update.nodes) { $0.name == $1.name }
    lanes = Self.merge(lanes, update.lanes) { $0.name == $1.name }
    parts = Self.merge(parts, update.parts) { $0.name == $1.name }
    alerts = Self.merge(alerts, update.alerts) { $0.rule == $1.rule && $0.subject == $1.subject }
    nodes.removeAll { update.gone.contains("node/\($0.name)") }
    alerts.removeAll { update.gone.contains("alert/\($0.rule)/\($0.subject)") }
  }

  private static func merge<Item>(
    _ old: [Item], _ new: [Item], _ isSame: (Item, Item) -> Bool
  ) -> [Item] {
    var result = old
    for item in new {
      if let index = result.firstIndex(where: { isSame($0, item) }) {
        result[index] = item
      } else {
        result.append(item)
      }
    }
    return result
  }
}

extension Document {
  init(_ update: Belfry_V1_HealthUpdate) {
    self.init(
      kind: update.whole ? "Health" : "HealthChange",
      fields: [
        ("cursor", .number(Int(clamping: update.cursor))), ("at", Self.time(update.atMs)),
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
