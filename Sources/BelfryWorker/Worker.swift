internal import BelfryAPI
package import BelfryCore
package import BelfryIdentity
package import BelfryNet
package import BelfryRPC
package import Logging
package import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// A worker: sessions with its coordinators, handlers, outcomes. `run` returns when all that it
/// started has ended.
///
/// On graceful shutdown it takes no new jobs, keeps beating, finishes what runs within `drainMax` and
/// hands back the rest.
package struct Worker: Service {
  package struct Configuration: Sendable {
    package var core: WorkerCore.Configuration
    package var coordinators: [RPCTarget]
    /// What an earlier start was told of coordinators, besides those.
    package var learned: [CoordinatorAddress] = []
    /// Told when there is something else to be remembered.
    package var learns: (@Sendable ([CoordinatorAddress]) -> Void)?
    package var tls: TLSConfiguration
    /// Where certificate and key are, to be renewed in time; nil: whoever made them cares for that.
    package var identity: IdentityFiles?
    package var handlers: [Kind: JobHandler]
    /// For an attempt of a job that names none; nil: no limit.
    package var defaultTimeout: Duration?
    /// The most that a result may have, in bytes; above 1 MiB it is kept in chunks, for which the worker
    /// needs a store. A worker holds the results of what it runs in memory: slots times this at worst.
    package var resultBytesMax = resultBytesDefault
    /// 64 MiB.
    package static let resultBytesDefault = 64 << 20
    /// What may be set: up to 1 GiB.
    package static let resultBytesRange = 1...(1 << 30)
    /// Where it leaves word for its next start, should it die; closed by who opened it.
    package var lastWords: LastWords?
    /// How long a leaving worker waits for what runs.
    package var drainMax: Duration = .seconds(30)
    /// How long no coordinator may be reachable at start; then `run` throws. Nil: for ever.
    package var wait: Duration?
    /// Told four times a second how the worker is, on the loop that keeps its sessions: a loop that
    /// hangs falls silent.
    package var reports: (@Sendable (NodeReport) -> Void)?

    package init(
      core: WorkerCore.Configuration, coordinators: [RPCTarget], tls: TLSConfiguration,
      handlers: [Kind: JobHandler], defaultTimeout: Duration? = .seconds(1_800)
    ) {
      self.core = core
      self.coordinators = coordinators
      self.tls = tls
      self.handlers = handlers
      self.defaultTimeout = defaultTimeout
    }
  }

  private let configuration: Configuration
  private let store: (any OutcomeStore)?
  private let makeStore: @Sendable (String) throws -> any OutcomeStore
  private let group: any EventLoopGroup
  private let logger: Logger
  private let watched: @Sendable (@escaping @Sendable () async -> WorkerStatus) -> Void

  /// - Parameters:
  ///   - store: where outcomes are recorded; nil: where a coordinator says, else by it.
  ///   - makeStore: opens the store that a coordinator names.
  ///   - eventLoopGroup: of the session alone; handlers run elsewhere.
  ///   - watched: told how to look at the worker: for metrics and probes.
  package init(
    _ configuration: Configuration, store: (any OutcomeStore)?,
    makeStore: @escaping @Sendable (String) throws -> any OutcomeStore,
    eventLoopGroup: any EventLoopGroup, logger: Logger,
    watched: @escaping @Sendable (@escaping @Sendable () async -> WorkerStatus) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.store = store
    self.makeStore = makeStore
    group = eventLoopGroup
    self.logger = logger
    self.watched = watched
  }

  package func run() async throws {
    let keeper = configuration.identity.map {
      CertificateKeeper(
        files: $0, targets: configuration.coordinators + configuration.learnedTargets,
        group: group, logger: logger)
    }
    do {
      try await cancelWhenGracefulShutdown {
        try await keeper?.readmitIfExpired(within: configuration.wait)
      }
    } catch is CancellationError { return }
    // Before the links read it: what is put in its place from here on is noticed. Unreadable: they say so.
    let identity = keeper.flatMap { try? $0.files.read() }
    let loop = group.next()
    let inserts = AsyncStream.makeStream(of: (batch: UInt64, outcomes: [Outcome]).self)
    let finds = AsyncStream.makeStream(of: (batch: UInt64, jobs: [JobID]).self)
    let stores = AsyncStream.makeStream(of: String.self)
    let wedged = AsyncStream.makeStream(of: Void.self)
    let linkEvents = AsyncStream.makeStream(of: CoordinatorLinks.Event.self)
    let clock = ClusterClock()
    let box = StoreBox(store)
    let shell = WorkerShell(
      core: WorkerCore(configuration.namedCore), handlers: configuration.handlers,
      defaultTimeout: configuration.defaultTimeout,
      keeper: ResultKeeper(bytesMax: configuration.resultBytesMax, logger: logger) {
        await box.insertChunks($0)
      },
      lastWords: configuration.lastWords,
      outlets: WorkerShell.Outlets(
        inserts: inserts.continuation, finds: finds.continuation, stores: stores.continuation,
        wedged: wedged.continuation, links: linkEvents.continuation),
      clock: clock, loop: loop, logger: logger)
    let ticks = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(100)) { _ in
      shell.tick()
    }
    defer { ticks.cancel() }
    let reporting = configuration.reports.map { tell in
      loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(250)) { _ in
        tell(shell.assumeIsolated { $0.report })
      }
    }
    defer { reporting?.cancel() }
    watched { await shell.status }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for await (batch, outcomes) in inserts.stream {
          shell.post(.inserted(batch: batch, await box.insert(outcomes)))
        }
      }
      tasks.addTask {
        for await (batch, jobs) in finds.stream {
          shell.post(.found(batch: batch, await box.find(jobs)))
        }
      }
      tasks.addTask {
        while true {
          await box.tell(clock)
          try await Task.sleep(for: ClusterClock.askEvery)
        }
      }
      tasks.addTask { for await url in stores.stream { box.use(url, makeStore, logger) } }
      let links = CoordinatorLinks(configuration, group: group, shell: shell, logger: logger)
      tasks.addTask { try await links.run(linkEvents.stream, linkEvents.continuation) }
      if let keeper { tasks.addTask { try await keeper.run(links, using: identity) } }
      let isRefused = Atomic(false)
      tasks.addTask { try await leave(shell, wedged.stream, isRefused) }
      // Only a link that gives up at start or is refused, and the leaving, end by themselves.
      do {
        try await tasks.next()
      } catch {
        // What runs has been given to others: it is told to end, and nobody waits for it.
        isRefused.store(error is SessionRefused, ordering: .releasing)
        tasks.cancelAll()
        shell.closeSessions()
        await shell.cancelHandlers()
        throw error
      }
      tasks.cancelAll()
    }
  }

  private func leave(
    _ shell: WorkerShell, _ wedged: AsyncStream<Void>, _ isRefused: borrowing Atomic<Bool>
  ) async throws {
    let isWedged = await untilLeaving(wedged)
    if isRefused.load(ordering: .acquiring) { return }
    logger.info("worker is leaving: takes no new jobs, finishes what runs")
    let handBack = shell.loop.scheduleTask(in: TimeAmount(configuration.drainMax)) {
      shell.post(.handBack)
    }
    let giveUp = shell.loop.scheduleTask(in: TimeAmount(configuration.drainMax + .seconds(10))) {
      shell.assumeIsolated { $0.giveUpDraining() }
    }
    await shell.leaves()
    configuration.reports?(await shell.report)
    await shell.drain()
    handBack.cancel()
    giveUp.cancel()
    shell.closeSessions()
    if isWedged { throw WedgedError() }
    await shell.awaitHandlers()
  }

  /// Returns at the signal to leave; true when the worker leaves because it is wedged.
  private func untilLeaving(_ wedged: AsyncStream<Void>) async -> Bool {
    await withTaskGroup(of: Bool.self) { tasks in
      tasks.addTask {
        // Cancelled is as good a reason to leave as the signal.
        try? await gracefulShutdown()
        return false
      }
      tasks.addTask {
        for await _ in wedged { return true }
        return false
      }
      let isWedged = await tasks.next() ?? false
      tasks.cancelAll()
      return isWedged
    }
  }
}

extension Worker.Configuration {
  /// Its coordinators are the links' first ones.
  fileprivate var namedCore: WorkerCore.Configuration {
    var core = core
    core.coordinators = coordinators.map(\.description)
    return core
  }

  fileprivate var learnedTargets: [RPCTarget] {
    LinkPlan.names(of: learned).compactMap { RPCTarget($0) }
  }
}

/// Half of a worker's slots were taken by handlers that do not end: it has left, to be started anew.
package struct WedgedError: Error, CustomStringConvertible {
  package let description =
    "half of the slots were taken by handlers that did not end: the worker has left"
}
