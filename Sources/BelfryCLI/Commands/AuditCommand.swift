internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import Foundation
internal import SwiftProtobuf

/// Counts what became of accepted jobs: each must be in exactly one place.
struct AuditCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Prove that no accepted job is lost.",
    discussion: """
      accepted = done + dead + queued + delayed + running

      By id for the ids that it is given, one a line, as belfry submit prints them: each has an outcome, \
      or is delayed, or is held by the coordinator that is asked. An id in none of these waits in RabbitMQ, \
      if at all: queues cannot be browsed, so those are compared with what the queues hold by number.

      Examples:

        belfry submit --kind ping --count 1000 > ids && belfry audit --ids ids
        belfry audit --ids - -o json < ids

      Exit status: 0 every id is accounted for; 1 more are missing than the queues hold: jobs were lost, \
      or never accepted; 2 some wait in the queues, perhaps: ask again later. With several coordinators \
      what another one holds counts as waiting: ask when nothing runs, or each in turn.
      """)

  @Option(help: "A file with one id a line; - is standard input.")
  var ids: String
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func report() async throws -> Report {
    let wanted = try readIDs()
    return try await client.connected { client, limit in
      var states: [String: String] = [:]
      var audit = try await look(for: wanted, client, limit, &states)
      // A coordinator asks for the queues' depths every 2 s, and a job may move between two looks.
      for _ in 0..<2 where audit.missing.count > audit.inQueues {
        try await Task.sleep(for: .milliseconds(2_500))
        audit = try await look(for: wanted, client, limit, &states)
      }
      return Report(
        audit.document,
        exit: audit.missing.isEmpty ? 0 : audit.missing.count > audit.inQueues ? 1 : 2)
    }
  }

  /// Looks for those that were not found yet.
  private func look(
    for wanted: [String], _ client: BelfryClient, _ limit: Duration,
    _ states: inout [String: String]
  ) async throws -> Audit {
    let missing = wanted.filter { states[$0] == nil }
    for start in stride(from: 0, to: missing.count, by: OutcomeFilter.idsMax) {
      let request = Belfry_V1_FindRequest.with {
        $0.ids = Array(missing[start..<min(start + OutcomeFilter.idsMax, missing.count)])
        $0.limit = UInt32(OutcomeFilter.limitMax)
      }
      // Held comes before delayed and outcomes: the last word is the outcome's.
      for job in try await client.find(request, within: limit) { states[job.id] = job.state }
    }
    let health = try await client.health(within: limit)
    return Audit(ids: wanted, states: states, inQueues: health.waitingInQueues)
  }

  private func readIDs() throws -> [String] {
    let text = String(decoding: try PayloadText.bytes(nil, file: ids), as: UTF8.self)
    var seen: Set<String> = []
    var wanted: [String] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let id = line.trimmingCharacters(in: .whitespaces)
      if id.isEmpty || !seen.insert(id).inserted { continue }
      guard Grammar.isJobID(id) else {
        throw UserError(
          .badName, "\"\(id.prefix(80))\" is no job id",
          why: "1 to 64 of [A-Za-z0-9._-] are asked for",
          next: ["give one id a line, as belfry submit prints them"])
      }
      wanted.append(id)
    }
    return wanted
  }
}

/// The sums.
struct Audit {
  let missing: [String]
  let inQueues: Int
  let document: Document

  init(ids: [String], states: [String: String], inQueues: Int) {
    var counts: [String: Int] = [:]
    for id in ids { counts[states[id] ?? "missing", default: 0] += 1 }
    missing = ids.filter { states[$0] == nil }
    self.inQueues = inQueues
    func count(_ names: String...) -> Document.Value {
      .number(names.reduce(0) { $0 + (counts[$1] ?? 0) })
    }
    let verdict =
      missing.isEmpty
      ? "every job is accounted for"
      : missing.count <= inQueues
        ? "\(missing.count) are with RabbitMQ, perhaps: its queues hold \(inQueues)"
        : "\(missing.count - inQueues) are nowhere"
    document = Document(
      kind: "Audit",
      fields: [
        ("accepted", .number(ids.count)), ("done", count("succeeded", "cancelled")),
        ("dead", count("failed", "expired")), ("queued", count("queued")),
        ("delayed", count("delayed")), ("running", count("running")),
        ("missing", count("missing")), ("inQueues", .number(inQueues)), ("verdict", .text(verdict)),
        ("missingIDs", .list(missing.prefix(100).map { .text($0) })),
      ])
  }
}

extension Belfry_V1_HealthUpdate {
  fileprivate var waitingInQueues: Int {
    lanes.reduce(0) { $0 + Int(clamping: $1.ready) + Int(clamping: $1.parked) }
  }
}
