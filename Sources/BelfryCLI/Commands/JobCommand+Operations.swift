internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import Foundation
internal import SwiftProtobuf

/// Which jobs a command is about.
struct JobFilterOptions: ParsableArguments {
  @Option(help: "Ids that begin with this.") var prefix: String?
  @Option(help: "The job's kind.") var kind: String?
  @Option(help: "The job's lane.") var lane: String?
  @Option(help: "The worker that runs it, or ran it.") var worker: String?
  @Option(help: "Labels that the job asks for, key=value, comma-separated.") var requires: String?
  @Option(help: "Finished within this time: 1h30m.") var within: DurationOption?
  @Option(help: "Finished before this time, RFC 3339.") var before: TimeOption?
  @Option(help: "At most so many.") var limit: UInt32?

  var isEmpty: Bool {
    prefix == nil && kind == nil && lane == nil && worker == nil && requires == nil && within == nil
      && before == nil
  }

  func request(ids: [String] = [], states: [String] = []) throws -> Belfry_V1_FindRequest {
    let labels = try LabelText.parse(requires)
    return .with {
      $0.ids = ids
      $0.states = states
      $0.idPrefix = prefix ?? ""
      $0.kind = kind ?? ""
      $0.lane = lane ?? ""
      $0.worker = worker ?? ""
      $0.requires = labels.map(Belfry_V1_Label.init)
      if let within {
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        $0.sinceMs = now - within.duration.millisecondsClamped
      }
      $0.untilMs = before?.milliseconds ?? 0
      $0.limit = limit ?? 0
    }
  }
}

extension JobCommand {
  struct List: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List jobs: queued and running ones of this coordinator, delayed ones, outcomes.",
      discussion: """
        Examples:

          belfry job list --state running
          belfry job list --state dead --kind resize --within 1h
          belfry job list --prefix load- --limit 10000 -o ndjson

        Outcomes come newest first. Jobs that still wait in RabbitMQ are counted by belfry health, and \
        cannot be listed: a queue cannot be browsed.
        """)

    @Option(
      help: "queued, running, delayed, succeeded, failed, cancelled, expired, or dead. Repeatable.")
    var state: [String] = []
    @OptionGroup var filter: JobFilterOptions
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let request = try filter.request(states: state)
      let jobs = try await client.connected { try await $0.find(request, within: $1) }
      return Report(
        jobs.map { Document($0) }, kind: "JobList",
        columns: ["id", "state", "jobKind", "lane", "attempt", "worker", "reason", "finishedAt"])
    }
  }

  struct Cancel: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Cancel jobs wherever they are: queued, delayed or running.",
      discussion: """
        Durable: it holds whatever restarts, also for an id that is submitted later. A running command \
        gets SIGTERM, then SIGKILL.

        Example:

          belfry job cancel photo-17 photo-18

        Prints for each id: cancelled, unseen (cancelled, though nobody here had seen it), or \
        finished-first. Exit status: 0 all are cancelled, 1 none, 2 some.
        """)

    @Argument(
      help: "The jobs' ids.",
      completion: .custom { words, _, prefix in await Completion.jobs(prefix, words) })
    var ids: [String]
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await client.connected { client, limit in
        var documents: [Document] = []
        var cancelled = 0
        for id in ids {
          let reply = try await client.cancelReply(id, within: limit)
          if reply.answer != "finished-first" { cancelled += 1 }
          documents.append(
            Document(
              kind: "Cancel",
              fields: [
                ("id", .text(id)), ("answer", .text(reply.answer)),
                ("state", .text(reply.job.state)),
              ]))
        }
        return Report(
          documents, kind: "CancelList", columns: ["id", "answer", "state"],
          exit: cancelled == ids.count ? 0 : cancelled == 0 ? 1 : 2)
      }
    }
  }

  struct Retry: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Submit dead jobs (failed, expired) anew, as new jobs.",
      discussion: """
        The old outcome stays; the new job names it. Each dead job has one retry: to repeat the command \
        makes no second one. A retry that dies is a dead job of its own.

        Examples:

          belfry job retry photo-17
          belfry job retry --all --kind resize --within 1h --dry-run
        """)

    @Argument(
      help: "The dead jobs' ids, whole.",
      completion: .custom { words, _, prefix in await Completion.jobs(prefix, words) })
    var ids: [String] = []
    @Flag(help: "All dead jobs that match the filter.") var all = false
    @Flag(help: "Only say what would be retried.") var dryRun = false
    @OptionGroup var filter: JobFilterOptions
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try JobCommand.checkChoice(ids, all, filter) }

    func report() async throws -> Report {
      try await client.connected { client, limit in
        let request = Belfry_V1_RetryRequest.with { $0.dryRun = dryRun }
        var reply = Belfry_V1_RetryReply()
        for portion in try JobCommand.requests(ids, filter, states: []) {
          var request = request
          request.filter = portion
          reply.jobs += try await client.retry(request, within: limit).jobs
        }
        let count = reply.jobs.count { $0.problem.isEmpty }
        note("\(count) of \(reply.jobs.count) \(dryRun ? "would be" : "are") submitted anew")
        noteLimit(reply.jobs.count, filter)
        return Report(
          reply.jobs.map { job in
            Document(
              kind: "Retry",
              fields: [
                ("id", .text(job.id)), ("newID", .text(job.newID)), ("problem", .text(job.problem)),
              ])
          }, kind: "RetryList", columns: ["id", "newID", "problem"],
          exit: count == reply.jobs.count ? 0 : count == 0 ? 1 : 2)
      }
    }
  }

  struct Forget: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove outcomes before their time. Such an id could run again.",
      discussion: """
        Examples:

          belfry job forget photo-17 --yes
          belfry job forget --all --prefix load- --dry-run
        """)

    @Argument(
      help: "The jobs' ids, whole.",
      completion: .custom { words, _, prefix in await Completion.jobs(prefix, words) })
    var ids: [String] = []
    @Flag(help: "All outcomes that match the filter.") var all = false
    @Option(help: "With --all: succeeded, failed, cancelled, expired or dead. Repeatable.")
    var state: [String] = []
    @Flag(help: "Only say what would be removed.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var filter: JobFilterOptions
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws { try JobCommand.checkChoice(ids, all, filter, states: state) }

    func report() async throws -> Report {
      if !dryRun {
        try Confirmation.ask("remove these outcomes? Their ids could run again.", isYes: yes)
      }
      return try await client.connected { client, limit in
        var forgotten: [String] = []
        for portion in try JobCommand.requests(ids, filter, states: state) {
          let request = Belfry_V1_ForgetRequest.with {
            $0.filter = portion
            $0.dryRun = dryRun
          }
          let reply = try await client.forget(request, within: limit)
          forgotten += reply.ids
          for id in reply.missing { note("\(id) has no outcome") }
        }
        note("\(forgotten.count) outcomes \(dryRun ? "would be" : "are") removed")
        noteLimit(forgotten.count, filter)
        return Report(
          forgotten.map { Document(kind: "Forgotten", fields: [("id", .text($0))]) },
          kind: "ForgottenList", columns: ["id"])
      }
    }
  }

  fileprivate static func checkChoice(
    _ ids: [String], _ all: Bool, _ filter: JobFilterOptions, states: [String] = []
  ) throws {
    guard ids.isEmpty == all else {
      throw ValidationError("give ids, or --all with a filter")
    }
    guard ids.isEmpty != (filter.isEmpty && states.isEmpty) else {
      throw ValidationError(
        ids.isEmpty ? "--all needs a filter, --kind or so" : "ids and a filter exclude each other")
    }
  }

  /// A request takes 1,000 ids.
  fileprivate static func requests(
    _ ids: [String], _ filter: JobFilterOptions, states: [String]
  ) throws -> [Belfry_V1_FindRequest] {
    guard !ids.isEmpty else { return [try filter.request(states: states)] }
    return try stride(from: 0, to: ids.count, by: OutcomeFilter.idsMax).map { start in
      try filter.request(ids: Array(ids[start..<min(start + OutcomeFilter.idsMax, ids.count)]))
    }
  }
}

/// What a limit may have left out is said.
private func noteLimit(_ count: Int, _ filter: JobFilterOptions) {
  let limit = filter.limit.map(Int.init) ?? OutcomeFilter.limitMax
  if count >= limit {
    note("there may be more: a call takes the newest \(limit); narrow the filter")
  }
}
