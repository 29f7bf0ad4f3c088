internal import ArgumentParser
internal import Belfry
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryMongo
internal import BelfryRPC
internal import BelfryWorker
internal import Foundation
internal import NIOPosix

struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Run a worker.", subcommands: [Run.self])

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run jobs with any command as their handler, until told to stop.",
      discussion: """
        The payload comes on the command's standard input, the result is its standard output, lines on
        standard error go to the log. Exit status: 0 done, 75 try again, 65 never again, else failed.
        No shell runs; quote as in one. The job's id, kind, attempt and so on are in BELFRY_JOB_ID,
        BELFRY_JOB_KIND, BELFRY_JOB_ATTEMPT.

        Examples:

          belfry worker run --server https://coord:7443 --identity certs/w1 --run 'shout=tr a-z A-Z'

          belfry worker run … --run 'resize=python3 resize.py --width 800' --slots 4 \\
              --labels gpu=a100 --store 'mongodb://db/belfry?replicaSet=rs0'

        SIGTERM or SIGINT: takes no new jobs, finishes what runs (--drain), leaves. Twice: at once; its
        commands die with it either way.
        """)

    @Option(help: "A coordinator, https://host:port; may be repeated (BELFRY_SERVER).")
    var server: [String] = []
    @Option(help: "Folder of the worker's identity (BELFRY_IDENTITY).")
    var identity: String?
    @Option(
      name: .customLong("run"), help: "KIND=command with arguments; may be repeated (BELFRY_RUN).")
    var handlers: [String] = []
    @Option(help: "Jobs at a time (BELFRY_SLOTS). [default: 2 × cores]")
    var slots: Int?
    @Option(help: "Lanes to serve, comma-separated (BELFRY_LANES). [default: default]")
    var lanes: [String] = []
    @Option(help: "Labels that jobs may require, key=value, comma-separated (BELFRY_LABELS).")
    var labels: String?
    @Option(
      help: "MongoDB to record outcomes in (BELFRY_STORE_URL). [default: what the coordinator says]"
    )
    var store: String?
    @Option(help: "Folder for the boot id (BELFRY_STATE). [default: the identity's folder]")
    var state: String?
    @Option(help: "Longest run of an attempt whose job names none.")
    var timeout = DurationOption(.seconds(1_800))
    @Option(help: "How long a leaving worker waits for what runs.")
    var drain = DurationOption(.seconds(30))
    @Option(help: "Give up when no coordinator is reached for so long at start. [default: never]")
    var wait: DurationOption?
    @OptionGroup var logs: LogOptions

    func run() async throws {
      try await UserError.reporting { try await serve() }
    }

    private func serve() async throws {
      let folder = try Environment.required(identity, "--identity", "IDENTITY", "certs/w1")
      let me = try NodeIdentity(folder: folder, role: .worker)
      let logger = try logs.logger("belfry.worker", node: me.name.text)
      let keeper = try KeeperHandle()
      let engine = try CommandEngine(keeper: keeper)
      let handlers = try parsedHandlers(engine)
      let url = store ?? Environment.value("STORE_URL")
      let password = Environment.value("STORE_PASSWORD")
      let core = WorkerCore.Configuration(
        name: me.name, boot: try BootState.next(in: me.stateFolder(state)),
        slots: try slotCount(), kinds: handlers.keys.sorted(), lanes: try parsedLanes(),
        labels: try parsedLabels(), software: "belfry \(BelfryCommand.version)",
        hasStore: url != nil)
      var configuration = Worker.Configuration(
        core: core, coordinators: try servers(), tls: me.tls, handlers: handlers,
        defaultTimeout: timeout.duration)
      configuration.drainMax = drain.duration
      configuration.wait = wait?.duration
      let notices = SystemdNotices(drainMax: drain.duration, logger: logger)
      if let notices { configuration.reports = { notices.tell($0) } }
      let open = { @Sendable (url: String) in
        try MongoStore(
          url: url, password: password, appName: "belfry worker", use: .outcomesOnly)
      }
      let worker = Worker(
        configuration, store: try url.map(open), makeStore: open,
        eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1), logger: logger)
      try await ServiceProcess.run(worker, logger: logger)
      keeper.close()
    }

    private func servers() throws -> [RPCTarget] {
      let texts = Environment.list(server, "SERVER")
      guard !texts.isEmpty else {
        _ = try Environment.required(nil, "--server", "SERVER", "https://localhost:7443")
        return []
      }
      return try texts.map { try ServerAddress($0).target }
    }

    private func slotCount() throws -> Int {
      let count = try Environment.int(
        slots, "SLOTS", default: 2 * ProcessInfo.processInfo.activeProcessorCount)
      guard (1...100_000).contains(count) else {
        throw UserError(
          .badSetting, "\(count) slots", why: "1 to 100000 are possible", next: ["--slots 8"])
      }
      return count
    }

    private func parsedHandlers(_ engine: CommandEngine) throws -> [Kind: JobHandler] {
      let texts = handlers.isEmpty ? Environment.value("RUN").map { [$0] } ?? [] : handlers
      var result: [Kind: JobHandler] = [:]
      for text in texts {
        let spec = try CommandSpec(parsing: text)
        guard result[spec.kind] == nil else {
          throw UserError(
            .badSetting, "kind \(spec.kind) has two handlers", why: "--run names it twice")
        }
        result[spec.kind] = .command(try CommandHandler(spec, engine: engine))
      }
      guard !result.isEmpty else {
        throw UserError(
          .missingSetting, "the worker has nothing to run", why: "no --run was given",
          next: ["--run 'shout=tr a-z A-Z'"])
      }
      return result
    }

    private func parsedLanes() throws -> [Lane] {
      let texts = Environment.list(lanes, "LANES")
      return try (texts.isEmpty ? ["default"] : texts).map { text in
        guard let lane = Lane(text) else {
          throw UserError(
            .badName, "\"\(text)\" is no lane", why: "[a-z0-9][a-z0-9-]{0,62} is asked for")
        }
        return lane
      }
    }

    private func parsedLabels() throws -> [BelfryCore.Label] {
      let text = labels ?? Environment.value("LABELS") ?? ""
      guard let result = BelfryCore.Label.list(text) else {
        throw UserError(
          .badSetting, "\"\(text)\" are no labels", why: "key=value pairs are asked for",
          next: ["--labels gpu=a100,zone=b"])
      }
      return result
    }
  }
}
