internal import ArgumentParser
internal import Belfry
internal import BelfryCoordinator
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryMongo
internal import BelfryRPC
internal import BelfryRabbitMQ
internal import BelfryWorker
internal import Foundation
internal import Logging
internal import NIOPosix

struct CoordinatorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coordinator", abstract: "Run a coordinator.",
    subcommands: [Run.self, Limits.self])

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
    @Option(help: "Where to serve RPC (BELFRY_LISTEN). [default: 0.0.0.0:7443]")
    var listen: String?
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
    @Option(help: "How long outcomes are kept, and so how long an id is known.")
    var keepOutcomes = DurationOption(.seconds(30 * 86_400))
    @Option(help: "How long RabbitMQ and MongoDB may be away at start.")
    var wait = DurationOption(.seconds(30))
    @OptionGroup var logs: LogOptions

    func run() async throws {
      try await UserError.reporting { try await serve() }
    }

    private func serve() async throws {
      let folder = try Environment.required(identity, "--identity", "IDENTITY", "certs/c1")
      let me = try NodeIdentity(folder: folder, role: .coordinator)
      let logger = try logs.logger("belfry.coordinator", node: me.name.text)
      let lanes = try parsedLanes()
      let attachments = try attach.map { try Attachment($0).parsed(lanes: lanes) }
      let queue = try openQueue(me, lanes, attachments)
      let store = try openStore()
      let (host, port) = try listenAddress()
      let boot = try BootState.next(in: me.stateFolder(state))
      var core = ClusterConfiguration(
        name: me.name, boot: boot, lanes: lanes,
        storeForWorkers: workersStore ?? Environment.value("WORKERS_STORE"))
      core.retryPolicies = try retryPolicies()
      let payloadMax = try Environment.int(self.payloadMax, "PAYLOAD_MAX", default: 4 << 20)
      // A payload may have to wait in MongoDB, whose documents end at 16 MiB.
      guard (1...(8 << 20)).contains(payloadMax) else {
        throw UserError(
          .badSetting, "--payload-max \(payloadMax) is not accepted",
          why: "it is a number of bytes, at most 8388608 (8 MiB)",
          next: ["put larger data elsewhere, and its address into the payload"])
      }
      let limits = try limits(payloadMax: payloadMax)
      var configuration = Coordinator.Configuration(
        core: core, cluster: me.cluster,
        server: RPCServer.Configuration(host: host, port: port, tls: me.tls, limits: limits),
        attachments: attachments, payloadBytesMax: payloadMax, wait: wait.duration)
      guard keepOutcomes.duration >= .seconds(86_400) else {
        throw UserError(
          .badSetting, "--keep-outcomes \(keepOutcomes.duration.shortText) is not accepted",
          why: "a job that comes again later than that would run again: at least 1d",
          next: ["--keep-outcomes 30d"])
      }
      configuration.outcomesKept = keepOutcomes.duration
      let notices = SystemdNotices(drainMax: configuration.drainMax, logger: logger)
      notices?.tell(NodeReport(phase: .starting, sentence: "waits for MongoDB"))
      if let notices { configuration.reports = { notices.tell($0) } }
      let sinks = try openSinks(me, logger)
      let coordinator = Coordinator(
        configuration, queue: queue, store: store, sinks: [LogAlertSink(logger: logger), sinks],
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
      // Nobody waits for what is under way at the end: it stays on disk.
      let delivery = Task { await sinks.run() }
      defer { delivery.cancel() }
      try await ServiceProcess.run(coordinator, logger: logger)
      await sinks.flush(within: .seconds(2))
      await store.close()
    }

    private func openSinks(_ me: NodeIdentity, _ logger: Logger) throws -> AlertSinks {
      let file = alertSinks ?? Environment.value("ALERT_SINKS")
      let folder = URL(fileURLWithPath: me.stateFolder(state)).appending(path: "alerts")
      return try AlertSinks(
        file.map(AlertSinkFile.read) ?? [], folder: folder, cluster: me.cluster, node: me.name.text,
        release: BelfryCommand.release, group: MultiThreadedEventLoopGroup.singleton,
        logger: logger)
    }

    private func retryPolicies() throws -> [Kind: RetryPolicy] {
      var policies: [Kind: RetryPolicy] = [:]
      for text in retry {
        let parts = text.split(separator: "=", maxSplits: 1)
        let values = parts.last?.split(separator: ",").map(String.init) ?? []
        let backoff = values.count == 2 ? Backoff(values[1]) : .default
        guard parts.count == 2, let kind = Kind(String(parts[0])), (1...2).contains(values.count),
          let tries = Int(values[0]), (1...1_000_000).contains(tries), let backoff
        else {
          throw UserError(
            .badSetting, "--retry \(text) is not accepted",
            why: "KIND=TRIES, and perhaps a back-off, are asked for",
            next: ["--retry resize=5,exp:1s:2:1h"])
        }
        policies[kind] = RetryPolicy(triesMax: tries, backoff: backoff)
      }
      return policies
    }

    private func limits(payloadMax: Int) throws -> RPCLimits {
      var limits = RPCLimits()
      // Results come in as well, whatever the payloads are.
      limits.messageBytesMax = max(payloadMax, JobResult.bytesMax) + (256 << 10)
      for text in limit {
        guard let why = limits.set(text) else { continue }
        throw UserError(
          .badSetting, "--limit \(text) is not accepted", why: why,
          next: ["belfry coordinator limits"])
      }
      return limits
    }

    private func parsedLanes() throws -> [Lane] {
      let texts = Environment.list(lanes, "LANES")
      return try (texts.isEmpty ? ["default"] : texts).map { text in
        guard let lane = Lane(text) else {
          throw UserError(
            .badName, "\"\(text)\" is no lane", why: "[a-z0-9][a-z0-9-]{0,62} is asked for",
            next: ["--lanes default,reports"])
        }
        return lane
      }
    }

    private func openQueue(
      _ me: NodeIdentity, _ lanes: [Lane], _ attachments: [JobDoor.Attachment]
    ) throws -> RabbitMQQueue {
      let url = try Environment.required(
        queue, "--queue", "QUEUE_URL", "amqp://guest@localhost:5672/")
      var configuration = try RabbitMQConfiguration(
        url: url, connectionName: "belfry coordinator \(me.name)", lanes: lanes,
        attached: attachments.map { AttachedQueue(queue: $0.queue, prefetch: 1_000) })
      if let password = Environment.value("QUEUE_PASSWORD") {
        configuration.address.password = password
      }
      return RabbitMQQueue(configuration)
    }

    private func openStore() throws -> MongoStore {
      try MongoStore(
        url: Environment.required(
          store, "--store", "STORE_URL", "'mongodb://localhost:27017/belfry?replicaSet=rs0'"),
        password: Environment.value("STORE_PASSWORD"), appName: "belfry coordinator")
    }

    private func listenAddress() throws -> (String, Int) {
      let text = listen ?? Environment.value("LISTEN") ?? "0.0.0.0:7443"
      guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
        (0...65_535).contains(port), colon > text.startIndex
      else {
        throw UserError(
          .badSetting, "\"\(text)\" is no address to listen on", why: "host:port is asked for",
          next: ["--listen 0.0.0.0:7443"])
      }
      return (String(text[..<colon].trimming { $0 == "[" || $0 == "]" }), port)
    }
  }
}

extension CoordinatorCommand {
  struct Limits: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the limits of connections and calls, with unit and reason.",
      discussion: """
        They hold by default. One is changed with: belfry coordinator run … --limit idle-time=600000
        """)

    @OptionGroup var output: OutputOptions

    func run() throws {
      let limits = RPCLimits()
      try output.print(
        Document(
          kind: "Limits",
          fields: RPCLimits.settings.map { setting in
            (
              setting.name,
              .object([
                ("value", .number(setting.value(limits))), ("unit", .text(setting.unit.rawValue)),
                ("reason", .text(setting.reason)),
              ])
            )
          }))
    }
  }
}

/// `hello=print,id=message-id,lane=default`.
struct Attachment {
  let text: String
  init(_ text: String) { self.text = text }

  func parsed(lanes: [Lane]) throws -> JobDoor.Attachment {
    var parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let pair = parts.removeFirst().split(separator: "=", maxSplits: 1)
    guard pair.count == 2, let kind = Kind(String(pair[1])) else {
      throw wrong("it must begin with QUEUE=KIND")
    }
    var lane = lanes.first ?? .default
    var usesMessageID = false
    for part in parts {
      switch part.split(separator: "=", maxSplits: 1).map(String.init) {
      case ["id", "message-id"]: usesMessageID = true
      case let words where words.count == 2 && words[0] == "lane":
        guard let named = Lane(words[1]), lanes.contains(named) else {
          throw wrong("lane \(words[1]) is none of those served (--lanes)")
        }
        lane = named
      default: throw wrong("\"\(part)\" is not known")
      }
    }
    return JobDoor.Attachment(
      queue: String(pair[0]), kind: kind, lane: lane, usesMessageID: usesMessageID)
  }

  private func wrong(_ why: String) -> UserError {
    UserError(
      .badSetting, "--attach \(text) is not understood", why: why,
      next: ["--attach 'hello=print,id=message-id,lane=default'"])
  }
}

extension Substring {
  func trimming(_ isEdge: (Character) -> Bool) -> Substring {
    var result = self
    while let first = result.first, isEdge(first) { result = result.dropFirst() }
    while let last = result.last, isEdge(last) { result = result.dropLast() }
    return result
  }
}
