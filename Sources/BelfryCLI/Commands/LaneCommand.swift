internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import SwiftProtobuf

struct LaneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lane",
    abstract: "Look at lanes, feed them from other queues, pause and empty them.",
    subcommands: [
      List.self, Show.self, Attach.self, Detach.self, Attachments.self, Pause.self, Resume.self,
      Purge.self,
    ])

  struct List: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the lanes of a coordinator, with what waits in each, and why.")

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let picture = try await client.connected { try await $0.health(within: $1) }
      return Report(
        picture.lanes.map { Document(kind: "Lane", fields: Document.laneFields($0)) },
        kind: "LaneList",
        columns: [
          "name", "paused", "ready", "waiting", "running", "parked", "finished", "failed",
          "waitsFor",
        ])
    }
  }

  struct Show: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a lane of a coordinator, and who serves it.",
      discussion: "Example:\n\n  belfry lane show reports")

    @Argument(
      help: "The lane.",
      completion: .custom { words, _, _ in await Completion.lanes(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let picture = try await client.connected { try await $0.health(serving: name, within: $1) }
      let workers = picture.nodes.filter { $0.role == "worker" && $0.lanes.contains(name) }
      return Report(
        picture.lanes.filter { $0.name == name }.map { lane in
          Document(
            kind: "Lane",
            fields: Document.laneFields(lane) + [
              ("workers", .list(workers.map { .text("\($0.name) (\($0.state))") }))
            ])
        }[0])
    }
  }

  struct Pause: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Pause a lane: it accepts jobs and gives none out; what runs goes on.",
      discussion: """
        Durable, and for all coordinators: this one at once, the others within about a second.

        Example:

          belfry lane pause reports --reason 'database is being moved'
        """)

    @Argument(
      help: "The lane.",
      completion: .custom { words, _, _ in await Completion.lanes(words) })
    var name: String
    @Option(help: "Why, for those who wonder.") var reason = ""
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await LaneCommand.set(name, paused: true, reason: reason, client)
    }
  }

  struct Resume: ReportingCommand {
    static let configuration = CommandConfiguration(abstract: "Let a paused lane go on.")

    @Argument(
      help: "The lane.",
      completion: .custom { words, _, _ in await Completion.lanes(words) })
    var name: String
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await LaneCommand.set(name, paused: false, reason: "", client)
    }
  }

  private static func set(
    _ name: String, paused: Bool, reason: String, _ options: ClientOptions
  ) async throws -> Report {
    try await options.connected { client, limit in
      do {
        let lane = try await client.setLane(
          .with {
            $0.name = name
            $0.paused = paused
            $0.reason = reason
          }, within: limit)
        return Report(Document(kind: "Lane", fields: Document.laneFields(lane)))
      } catch let error as BelfryError where error.code == .notFound {
        throw UserError(
          .noSuchLane, "no lane \"\(name)\"", why: error.message, next: ["belfry lane list"])
      }
    }
  }
}

extension Document {
  static func laneFields(_ lane: Belfry_V1_LaneHealth) -> [(String, Document.Value)] {
    [
      ("name", .text(lane.name)), ("ready", .number(Int(clamping: lane.ready))),
      ("waiting", .number(Int(clamping: lane.waiting))),
      ("running", .number(Int(clamping: lane.running))),
      ("parked", .number(Int(clamping: lane.parked))),
      ("unserved", .list(lane.unserved.map { .text($0) })),
      ("finished", .number(Int(clamping: lane.finished))),
      ("failed", .number(Int(clamping: lane.failed))),
      ("finishedPerSecond", .fraction(lane.finishedPerSecond)),
      ("failedPerSecond", .fraction(lane.failedPerSecond)), ("paused", .flag(lane.paused)),
      ("pausedBy", .text(lane.pausedBy)), ("pausedReason", .text(lane.pausedReason)),
      ("pausedSince", time(lane.pausedSinceMs)), ("waitsFor", .text(lane.waitsFor)),
      ("oldestSince", time(lane.oldestMs)),
    ]
  }
}
