internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import Foundation
internal import SwiftProtobuf

struct DrillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill",
    abstract: "Break something on purpose, under jobs of its own, and count what becomes of them.",
    discussion: """
      Each drill starts two workers of its own on this machine, under identities whose names begin with \
      drill-, and submits jobs that only they can run. It prints how many jobs were lost, how many have \
      two outcomes, how soon the cluster noticed, and how soon it had caught up.

      What it does to the cluster: its jobs go through a lane of yours, and their outcomes stay (belfry \
      job forget --all --prefix drill- removes them); alerts fire as they would in earnest. worker-kill and \
      worker-pause hurt nothing but the drill's own workers. broker-restart and store-outage run the two \
      commands that you give: the part is away for everybody meanwhile.

      Before the first: belfry cert issue worker drill-1 --dir certs, and drill-2.

      Exit status: 0 no job is lost and none has two outcomes, 1 otherwise.
      """,
    subcommands: [WorkerKill.self, WorkerPause.self, BrokerRestart.self, StoreOutage.self])

  struct WorkerKill: ReportingCommand {
    static let configuration = CommandConfiguration(
      commandName: "worker-kill", abstract: "Kill a worker of the drill's own while it runs jobs.",
      discussion: """
        Example:

          belfry drill worker-kill --worker certs/drill-1 --worker certs/drill-2
        """)

    @OptionGroup var drill: DrillOptions

    var output: OutputOptions { drill.output }

    func report() async throws -> Report { try await drill.report(.workerKill, asks: nil) }
  }

  struct WorkerPause: ReportingCommand {
    static let configuration = CommandConfiguration(
      commandName: "worker-pause",
      abstract: "Stop a worker of the drill's own for a while, and let it go on.",
      discussion: """
        After 4 s without a word it is lost and its jobs go to the other; then it wakes, and both have run \
        them. One outcome counts.

        Example:

          belfry drill worker-pause --for 10s --worker certs/drill-1 --worker certs/drill-2
        """)

    @Option(name: .customLong("for"), help: "For how long.") var time = DurationOption(.seconds(10))
    @OptionGroup var drill: DrillOptions

    var output: OutputOptions { drill.output }

    func report() async throws -> Report {
      try await drill.report(.workerPause(time.duration), asks: nil)
    }
  }

  struct BrokerRestart: ReportingCommand {
    static let configuration = CommandConfiguration(
      commandName: "broker-restart", abstract: "Take RabbitMQ away for a while, by your commands.",
      discussion: """
        Nobody can submit meanwhile; what runs goes on, and no job runs twice because of it.

        Example:

          belfry drill broker-restart --stop-command 'ssh mq systemctl stop rabbitmq-server' \\
              --start-command 'ssh mq systemctl start rabbitmq-server' --for 10s \\
              --worker certs/drill-1 --worker certs/drill-2
        """)

    @OptionGroup var part: DrillPartOptions
    @OptionGroup var drill: DrillOptions

    var output: OutputOptions { drill.output }

    func report() async throws -> Report {
      try await drill.report(
        part.fault(.broker), asks: "take RabbitMQ away from everybody for a while?")
    }
  }

  struct StoreOutage: ReportingCommand {
    static let configuration = CommandConfiguration(
      commandName: "store-outage", abstract: "Take MongoDB away for a while, by your commands.",
      discussion: """
        Nothing is recorded meanwhile, of any job; what runs goes on, and is recorded when MongoDB is back.

        Example:

          belfry drill store-outage --stop-command 'ssh db systemctl stop mongod' \\
              --start-command 'ssh db systemctl start mongod' --for 20s \\
              --worker certs/drill-1 --worker certs/drill-2
        """)

    @OptionGroup var part: DrillPartOptions
    @OptionGroup var drill: DrillOptions

    var output: OutputOptions { drill.output }

    func report() async throws -> Report {
      try await drill.report(
        part.fault(.store), asks: "take MongoDB away from everybody for a while?")
    }
  }
}

struct DrillPartOptions: ParsableArguments {
  @Option(help: "A shell command that takes it away.") var stopCommand: String
  @Option(help: "A shell command that brings it back; run whatever happens.")
  var startCommand: String
  @Option(name: .customLong("for"), help: "For how long.") var time = DurationOption(.seconds(10))

  func fault(_ part: DrillPart) -> DrillFault {
    .part(part, stop: stopCommand, start: startCommand, away: time.duration)
  }
}

struct DrillOptions: ParsableArguments {
  @Option(help: "Folder of an identity for a worker of the drill's; twice, names drill-….")
  var worker: [String] = []
  @Option(help: "A lane that the coordinator serves.") var lane = "default"
  @Option(help: "How many jobs, and more where all would be done before the fault.")
  var jobs = 100
  @Option(help: "Jobs a second.") var rate = 20
  @Option(help: "How long the jobs may take until they count as lost.")
  var limit = DurationOption(.seconds(120))
  @Flag(help: "Only say what would be done.") var dryRun = false
  @Flag(help: "Do not ask.") var yes = false
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard worker.count == 2 else {
      throw ValidationError(
        "a drill needs two workers: --worker certs/drill-1 --worker certs/drill-2")
    }
    guard (10...100_000).contains(jobs), (1...1_000).contains(rate) else {
      throw ValidationError("--jobs is 10 to 100000, --rate 1 to 1000")
    }
  }

  /// - Parameter question: to be answered with yes first; nil where only the drill's own is hurt.
  func report(_ fault: DrillFault, asks question: String?) async throws -> Report {
    let plan = try await plan()
    return try await client.connected { client, limit in
      let health = try await client.health(serving: lane, within: limit)
      if let live = health.nodes.first(where: { node in
        plan.workers.contains { $0.name == node.name } && node.state == "up"
      }) {
        throw UserError(
          .drillFailed, "worker \(live.name) is up already", why: "another drill may be under way",
          next: ["wait for it, or issue another identity drill-…"])
      }
      if dryRun { return Report(Document(fault, plan)) }
      if let question { try Confirmation.ask(question, isYes: yes) }
      let outcome = try await interruptible(
        remark: "stopping: what the drill started is ended first"
      ) { try await Drill(plan, fault, client).run() }
      return Report(
        Document(outcome, fault, plan), exit: outcome.counts.lost + outcome.counts.twice > 0 ? 1 : 0
      )
    }
  }

  private func plan() async throws -> DrillPlan {
    let workers = try worker.map { folder in
      let name = try NodeIdentity(folder: folder, role: .worker).name.text
      guard name.hasPrefix("drill-") else {
        throw UserError(
          .badSetting, "worker \(name) cannot take part in a drill",
          why: "it is stopped or killed, so its name must begin with drill-",
          next: ["belfry cert issue worker drill-1 --dir certs"])
      }
      return (name: name, identity: folder)
    }
    guard workers[0].name != workers[1].name else {
      throw UserError(
        .badSetting, "both workers are \(workers[0].name)", why: "two are needed",
        next: ["--worker certs/drill-1 --worker certs/drill-2"])
    }
    let id = "drill-" + String(format: "%08x", UInt32.random(in: 0 ... .max))
    return DrillPlan(
      id: id, lane: lane,
      server: try await client.access.place().server, workers: workers,
      jobs: jobs, rate: rate, limit: limit.duration)
  }
}

extension Document {
  fileprivate init(_ fault: DrillFault, _ plan: DrillPlan) {
    self.init(
      kind: "DrillPlan",
      fields: [
        ("drill", .text(fault.name)), ("id", .text(plan.id)),
        ("steps", .list(fault.steps(plan).map { .text($0) })),
      ])
  }

  fileprivate init(_ outcome: Drill.Outcome, _ fault: DrillFault, _ plan: DrillPlan) {
    let counts = outcome.counts
    self.init(
      kind: "Drill",
      fields: [
        ("drill", .text(fault.name)), ("id", .text(plan.id)), ("jobs", .number(counts.jobs)),
        ("lost", .number(counts.lost)), ("twice", .number(counts.twice)),
        ("failed", .number(counts.failed)), ("ranAgain", .number(counts.ranAgain)),
        ("repeatedSubmits", .number(outcome.repeatedSubmits)),
        ("noticedMs", Self.milliseconds(outcome.noticed)),
        ("recoveredMs", Self.milliseconds(outcome.recovered)),
        ("lostIDs", .list(counts.lostIDs.prefix(20).map { .text($0) })),
        ("twiceIDs", .list(counts.twiceIDs.prefix(20).map { .text($0) })),
      ])
  }

  private static func milliseconds(_ duration: Duration?) -> Value {
    duration.map { .number(Int($0 / .milliseconds(1))) } ?? .none
  }
}
