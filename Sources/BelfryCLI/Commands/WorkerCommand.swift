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
    commandName: "worker", abstract: "Join a cluster, run a worker, leave.",
    subcommands: [Join.self, Run.self, Status.self, Drain.self, Leave.self])

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run jobs with any command as their handler, until told to stop.",
      discussion: """
        The payload comes on the command's standard input, the result is its standard output, lines on \
        standard error go to the log. Exit status: 0 done, 65 failed for good, any other failed and is tried again.
        No shell runs; quote as in one. The job's id, kind, attempt and so on are in BELFRY_JOB_ID, \
        BELFRY_JOB_KIND, BELFRY_JOB_ATTEMPT.

        Examples:

          belfry worker run --server https://coord:7443 --identity certs/w1 --run 'shout=tr a-z A-Z'

          belfry worker run … --run 'resize=python3 resize.py --width 800' --slots 4 \\
              --labels gpu=a100 --store 'mongodb://db/belfry?replicaSet=rs0'

        SIGTERM or SIGINT: takes no new jobs, finishes what runs (--drain), leaves. Twice: at once; its \
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
    @Option(help: "Longest run of an attempt whose job names none. [default: 30m]")
    var timeout: DurationOption?
    @Option(
      help: """
        The most that a result may have, up to 1GiB (BELFRY_RESULT_MAX). It is in memory while its command \
        runs, --slots times at worst. [default: 64MiB]
        """)
    var resultMax: SizeOption?
    @Option(help: "How long a leaving worker waits for what runs. [default: 30s]")
    var drain: DurationOption?
    @Option(help: "Heartbeats over UDP too: on or off. [default: on]")
    var datagrams: String?
    @Option(help: "Give up when no coordinator is reached for so long at start. [default: never]")
    var wait: DurationOption?
    @Option(help: "Where to serve /metrics, /healthz and /readyz, host:port (BELFRY_HTTP).")
    var http: String?
    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var logs: LogOptions
    @OptionGroup var ready: ReadyOptions

    private var options: [SettingKey: [String]] {
      var options = logs.options
      options.note(.serverURL, server)
      options.note(.identity, identity)
      options.note(.run, handlers)
      options.note(.slots, slots)
      options.note(.lanes, lanes)
      options.note(.labels, labels)
      options.note(.storeURL, store)
      options.note(.state, state)
      options.note(.workerTimeout, timeout)
      options.note(.resultMax, resultMax?.bytes)
      options.note(.drain, drain)
      options.note(.workerDatagrams, datagrams)
      options.note(.workerWait, wait)
      options.note(.http, http)
      return options
    }

    func run() async throws {
      let (options, files) = (options, files)
      let settings = try await files.settings(options)
      let setup = WorkerSetup(settings)
      guard let home = try settings.text(.identity) ?? StateFolder.joinedIdentity else {
        throw Settings.missing(.identity)
      }
      let me = try NodeIdentity(folder: home, role: .worker)
      let joined = try JoinedNode(beside: IdentityFiles(folder: home))
      let logs = try ServiceLog(settings, service: "belfry.worker", node: me.name.text)
      let keeper = try KeeperHandle()
      let engine = try CommandEngine(keeper: keeper)
      let handlers = try setup.handlers(engine)
      let url = try settings.text(.storeURL)
      let password = try settings.text(.storePassword)
      let folder = try settings.text(.state) ?? me.folder
      let boot = try BootState.next(in: folder)
      let (lastWords, death) = try LastWords.open(in: folder, boot: boot)
      defer { lastWords.close() }
      var core = WorkerCore.Configuration(
        name: me.name, boot: boot,
        slots: try setup.slots(), kinds: handlers.keys.sorted(),
        lanes: try LaneText.parse(settings.texts(.lanes)), labels: try setup.labels(),
        software: "belfry \(BelfryCommand.version)", hasStore: url != nil)
      core.death = death
      core.datagrams = try settings.text(.workerDatagrams) != "off"
      var configuration = Worker.Configuration(
        core: core, coordinators: try setup.servers(joined), tls: me.tls, handlers: handlers,
        defaultTimeout: try settings.duration(.workerTimeout) ?? .seconds(1_800))
      configuration.lastWords = lastWords
      let remembered = LearnedCoordinators(folder: folder)
      configuration.learned = remembered.read()
      configuration.learns = { remembered.write($0, logs.logger) }
      configuration.resultBytesMax = try setup.resultBytesMax()
      configuration.drainMax = try settings.duration(.drain) ?? .seconds(30)
      configuration.identity = IdentityFiles(folder: me.folder)
      configuration.wait = try settings.duration(.workerWait)
      let notices = SystemdNotices(drainMax: configuration.drainMax, logger: logs.logger)
      let process = WorkerProcess.claim(folder, logs.logger)
      configuration.reports = { report in
        notices?.tell(report)
        process?.tell(report)
      }
      let open = { @Sendable (url: String) in
        try MongoStore(
          url: url, password: password, appName: "belfry worker", use: .outcomesOnly)
      }
      let local = try LocalSetup(settings, logs.logger)
      let worker = Worker(
        configuration, store: try url.map(open), makeStore: open,
        eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1), logger: logs.logger,
        watched: { look in local.watch { NodeLook(await look()) } })
      ready.announce(
        Document(
          kind: "Worker",
          fields: [
            ("name", .text(me.name.text)), ("cluster", .text(me.cluster)),
            ("boot", .text("\(core.boot)")), ("slots", .number(core.slots)),
            ("kinds", .list(core.kinds.map { .text($0.text) })),
            ("lanes", .list(core.lanes.map { .text($0.text) })), ("pid", .number(Int(getpid()))),
          ]))
      try await ServiceProcess.run(
        worker, beside: local.listener, logger: logs.logger,
        reload: Reload(settings, logs) { try await files.settings(options) })
      keeper.close()
    }
  }
}
