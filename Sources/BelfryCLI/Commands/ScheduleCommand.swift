internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
internal import Foundation
internal import SwiftProtobuf

struct ScheduleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule", abstract: "Submit jobs again and again, by the calendar.",
    discussion: """
      Each firing is one job, whose id is made of the schedule's name and the time: it has one outcome, \
      whatever the number of coordinators. With none running at that time, it is made up for by the \
      first one that starts (--misfire once), or not (--misfire skip).
      """,
    subcommands: [
      Add.self, List.self, Show.self, Run.self, Pause.self, Resume.self, Remove.self, Next.self,
    ])

  struct Add: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a schedule, or replace the one of that name.",
      discussion: """
        The calendar has five fields: minute, hour, day of month, month, day of week; lists 1,15, ranges \
        mon-fri, steps */10; or @hourly, @daily, @weekly, @monthly, @yearly.

        Examples:

          belfry schedule add nightly --cron '30 2 * * *' --time-zone Europe/Berlin --kind backup
          belfry schedule add poll --cron '*/5 8-18 * * mon-fri' --kind poll --payload '{"all":true}'

        Where the clock is put forward, a time that does not exist comes as much later; where it is put \
        back, a time that is there twice comes once, unless the hour is *.
        """)

    @Argument(help: "Its name: [a-z0-9][a-z0-9-]{0,62}.") var name: String
    @Option(help: "When: five fields, or @hourly and so on.") var cron: String
    @Option(help: "Whose clock.") var timeZone = "UTC"
    @Option(help: "Times that passed while no coordinator ran: once (the last of them) or skip.")
    var misfire = "once"
    @OptionGroup var job: JobOptions
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let spec = try job.job().spec
      return try await client.connected { client, limit in
        let schedule = try await client.putSchedule(
          .with {
            $0.name = name
            $0.cron = cron
            $0.timeZone = timeZone
            $0.misfire = misfire
            $0.job = spec
          }, within: limit)
        return Report(Document(schedule))
      }
    }
  }

  struct List: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List schedules: when each fired last, and when it fires next.")

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let schedules = try await client.connected { try await $0.schedules(within: $1) }
      return Report(
        schedules.map { Document($0) }, kind: "ScheduleList",
        columns: ["name", "cron", "timeZone", "jobKind", "lane", "paused", "nextAt", "lastAt"])
    }
  }

  struct Show: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a schedule, and the job that it submits.",
      discussion: "Example:\n\n  belfry schedule show nightly")

    @Argument(
      help: "Its name.",
      completion: .custom { words, _, _ in await Completion.schedules(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let schedule = try await client.connected { try await $0.schedule(name, within: $1) }
      var document = Document(schedule)
      document.addJob(schedule.job)
      return Report(document)
    }
  }

  struct Run: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Submit a schedule's job now, once; its calendar goes on as it was.",
      discussion: """
        No firing: the job has an id of its own, and a paused schedule does it too.

        Example:

          belfry schedule run nightly -o name
        """)

    @Argument(
      help: "Its name.",
      completion: .custom { words, _, _ in await Completion.schedules(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let id = try await client.connected { client, limit in
        let schedule = try await client.schedule(name, within: limit)
        return try await client.submit(spec: schedule.job, within: limit)
      }
      return Report(
        Document(kind: "Submitted", fields: [("id", .text(id)), ("schedule", .text(name))]))
    }
  }

  struct Pause: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a schedule fire no more for now.")

    @Argument(
      help: "Its name.",
      completion: .custom { words, _, _ in await Completion.schedules(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await ScheduleCommand.set(name, paused: true, client)
    }
  }

  struct Resume: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let a paused schedule go on. What it missed meanwhile is not made up for.")

    @Argument(
      help: "Its name.",
      completion: .custom { words, _, _ in await Completion.schedules(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await ScheduleCommand.set(name, paused: false, client)
    }
  }

  struct Remove: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a schedule. Jobs that it has submitted stay.")

    @Argument(
      help: "Its name.",
      completion: .custom { words, _, _ in await Completion.schedules(words) })
    var name: String
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try Confirmation.ask("remove schedule \(name)?", isYes: yes, hasDryRun: false)
      do {
        try await client.connected { try await $0.removeSchedule(name, within: $1) }
      } catch let error as BelfryError where error.code == .notFound {
        throw UserError.noSchedule(name, error.message)
      }
      return Report(Document(kind: "Removed", fields: [("name", .text(name))]))
    }
  }

  struct Next: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say when a calendar would fire. Asks nobody.",
      discussion: "Example:\n\n  belfry schedule next '30 2 * * *' --time-zone Europe/Berlin")

    @Argument(help: "Five fields, or @hourly and so on.") var cron: String
    @Option(help: "Whose clock.") var timeZone = "UTC"
    @Option(help: "How many times.") var count = 5
    @Option(help: "After this time, RFC 3339. [default: now]") var after: TimeOption?
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      let cron: CronExpression
      do throws(CronExpression.Complaint) { cron = try CronExpression(self.cron) } catch {
        throw UserError(
          .badSetting, "this is no calendar", why: error.description,
          next: ["belfry schedule next '30 4 * * mon-fri'"])
      }
      guard let zone = ScheduleZone(timeZone) else {
        throw UserError(
          .badSetting, "\"\(timeZone)\" is no time zone", why: "the system's database has none",
          next: ["--time-zone Europe/Berlin"])
      }
      var time = WallTime(
        milliseconds: after?.milliseconds ?? Int64(Date().timeIntervalSince1970 * 1_000))
      var documents: [Document] = []
      while documents.count < count, let next = cron.next(after: time, offset: zone.offset) {
        documents.append(
          Document(kind: "Firing", fields: [("at", Document.time(next.milliseconds))]))
        time = next
      }
      return Report(documents, kind: "FiringList", columns: ["at"])
    }
  }

  private static func set(
    _ name: String, paused: Bool, _ options: ClientOptions
  ) async throws -> Report {
    try await options.connected { client, limit in
      var schedule = try await client.schedule(name, within: limit)
      schedule.paused = paused
      return Report(Document(try await client.putSchedule(schedule, within: limit)))
    }
  }
}

extension BelfryClient {
  fileprivate func schedule(
    _ name: String, within limit: Duration
  ) async throws -> Belfry_V1_Schedule {
    guard let schedule = try await schedules(within: limit).first(where: { $0.name == name }) else {
      throw UserError.noSchedule(name, "there is none of that name")
    }
    return schedule
  }
}

extension UserError {
  fileprivate static func noSchedule(_ name: String, _ why: String) -> UserError {
    UserError(.noSuchSchedule, "no schedule \"\(name)\"", why: why, next: ["belfry schedule list"])
  }
}

extension Document {
  fileprivate init(_ schedule: Belfry_V1_Schedule) {
    self.init(
      kind: "Schedule",
      fields: [
        ("name", .text(schedule.name)), ("cron", .text(schedule.cron)),
        ("timeZone", .text(schedule.timeZone)), ("misfire", .text(schedule.misfire)),
        ("jobKind", .text(schedule.job.kind)), ("lane", .text(schedule.job.lane)),
        ("paused", .flag(schedule.paused)), ("nextAt", Self.time(schedule.nextMs)),
        ("lastAt", Self.time(schedule.lastMs)), ("lastJob", .text(schedule.lastJob)),
      ])
  }

  fileprivate mutating func addJob(_ job: Belfry_V1_JobSpec) {
    let priority = Priority(rawValue: UInt8(clamping: job.priority)) ?? .normal
    fields += [
      ("priority", .text("\(priority)")),
      ("contentType", .text(job.contentType)),
      ("payload", String(data: job.payload, encoding: .utf8).map { .text($0) } ?? .none),
      ("payloadBytes", .number(job.payload.count)),
      ("tries", job.triesMax == 0 ? .none : .number(Int(job.triesMax))),
      ("backoff", .text(job.backoff)),
      (
        "timeout",
        job.timeoutMs == 0
          ? .none : .text(Duration.milliseconds(Int64(clamping: job.timeoutMs)).shortText)
      ),
      ("requires", .list(job.requires.map { .text("\($0.key)=\($0.value)") })),
      ("replyTo", .text(job.replyTo)),
    ]
  }
}
