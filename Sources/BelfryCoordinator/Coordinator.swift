internal import BelfryAPI
package import BelfryCore
package import BelfryIdentity
internal import BelfryNet
package import BelfryRPC
package import Logging
package import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// A coordinator: moves jobs between the broker and workers, records what workers cannot, watches
/// the workers' hearts. `run` returns when all that it started has ended.
///
/// On graceful shutdown it takes no more jobs, settles what is being settled, gives the rest back
/// and leaves; workers keep what they run and report it to whoever is there.
package struct Coordinator: Service {
  package struct Configuration: Sendable {
    package var core: ClusterConfiguration
    /// The cluster's name, from the certificate.
    package var cluster: String
    package var server: RPCServer.Configuration
    /// Foreign queues that are consumed whatever the store says.
    package var attachments: [QueueAttachment]
    /// Default 4 MiB. A job above it is answered `too-large`.
    package var payloadBytesMax: Int
    /// How long broker and store may be away at start; then `run` throws.
    package var wait: Duration
    /// How long a leaving coordinator waits for sets that are being settled.
    package var drainMax: Duration = .seconds(10)
    /// How long outcomes are kept, and so how long an id is known.
    package var outcomesKept: Duration = .seconds(30 * 86_400)
    /// Told four times a second how the coordinator is, on the loop of its core, once MongoDB is
    /// there: a loop that hangs falls silent.
    package var reports: (@Sendable (NodeReport) -> Void)?
    /// Where operators of this machine call, whatever becomes of certificates; nil: nowhere.
    package var socket: LocalSocket?
    /// Somebody has asked for it: without it the coordinator does not start.
    package var needsSocket = false
    /// Where certificate and key are, to be renewed in time; nil: whoever made them cares for that.
    package var identity: IdentityFiles?
    /// Nil: this coordinator lets no machine in and renews no certificate.
    package var issuer: CertificateIssuer?
    /// Heartbeat datagrams beside the sessions, over UDP on the port of the RPC server.
    package var datagrams = true

    package init(
      core: ClusterConfiguration, cluster: String, server: RPCServer.Configuration,
      attachments: [QueueAttachment] = [], payloadBytesMax: Int = 4 << 20,
      wait: Duration = .seconds(30)
    ) {
      self.core = core
      self.cluster = cluster
      self.server = server
      self.attachments = attachments
      self.payloadBytesMax = payloadBytesMax
      self.wait = wait
    }
  }

  /// What can be seen of a coordinator from outside: for metrics and probes.
  package struct Look: Sendable {
    package let picture: HealthPicture
    package let lanes: [LaneTimes]
  }

  private let configuration: Configuration
  private let queue: any JobQueue
  private let store: any ClusterStore
  private let sinks: [any AlertSink]
  private let group: any EventLoopGroup
  private let logger: Logger
  private let started: @Sendable (SocketAddress) -> Void
  private let watched: @Sendable (@escaping @Sendable () async -> Look) -> Void

  /// - Parameters:
  ///   - started: told the address once calls are served.
  ///   - watched: told, before that, how to look at it.
  package init(
    _ configuration: Configuration, queue: any JobQueue, store: any ClusterStore,
    sinks: [any AlertSink], eventLoopGroup: any EventLoopGroup, logger: Logger,
    watched: @escaping @Sendable (@escaping @Sendable () async -> Look) -> Void = { _ in },
    started: @escaping @Sendable (SocketAddress) -> Void = { _ in }
  ) {
    self.configuration = configuration
    self.queue = queue
    self.store = store
    self.sinks = sinks
    group = eventLoopGroup
    self.logger = logger
    self.started = started
    self.watched = watched
  }

  package func run() async throws {
    let storeGate = StoreGate(store: store, logger: logger.of(.store))
    guard try await opens({ try await storeGate.open(within: configuration.wait) }) else { return }
    let loop = group.next()
    let (outlets, streams) = StoreTasks.make()
    let health = HealthFeed(source: configuration.core.boot.description)
    let clock = ClusterClock()
    await clock.follow { await store.time() }
    let shell = CoreShell(
      core: ClusterCore(configuration.core), queue: queue, outlets: outlets, health: health,
      clock: clock,
      datagrams: configuration.datagrams ? SessionDatagrams(logger: logger.of(.sessions)) : nil,
      loop: loop, logger: logger.of(.sessions))
    let gate = BrokerGate(
      broker: configuration.core.brokerName, logger: logger.of(.queue))
    let attached = AttachedQueues(
      settings: configuration.attachments, lanes: configuration.core.lanes)
    let door = JobDoor(
      lanes: configuration.core.lanes, attached: attached,
      payloadBytesMax: configuration.payloadBytesMax, newJobID: NewJobID.make)
    let polling = ControlPolling(
      store: store, shell: shell, attached: attached, outcomesKept: configuration.outcomesKept,
      logger: logger.of(.store))
    watched { await shell.look() }
    let alerts = AlertPolling(store: store, shell: shell, sinks: sinks)
    let roster = RosterKeeping(store: store, shell: shell)
    let directory = NodeDirectory()
    let directoryPolling = DirectoryPolling(store: store, directory: directory, logger: logger)
    guard try await opens({ try await directoryPolling.begin() }) else { return }
    if let why = revocation(directory) { throw CoordinatorRevoked(description: why) }
    // Before the first job comes: it may be one of those.
    let mark = Mutex<CancelMark?>(nil)
    guard
      try await opens({
        let read = try await polling.begin(); mark.withLock { $0 = read }
      })
    else { return }
    let ticks = loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(100)) { _ in
      shell.post(.tick)
    }
    defer { ticks.cancel() }
    let reporting = configuration.reports.map { tell in
      loop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(250)) { _ in
        tell(shell.assumeIsolated { $0.report })
      }
    }
    defer { reporting?.cancel() }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        await queue.run { events in
          gate.heard(events)
          shell.post(Inputs.read(events, door))
        }
      }
      StoreTasks(
        store: store, shell: shell, sinks: sinks, board: alerts.board, logger: logger.of(.store)
      )
      .add(to: &tasks, streams, claimant: configuration.core.boot.description)
      let begun = mark.withLock { $0 }
      tasks.addTask { try await polling.poll(from: begun) }
      tasks.addTask { try await polling.purge() }
      tasks.addTask { try await alerts.poll() }
      tasks.addTask { try await directoryPolling.poll() }
      let changes = NodeChanges(store: store, directory: directory)
      tasks.addTask {
        try await RecordKeeping(store: store, changes: changes, logger: logger)
          .run(now: { shell.clock.now().wall }) { await shell.picture().inSession }
      }
      tasks.addTask {
        for await peer in directory.opened {
          await changes.hasOpened(peer, at: ProcessClock.now().wall)
        }
      }
      tasks.addTask {
        try await ScheduleTask(
          store: store, shell: shell, lanes: configuration.core.lanes, logger: logger
        ).run()
      }
      tasks.addTask { try await roster.run() }
      let cluster = clusterService(shell, alerts, attached)
      tasks.addTask { try await health.run(cluster.picture) }
      tasks.addTask { try await serve(shell, gate, directory, cluster, alerts, roster) }
      // `serve` is the only task that ends by itself: when it has, the rest is told to.
      do {
        try await tasks.next()
      } catch {
        tasks.cancelAll()
        throw error
      }
      tasks.cancelAll()
    }
  }

  /// False when the coordinator was told to stop while it waited.
  private func opens(_ gate: @Sendable @escaping () async throws -> Void) async throws -> Bool {
    do {
      try await cancelWhenGracefulShutdown(gate)
      return true
    } catch is CancellationError {
      logger.info("stopped before it was ready")
      return false
    }
  }

  /// Why this coordinator is not to serve; nil: it may.
  private func revocation(_ directory: NodeDirectory) -> String? {
    directory.revocation(of: configuration.core.name, at: ProcessClock.now().wall)
  }

  /// Ends connections of those who are refused by what is new. On any change: who was thrown out and let in
  /// anew between two polls has another certificate now.
  /// - Returns: why, when this coordinator itself is thrown out.
  private func cutOff(_ server: RPCServer, _ directory: NodeDirectory) async -> String? {
    let close = { @Sendable (names: Set<String>, isReplacedToo: Bool) in
      server.closeConnections(reason: "the cluster refuses this node from now on") { peer in
        guard let peer, names.contains(peer.name) else { return false }
        return directory.refusal(peer, at: ProcessClock.now().wall) != nil
          && (isReplacedToo || !directory.isReplaced(peer))
      }
    }
    return await withDiscardingTaskGroup { later in
      defer { later.cancelAll() }
      for await names in directory.changed {
        close(names, false)
        if let why = revocation(directory) { return why }
        // A worker that was renewed elsewhere goes over by itself: it is not to be missed meanwhile.
        later.addTask {
          try? await Task.sleep(for: .seconds(5))
          close(names, true)
        }
      }
      return nil
    }
  }

  private func serve(
    _ shell: CoreShell, _ gate: BrokerGate, _ directory: NodeDirectory,
    _ cluster: ClusterService, _ alerts: AlertPolling, _ roster: RosterKeeping
  ) async throws {
    guard try await opens({ try await gate.open(within: configuration.wait) }) else { return }
    defer { shell.datagrams?.close() }
    var router = router(shell, directory, cluster, alerts)
    let health = ServerHealth.register(in: &router)
    let server = RPCServer(
      configuration: configuration.server, eventLoopGroup: group, router: router,
      authorize: { method, peer in
        Roles.refusal(method, peer) ?? directory.refusal(peer, at: ProcessClock.now().wall)
      },
      recognize: { directory.refusal($0, at: ProcessClock.now().wall) == nil },
      logger: logger.of(.rpc))
    let certificate = ownCertificate(shell)
    certificate?.renewIfDue()
    let (host, port) = (configuration.server.host, configuration.server.port)
    // Before the first session, which would have none for its life.
    if port != 0 { await bindDatagrams(shell, host, port) }
    let address = try await server.start()
    if port == 0, let port = address.port { await bindDatagrams(shell, host, port) }
    tell(shell, server)
    if let socket = configuration.socket {
      do {
        try await server.serve(on: socket)
        logger.info("serves operators of this machine", metadata: ["socket": "\(socket.path)"])
      } catch  where !configuration.needsSocket {
        logger.warning(
          "no socket for operators of this machine",
          metadata: ["socket": "\(socket.path)", "why": "\(error)"])
      }
    }
    logger.info("coordinator is ready", metadata: ["address": "\(address)"])
    await shell.serves()
    started(address)
    let revocation = await withTaskGroup(of: String?.self) { tasks in
      tasks.addTask { await cutOff(server, directory) }
      if let certificate {
        // It ends when it is cancelled.
        tasks.addTask {
          try? await certificate.run { tls in
            try server.use(tls)
            tell(shell, server)
          }
          return nil
        }
      }
      tasks.addTask {
        // Cancelled is as good a reason to leave as the signal.
        try? await gracefulShutdown()
        return nil
      }
      defer { tasks.cancelAll() }
      return await tasks.next() ?? nil
    }
    if let revocation {
      logger.error("the cluster has revoked this coordinator", metadata: ["why": "\(revocation)"])
    }
    logger.info("coordinator is leaving: takes no new jobs, settles what it can")
    health.stopServing()
    await leave(shell, roster)
    health.finish()
    await server.shutdownGracefully(deadline: .seconds(5))
    if let revocation { throw CoordinatorRevoked(description: revocation) }
  }

  private func bindDatagrams(_ shell: CoreShell, _ host: String, _ port: Int) async {
    await shell.datagrams?.bind(host: host, port: port, group: group) { shell.post(.beats($0)) }
  }

  private func ownCertificate(_ shell: CoreShell) -> OwnCertificate? {
    guard let files = configuration.identity else { return nil }
    let own = configuration.core.name
    return OwnCertificate(
      files: files, issuer: configuration.issuer,
      elsewhere: RenewalElsewhere(files: files, group: group) {
        LinkPlan.names(of: await shell.coordinatorAddresses.filter { $0.name != own })
      }, logger: logger.of(.membership))
  }

  /// Until when the certificate is good that is shown.
  private func tell(_ shell: CoreShell, _ server: RPCServer) {
    guard let life = server.identity?.certificate else { return }
    shell.post(.certificate(life))
  }

  private func leave(_ shell: CoreShell, _ roster: RosterKeeping) async {
    let loop = shell.loop
    let limit = loop.scheduleTask(in: TimeAmount(configuration.drainMax)) {
      shell.assumeIsolated { $0.endDraining() }
    }
    await shell.beginDraining()
    configuration.reports?(await shell.report)
    await shell.drain()
    limit.cancel()
    // Before workers miss it.
    await tellLeave(roster)
    shell.health.finish()
    shell.closeSessions("the coordinator is leaving")
  }

  /// A store that does not answer within 2 s does not hold it up: the others may then call it lost.
  private func tellLeave(_ roster: RosterKeeping) async {
    let (told, teller) = AsyncStream.makeStream(of: Void.self)
    let limit = group.next().scheduleTask(in: .seconds(2)) { teller.finish() }
    Task {
      await roster.leave()
      teller.finish()
    }
    for await _ in told {}
    limit.cancel()
  }

  private func clusterService(
    _ shell: CoreShell, _ polling: AlertPolling, _ attached: AttachedQueues
  ) -> ClusterService {
    ClusterService(
      shell: shell, store: store, cluster: configuration.cluster, board: polling.board,
      attached: attached)
  }

  private func router(
    _ shell: CoreShell, _ directory: NodeDirectory, _ cluster: ClusterService,
    _ polling: AlertPolling
  ) -> RPCRouter {
    let audit = AuditLog(store: store, coordinator: configuration.core.name, logger: logger)
    let jobs = JobsService(
      shell: shell, store: store, payloadBytesMax: configuration.payloadBytesMax,
      newJobID: NewJobID.make)
    let alerts = AlertsService(store: store, polling: polling, sinks: sinks)
    var router = RPCRouter(encodings: [.belfry, .protobuf])
    Routes.register(jobs, audit, in: &router)
    Routes.register(cluster, audit, in: &router)
    Routes.register(alerts, audit, in: &router)
    let schedules = SchedulesService(
      store: store, lanes: configuration.core.lanes,
      payloadBytesMax: configuration.payloadBytesMax, clock: shell.clock)
    Routes.register(schedules, audit, in: &router)
    let membership = MembershipService(
      store: store, shell: shell, directory: directory, issuer: configuration.issuer,
      cluster: configuration.cluster, coordinator: configuration.core.name,
      software: configuration.core.software, logger: logger.of(.membership))
    Routes.register(membership, audit, in: &router)
    Routes.registerSession(shell, directory, logger, in: &router)
    ServerReflection.register(in: &router)
    return router
  }
}

/// An operator has thrown this coordinator out: it has left in order, or did not begin to serve.
package struct CoordinatorRevoked: Error, CustomStringConvertible {
  package let description: String
}
