internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import Foundation
internal import SwiftProtobuf

struct StatsCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Show rates, depths and times on one screen.",
    discussion: """
      Rates are measured over --interval; times are those of the newest 1,000 jobs that succeeded: from \
      submit to start, and from start to finish.

      Examples:

        belfry stats
        belfry stats --interval 10s -o json
      """)

  @Option(help: "How long rates are measured.") var interval = DurationOption(.seconds(1))
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard interval.duration >= .milliseconds(100) else {
      throw ValidationError("--interval is at least 100ms")
    }
  }

  func report() async throws -> Report {
    try await client.connected { client, limit in
      let first = try await client.health(within: limit)
      let request = Belfry_V1_FindRequest.with {
        $0.states = ["succeeded"]
        $0.limit = 1_000
      }
      let jobs = try await client.find(request, within: limit)
      try await Task.sleep(for: interval.duration)
      let second = try await client.health(within: limit)
      return Report(Stats(first, second, jobs: jobs.map(\.outcome)).document)
    }
  }
}

/// Two looks at a cluster, and what became of jobs in between.
struct Stats {
  let document: Document

  init(
    _ first: Belfry_V1_HealthUpdate, _ second: Belfry_V1_HealthUpdate, jobs: [Belfry_V1_Outcome]
  ) {
    func sum(_ picture: Belfry_V1_HealthUpdate, _ value: (Belfry_V1_LaneHealth) -> UInt64) -> Int {
      picture.lanes.reduce(0) { $0 + Int(clamping: value($1)) }
    }
    let seconds = max(0.001, Double(second.atMs - first.atMs) / 1_000)
    func rate(_ value: (Belfry_V1_LaneHealth) -> UInt64) -> Document.Value {
      // A coordinator that was started anew meanwhile counts from nothing.
      .fraction(max(0, Double(sum(second, value) - sum(first, value)) / seconds))
    }
    let up = second.nodes.filter { $0.role == "worker" && $0.state == "up" }
    document = Document(
      kind: "Stats",
      fields: [
        ("cluster", .text(second.cluster)), ("finishedPerSecond", rate(\.finished)),
        ("failedPerSecond", rate(\.failed)), ("ready", .number(sum(second, \.ready))),
        ("waiting", .number(sum(second, \.waiting))), ("running", .number(sum(second, \.running))),
        ("parked", .number(sum(second, \.parked))), ("finished", .number(sum(second, \.finished))),
        ("failed", .number(sum(second, \.failed))), ("workersUp", .number(up.count)),
        ("slots", .number(up.reduce(0) { $0 + Int($1.slots) })),
        ("slotsTaken", .number(up.reduce(0) { $0 + Int($1.running) })),
        ("alerts", .number(second.alerts.count)),
        ("waitMs", Self.percentiles(jobs.map { $0.startedAtMs - $0.submittedAtMs })),
        ("runMs", Self.percentiles(jobs.map { $0.finishedAtMs - $0.startedAtMs })),
      ])
  }

  /// Nearest rank. Clocks of several machines differ: what came before it was sent took no time.
  private static func percentiles(_ values: [Int64]) -> Document.Value {
    guard !values.isEmpty else { return .none }
    let sorted = values.map { max(0, $0) }.sorted()
    func rank(_ percent: Int) -> Document.Value {
      .number(Int(sorted[max(0, (sorted.count * percent + 99) / 100 - 1)]))
    }
    return .object([
      ("p50", rank(50)), ("p95", rank(95)), ("p99", rank(99)), ("max", rank(100)),
      ("of", .number(sorted.count)),
    ])
  }
}
