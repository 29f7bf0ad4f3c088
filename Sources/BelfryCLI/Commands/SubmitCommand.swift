internal import ArgumentParser
internal import Belfry
internal import BelfryCore
internal import Foundation

struct SubmitCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit", abstract: "Give jobs to the cluster.",
    discussion: """
      Prints the id of each job once it is accepted: from then on it reaches exactly one outcome.

      Examples:

        belfry submit --kind shout --payload hello --wait
        belfry submit --kind resize --payload-file photo.jpg --id photo-17 --tries 5
        belfry submit --kind ping --count 1000 --id-prefix load
        belfry submit --kind bill --idempotency-key order-4711 --delay 1h

      Exit status with --wait: 0 succeeded, 1 any other outcome, 2 some of many.
      """)

  @OptionGroup var job: JobOptions
  @Option(help: "The job's id; the idempotency key. [default: a new one]")
  var id: String?
  @Option(help: "How many jobs of the same kind and payload.")
  var count = 1
  @Option(help: "With --count: ids PREFIX-1, PREFIX-2, …")
  var idPrefix: String?
  @Option(help: "Not before so much time has passed.")
  var delay: DurationOption?
  @Option(help: "In place of an id: the same key on the same lane is the same job.")
  var idempotencyKey: String?
  @Option(help: "Not before this time, RFC 3339: 2026-12-24T18:00:00Z.")
  var runAt: TimeOption?
  @Option(help: "The job as a whole must have run within this time, or it expires.")
  var deadline: DurationOption?
  @Flag(help: "This id may have been submitted before: look first.")
  var `repeat` = false
  @Flag(help: "Wait for the outcome, at most --timeout.")
  var wait = false
  @Flag(help: "Only say what would be submitted; no cluster is asked.")
  var dryRun = false
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard count >= 1 else { throw ValidationError("--count must be at least 1") }
    guard count == 1 || id == nil else {
      throw ValidationError("--id names one job; with --count use --id-prefix")
    }
    guard idempotencyKey == nil || (id == nil && count == 1) else {
      throw ValidationError("--idempotency-key names one job, in place of --id")
    }
    guard delay == nil || runAt == nil else {
      throw ValidationError("--delay and --run-at exclude each other")
    }
  }

  func report() async throws -> Report {
    if dryRun { return Report(Document(try template(), count: count)) }
    return try await client.connected { client, limit in
      let ids = try await submit(to: client)
      if wait { return try await JobCommand.outcomes(of: ids, client, within: limit) }
      let document = Document(kind: "JobIDs", fields: [("ids", .list(ids.map { .text($0) }))])
      return Report(document, names: ids) { _ in ids.joined(separator: "\n") }
    }
  }

  private func submit(to client: BelfryClient) async throws -> [String] {
    let job = try template()
    var ids: [String] = []
    var next = 1
    let progress = Progress("submit", of: count)
    defer { progress.end() }
    while next <= count {
      let last = min(count, next + 99)
      let jobs = (next...last).map { number in
        var copy = job
        copy.id = idPrefix.map { "\($0)-\(number)" } ?? id
        return copy
      }
      for verdict in try await client.submit(jobs, within: self.client.timeout.duration) {
        switch verdict {
        case .accepted(let id): ids.append(id)
        case .refused(_, let error): throw error
        }
      }
      progress.add(jobs.count)
      next = last + 1
    }
    return ids
  }

  private func template() throws -> NewJob {
    var job = try self.job.job()
    let now = Int64(Date().timeIntervalSince1970 * 1_000)
    if let delay { job.runAtMilliseconds = now + Int64(delay.duration / .milliseconds(1)) }
    if let runAt { job.runAtMilliseconds = runAt.milliseconds }
    if let deadline { job.deadlineMilliseconds = now + Int64(deadline.duration / .milliseconds(1)) }
    job.idempotencyKey = idempotencyKey
    job.isRepeat = `repeat`
    return job
  }
}

extension Document {
  /// What a submit would be.
  fileprivate init(_ job: NewJob, count: Int) {
    self.init(
      kind: "SubmitPlan",
      fields: [
        ("jobs", .number(count)), ("jobKind", .text(job.kind)), ("lane", .text(job.lane)),
        ("payloadBytes", .number(job.payload.count)),
        ("tries", job.triesMax.map { .number($0) } ?? .none),
        ("runAt", Self.time(job.runAtMilliseconds ?? 0)),
        ("deadline", Self.time(job.deadlineMilliseconds ?? 0)),
      ])
  }
}
