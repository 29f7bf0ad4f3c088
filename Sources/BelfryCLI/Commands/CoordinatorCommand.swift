internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryMongo
internal import BelfryRPC
internal import BelfryRabbitMQ
internal import BelfryWorker
internal import Foundation
internal import NIOCore
internal import NIOPosix

struct CoordinatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator", abstract: "Run a coordinator.",
    subcommands: [Init.self, Run.self, Limits.self])

  struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Move jobs between RabbitMQ and workers until told to stop.",
      discussion: """
        Examples:

          belfry coordinator run --queue amqp://guest@localhost:5672/ \\
              --store 'mongodb://localhost:27017/belfry?replicaSet=rs0' --identity certs/c1

          Consume a queue that others fill, as it is; its messages become jobs of kind "print":
          belfry coordinator run … --attach 'hello=print,id=message-id,lane=default'

        Passwords are read from BELFRY_QUEUE_PASSWORD and BELFRY_STORE_PASSWORD.
        SIGTERM or SIGINT: takes no new jobs, settles what it can, leaves. Twice: at once.
        Exit status: 69 when broker or store are not there within --wait, 78 when they cannot be used.
        """)

    @Option(help: "RabbitMQ, amqp:// or amqps:// (BELFRY_QUEUE_URL).")
    var queue: String?
    @Option(help: "MongoDB, a replica set: mongodb:// (BELFRY_STORE_URL).")
    var store: String?
    @Option(help: "Folder of the coordinator's identity (BELFRY_IDENTITY).")
    var identity: String?
    @Option(
      help:
        "Folder with the CA, to let machines in (BELFRY_AUTHORITY). [default: above the identity]")
    var authority: String?
    @Option(
      help:
        "Where machines reach the cluster, https://host:port; may be repeated (BELFRY_ADVERTISE).")
    var advertise: [String] = []
    @Option(help: "How long certificates are good that are issued here. [default: 7d]")
    var certificateLife: DurationOption?
    @Option(help: "Where to serve RPC (BELFRY_LISTEN). [default: 0.0.0.0:7443]")
    var listen: String?
    @Option(
      help:
        "Unix socket for operators of this machine, or off (BELFRY_SOCKET). [default: operator.sock in --state]"
    )
    var socket: String?
    @Option(
      help: "A user who is operator there, besides root and the coordinator's own; may be repeated."
    )
    var socketUser: [String] = []
    @Option(help: "Lanes to serve, comma-separated (BELFRY_LANES). [default: default]")
    var lanes: [String] = []
    @Option(help: "A foreign queue: QUEUE=KIND[,id=message-id][,lane=LANE]. May be repeated.")
    var attach: [String] = []
    @Option(
      help: "Where workers without a store of their own record outcomes (BELFRY_WORKERS_STORE).")
    var workersStore: String?
    @Option(help: "Largest payload of a job, in bytes (BELFRY_PAYLOAD_MAX). [default: 4194304]")
    var payloadMax: Int?
    @Option(help: "Folder for the boot id (BELFRY_STATE). [default: the identity's folder]")
    var state: String?
    @Option(help: "A limit of connections and calls: NAME=VALUE. See: belfry coordinator limits")
    var limit: [String] = []
    @Option(
      help: "Retries of a kind whose jobs do not say it: KIND=TRIES[,BACKOFF]. May be repeated.")
    var retry: [String] = []
    @Option(
      help: "File that says where alerts go (BELFRY_ALERT_SINKS). See: belfry alert test --help")
    var alertSinks: String?
    @Option(help: "How long outcomes are kept, and so how long an id is known. [default: 30d]")
    var keepOutcomes: DurationOption?
    @Option(help: "Heartbeats over UDP too, on the port of --listen: on or off. [default: on]")
    var datagrams: String?
    @Option(help: "How long RabbitMQ and MongoDB may be away at start. [default: 30s]")
    var wait: DurationOption?
    @Option(help: "Where to serve /metrics, /healthz and /readyz, host:port (BELFRY_HTTP).")
    var http: String?
    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var logs: LogOptions
    @OptionGroup var ready: ReadyOptions

    private var options: [SettingKey: [String]] {
      var options = logs.options
      options.note(.queueURL, queue)
      options.note(.storeURL, store)
      options.note(.identity, identity)
      options.note(.authority, authority)
      options.note(.advertise, advertise)
      options.note(.certificateLife, certificateLife)
      options.note(.listen, listen)
      options.note(.socket, socket)
      options.note(.socketUsers, socketUser)
      options.note(.lanes, lanes)
      options.note(.attach, attach)
      options.note(.workersStore, workersStore)
      options.note(.payloadMax, payloadMax)
      options.note(.state, state)
      options.note(.limit, limit)
      options.note(.retry, retry)
      options.note(.alertSinks, alertSinks)
      options.note(.keepOutcomes, keepOutcomes)
      options.note(.coordinatorDatagrams, datagrams)
      options.note(.coordinatorWait, wait)
      options.note(.http, http)
      return options
    }

    func run() async throws {
      let (options, files) = (options, files)
      let settings = try await files.settings(options)
      let setup = CoordinatorSetup(settings)
      let me = try NodeIdentity(folder: settings.required(.identity), role: .coordinator)
      let logs = try ServiceLog(settings, service: "belfry.coordinator", node: me.name.text)
      let lanes = try setup.lanes()
      let attachments = try settings.texts(.attach).map { try Attachment($0).parsed(lanes: lanes) }
      let store = try setup.store()
      let (host, port) = try setup.listenAddress()
      let state = try settings.text(.state) ?? me.folder
      let boot = try BootState.next(in: state)
      let queue = try setup.queue(me, boot, lanes)
      let (lastWords, death) = try LastWords.open(in: state, boot: boot)
      defer { lastWords.close() }
      var core = ClusterConfiguration(
        name: me.name, boot: boot, lanes: lanes, storeForWorkers: try settings.text(.workersStore))
      core.retryPolicies = try setup.retryPolicies()
      let certificates = IdentityFiles(folder: me.folder)
      core.certificate = try CoordinatorSetup.life(of: certificates.certificatePath)
      core.authority = try CoordinatorSetup.life(of: certificates.authorityPath)
      core.addresses = try setup.addresses()
      core.software = "belfry \(BelfryCommand.version)"
      let payloadMax = try settings.number(.payloadMax) ?? 4 << 20
      let limits = try setup.limits(payloadMax: payloadMax)
      var configuration = Coordinator.Configuration(
        core: core, cluster: me.cluster,
        server: RPCServer.Configuration(host: host, port: port, tls: me.tls, limits: limits),
        attachments: attachments, payloadBytesMax: payloadMax,
        wait: try settings.duration(.coordinatorWait) ?? .seconds(30))
      configuration.outcomesKept = try setup.outcomesKept()
      configuration.issuer = try setup.issuer(me, logs.logger)
      configuration.datagrams = try settings.text(.coordinatorDatagrams) != "off"
      configuration.identity = IdentityFiles(folder: me.folder)
      let notices = SystemdNotices(drainMax: configuration.drainMax, logger: logs.logger)
      notices?.tell(NodeReport(phase: .starting, sentence: "waits for MongoDB"))
      if let notices { configuration.reports = { notices.tell($0) } }
      setup.warnOfSecrets(logs.logger)
      let local = try LocalSetup(settings, logs.logger)
      configuration.needsSocket = try settings.text(.socket) != nil
      configuration.socket = try OperatorSocket.listening(
        settings, state: state, cluster: me.cluster)
      let sinks = try setup.sinks(me, state: state, logs.logger)
      let coordinator = Coordinator(
        configuration, queue: queue, store: store,
        sinks: [LogAlertSink(logger: logs.logger), sinks],
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logs.logger,
        watched: { look in local.watch { NodeLook(await look()) } }
      ) { [announce = ready.announce] address in
        announce(
          Document(
            kind: "Coordinator",
            fields: [
              ("name", .text(me.name.text)), ("cluster", .text(me.cluster)),
              ("boot", .text("\(boot)")), ("address", .text(address.ipAddress ?? "")),
              ("port", .number(address.port ?? 0)), ("lanes", .list(lanes.map { .text($0.text) })),
              ("pid", .number(Int(getpid()))),
            ]))
      }
      // Nobody waits for what is under way at the end: it stays on disk.
      if let death, !death.signal.isEmpty {
        await sinks.tell(
          .crashed(me.name, role: "coordinator", death, at: ProcessClock.now().wall))
      }
      let delivery = Task { await sinks.run() }
      defer { delivery.cancel() }
      var revoked: CoordinatorRevoked?
      do {
        try await ServiceProcess.run(
          coordinator, beside: local.listener, logger: logs.logger,
          reload: Reload(settings, logs) { try await files.settings(options) })
      } catch let error as CoordinatorRevoked {
        // It has left in order.
        revoked = error
      }
      await sinks.flush(within: .seconds(2))
      await store.close()
      guard let revoked else { return }
      throw UserError(
        .refused, "the cluster has revoked this coordinator", why: revoked.description,
        next: [
          "a revoked name stays so: belfry cert issue coordinator ANOTHER-NAME --dir DIR --host HOST",
          "who did it, and when: belfry audit-log",
        ])
    }
  }
}
