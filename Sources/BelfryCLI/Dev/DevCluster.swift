internal import Belfry
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
internal import BelfryEmbedded
internal import BelfryIdentity
internal import BelfryRPC
internal import BelfryWorker
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// A coordinator and workers in one process, on an embedded engine: the parts that production has, put
/// together. Workers come by loopback and mutual TLS, as those of other processes do.
struct DevCluster {
  let folder: DevFolder
  let engine: EmbeddedEngine
  let port: Int
  let workers: Int
  let commands: [String]
  let slots: Int
  let drainMax: Duration
  let settings: Settings
  let ready: ReadyOptions

  /// Runs until told to stop.
  func run(began: ContinuousClock.Instant) async throws {
    let keeper = try KeeperHandle()
    let handlers = try parsedHandlers(try CommandEngine(keeper: keeper))
    let operatorFiles = try folder.identity(.operator, "me")
    let started = AsyncStream.makeStream(of: Int.self)
    let logger = try coordinatorLogger()
    let coordinator = try coordinator(logger) { address in
      started.continuation.yield(address.port ?? port)
    }
    let farewell = DevFarewell(drainMax: drainMax)
    let team = DevWorkers(started: started.stream) { port in
      let address = DevAddress(
        server: "https://127.0.0.1:\(port)", identity: operatorFiles.folder)
      farewell.serves(at: address)
      return try (0..<workers).map { try worker("w\($0 + 1)", handlers, port: port) }
    } ready: { [ready, folder, workers, slots] port in
      let banner = DevBanner(
        folder: folder, port: port, workers: workers, slots: slots, kinds: handlers.keys.sorted(),
        time: ContinuousClock.now - began,
        access: try DevAddress(
          server: "https://127.0.0.1:\(port)", identity: operatorFiles.folder
        ).leave())
      guard ready.format == nil else { return ready.announce(banner.document) }
      DevRemark.say(banner.text)
    }
    try await ServiceProcess.run([coordinator, team, farewell], logger: logger)
    keeper.close()
  }

  /// The coordinator's remarks are of no use to whoever writes a handler, until something is wrong.
  private func coordinatorLogger() throws -> Logger {
    let log = try ServiceLog(settings, service: "belfry.dev", node: "c1")
    if try settings.find(.logLevel)?.origin.kind == .standard { log.level.value.general = .warning }
    return log.logger
  }

  private func parsedHandlers(_ engine: CommandEngine) throws -> [Kind: JobHandler] {
    var handlers: [Kind: JobHandler] = [:]
    for text in commands {
      let spec = try CommandSpec(parsing: text)
      guard handlers[spec.kind] == nil else {
        throw UserError(
          .badSetting, "kind \(spec.kind) has two handlers", why: "--run names it twice",
          next: ["give each kind one --run"])
      }
      handlers[spec.kind] = .command(try CommandHandler(spec, engine: engine))
    }
    return handlers
  }

  private func coordinator(
    _ logger: Logger, _ started: @escaping @Sendable (SocketAddress) -> Void
  ) throws -> Coordinator {
    let me = try NodeIdentity(
      folder: try folder.identity(.coordinator, "c1").folder, role: .coordinator)
    var limits = RPCLimits()
    limits.messageBytesMax = (4 << 20) + (256 << 10)
    var core = ClusterConfiguration(
      name: me.name, boot: try BootState.next(in: me.folder), lanes: [.default])
    let files = IdentityFiles(folder: me.folder)
    core.certificate = try CoordinatorSetup.life(of: files.certificatePath)
    core.authority = try CoordinatorSetup.life(of: files.authorityPath)
    core.brokerName = "the queue"
    core.storeName = "the store"
    let configuration = Coordinator.Configuration(
      core: core, cluster: me.cluster,
      server: RPCServer.Configuration(host: "127.0.0.1", port: port, tls: me.tls, limits: limits))
    return Coordinator(
      configuration, queue: EmbeddedQueue(engine: engine, lanes: [.default]),
      store: EmbeddedStore(engine: engine), sinks: [LogAlertSink(logger: logger)],
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger, started: started)
  }

  private func worker(_ name: String, _ handlers: [Kind: JobHandler], port: Int) throws -> Worker {
    let me = try NodeIdentity(folder: try folder.identity(.worker, name).folder, role: .worker)
    let store = EmbeddedStore(engine: engine)
    var configuration = Worker.Configuration(
      core: WorkerCore.Configuration(
        name: me.name, boot: try BootState.next(in: me.folder), slots: slots,
        kinds: handlers.keys.sorted(), lanes: [.default], labels: [],
        software: "belfry \(BelfryCommand.version)", hasStore: true),
      coordinators: [try ServerAddress("https://127.0.0.1:\(port)").target], tls: me.tls,
      handlers: handlers)
    configuration.drainMax = drainMax
    return Worker(
      configuration, store: store, makeStore: { _ in store },
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      logger: try ServiceLog(settings, service: "belfry.dev", node: name).logger)
  }
}

/// The workers of a dev cluster; they begin once their coordinator serves.
struct DevWorkers: Service {
  let started: AsyncStream<Int>
  let make: @Sendable (Int) throws -> [Worker]
  let ready: @Sendable (Int) throws -> Void

  init(
    started: AsyncStream<Int>, make: @escaping @Sendable (Int) throws -> [Worker],
    ready: @escaping @Sendable (Int) throws -> Void
  ) {
    self.started = started
    self.make = make
    self.ready = ready
  }

  func run() async throws {
    var port: Int?
    for await known in started.cancelOnGracefulShutdown() {
      port = known
      break
    }
    // Told to stop before it began.
    guard let port else { return }
    let workers = try make(port)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for worker in workers { tasks.addTask { try await worker.run() } }
      try ready(port)
      if workers.isEmpty { tasks.addTask { try? await gracefulShutdown() } }  // Cancelled: as good.
      try await tasks.waitForAll()
    }
  }
}

/// Says at Ctrl-C what is waited for. It is the first that is told to leave.
final class DevFarewell: Service {
  private let drainMax: Duration
  private let address = Mutex<DevAddress?>(nil)

  init(drainMax: Duration) { self.drainMax = drainMax }

  func serves(at address: DevAddress) { self.address.withLock { $0 = address } }

  func run() async throws {
    // Cancelled, or nothing served yet: there is nothing to tell.
    guard (try? await gracefulShutdown()) != nil, let address = address.withLock({ $0 })
    else { return }
    let running = await running(at: address)
    let what =
      running == 0
      ? "nothing runs"
      : "waits for \(running) running job\(running == 1 ? "" : "s"), at most \(drainMax.shortText)"
    DevRemark.say("Stopping: \(what). Ctrl-C again stops at once; nothing is lost either way.")
  }

  private func running(at address: DevAddress) async -> Int {
    guard let client = try? BelfryClient(server: address.server, identity: address.identity)
    else { return 0 }
    // Only for a sentence: without an answer it leaves all the same.
    let health = try? await client.health(within: .seconds(1))
    await client.close()
    return health?.lanes.reduce(0) { $0 + Int($1.running) } ?? 0
  }
}
