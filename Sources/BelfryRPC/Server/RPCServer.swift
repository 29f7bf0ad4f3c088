package import BelfryNet
package import CoreMetrics
package import Logging
package import NIOCore
internal import NIOPosix
internal import Synchronization

/// Serves calls over mutual TLS and HTTP/2, and those of clients in the same process.
///
/// `start` binds and returns; `shutdownGracefully` ends what `start` and clients in the same process
/// (`RPCClient.init(inProcess:as:eventLoopGroup:options:)`) began. One server starts once.
package final class RPCServer: Sendable {
  /// Nil lets the call pass, a status refuses it. The identity is nil for a stranger.
  package typealias Authorize = @Sendable (MethodDescriptor, PeerIdentity?) -> RPCStatus?
  /// Whether a certificate that is in order is one of a peer that may have what peers have: else its
  /// connections count as a stranger's. What it calls, `Authorize` decides.
  package typealias Recognize = @Sendable (PeerIdentity) -> Bool

  package struct Configuration: Sendable {
    package var host: String
    /// 0: any free port.
    package var port: Int
    package var tls: TLSConfiguration
    package var limits: RPCLimits

    package init(
      host: String, port: Int, tls: TLSConfiguration, limits: RPCLimits = RPCLimits()
    ) {
      self.host = host
      self.port = port
      self.tls = tls
      self.limits = limits
    }
  }

  /// What all connections of a server use.
  final class Shared: Sendable {
    let router: RPCRouter
    let authorize: Authorize
    let recognize: Recognize
    let interceptors: [any RPCServerInterceptor]
    let limits: RPCLimits
    let logger: Logger
    let refusals: ServerRefusals
    /// Of each route, by its index; empty where nobody keeps metrics.
    private let methods: [MethodCounts]
    private let keptBytes = Atomic(0)
    private let isShedding = Atomic(false)
    fileprivate let state: Mutex<State>

    fileprivate struct State {
      var connections: [ObjectIdentifier: ServerConnection] = [:]
      var admission: ServerAdmission
      var isShuttingDown = false
      var whenEmpty: [CheckedContinuation<Void, Never>] = []
      var executors: [ObjectIdentifier: EventLoopExecutor] = [:]
    }

    init(
      router: RPCRouter, authorize: @escaping Authorize,
      recognize: @escaping Recognize = { _ in true },
      interceptors: [any RPCServerInterceptor], limits: RPCLimits, logger: Logger,
      metrics: any MetricsFactory = MetricsSystem.factory
    ) {
      self.router = router
      self.authorize = authorize
      self.recognize = recognize
      self.interceptors = interceptors
      self.limits = limits
      self.logger = logger
      refusals = ServerRefusals(logger: logger, metrics: metrics)
      methods =
        metrics is NOOPMetricsHandler
        ? []
        : router.routes.map {
          MethodCounts($0.method, isStream: $0.handler.isStream, metrics: metrics)
        }
      state = Mutex(State(admission: ServerAdmission(limits)))
    }

    /// Nil where nobody keeps metrics.
    func counted(_ route: RPCRouter.Route) -> CountedCall? {
      methods.isEmpty ? nil : CountedCall(counts: methods[route.index], began: .now())
    }

    func executor(_ loop: any EventLoop) -> EventLoopExecutor {
      state.withLock { state in
        if let executor = state.executors[ObjectIdentifier(loop)] { return executor }
        let executor = EventLoopExecutor(loop)
        state.executors[ObjectIdentifier(loop)] = executor
        return executor
      }
    }

    /// Nil when the server takes no more connections, or none from there.
    func admit(
      from address: SocketAddress?, _ make: (ServerAdmission.Place) -> ServerConnection
    ) -> ServerConnection? {
      let text = address?.ipAddress ?? ""
      let (connection, reason) = state.withLock {
        state -> (ServerConnection?, ServerRefusals.Reason?) in
        guard !state.isShuttingDown else { return (nil, nil) }
        switch state.admission.began(from: text) {
        case .refused(let reason): return (nil, reason)
        case .place(let place):
          let connection = make(place)
          state.connections[ObjectIdentifier(connection)] = connection
          return (connection, nil)
        }
      }
      if let reason {
        refusals.refused(
          "refused a connection", reason.rawValue,
          metadata: ["remote": "\(text)", "reason": "too many \(reason.rawValue)"])
      }
      return connection
    }

    var handshaking: Int { state.withLock { $0.admission.handshaking } }

    func connectionEstablished(_ place: inout ServerAdmission.Place, hasCertificate: Bool) {
      state.withLock { $0.admission.established(&place, hasCertificate: hasCertificate) }
    }

    func connectionClosed(_ place: inout ServerAdmission.Place) {
      state.withLock { $0.admission.closed(&place) }
    }

    func connectionEnded(_ connection: ServerConnection) {
      let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
        if state.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil {
          state.admission.ended()
        }
        guard state.connections.isEmpty else { return [] }
        defer { state.whenEmpty.removeAll() }
        return state.whenEmpty
      }
      for waiter in waiters { waiter.resume() }
    }

    // MARK: Bytes of unfinished messages

    var isReceivingTight: Bool {
      keptBytes.load(ordering: .relaxed) > limits.receiveBytesMax / 4
    }

    func kept(_ change: Int) {
      let bytes = keptBytes.wrappingAdd(change, ordering: .relaxed).newValue
      guard change > 0, bytes > limits.receiveBytesMax,
        !isShedding.exchange(true, ordering: .relaxed)
      else { return }
      let greediest = connections.max {
        $0.keptBytes.load(ordering: .relaxed) < $1.keptBytes.load(ordering: .relaxed)
      }
      if let greediest { greediest.shed() } else { shedEnded() }
    }

    func shedEnded() { isShedding.store(false, ordering: .relaxed) }

    var connections: [ServerConnection] { state.withLock { Array($0.connections.values) } }

    func untilEmpty() async {
      await withCheckedContinuation { continuation in
        let isEmpty = state.withLock { state -> Bool in
          if state.connections.isEmpty { return true }
          state.whenEmpty.append(continuation)
          return false
        }
        if isEmpty { continuation.resume() }
      }
    }
  }

  /// Nil: a server without an address.
  private let configuration: Configuration?
  let group: any EventLoopGroup
  let shared: Shared
  private let listener = Mutex<(any Channel)?>(nil)
  private let tls = Mutex<TLSContext?>(nil)
  let localListener = Mutex<LocalListening?>(nil)
  private let clocks = Mutex<[RepeatedTask]>([])

  package init(
    configuration: Configuration, eventLoopGroup: any EventLoopGroup, router: RPCRouter,
    authorize: @escaping Authorize, recognize: @escaping Recognize = { _ in true },
    interceptors: [any RPCServerInterceptor] = [], logger: Logger,
    metrics: any MetricsFactory = MetricsSystem.factory
  ) {
    self.configuration = configuration
    group = eventLoopGroup
    shared = Shared(
      router: router, authorize: authorize, recognize: recognize, interceptors: interceptors,
      limits: configuration.limits, logger: logger,
      metrics: metrics)
  }

  /// A server without an address: only clients in the same process reach it. It needs no certificate,
  /// and no `start`.
  package init(
    limits: RPCLimits = RPCLimits(), eventLoopGroup: any EventLoopGroup,
    router: RPCRouter, authorize: @escaping Authorize,
    interceptors: [any RPCServerInterceptor] = [], logger: Logger
  ) {
    configuration = nil
    group = eventLoopGroup
    shared = Shared(
      router: router, authorize: authorize, interceptors: interceptors, limits: limits,
      logger: logger)
  }

  /// Loads the certificates, binds and accepts.
  /// - Returns: the address bound, with the port that was chosen.
  /// - Throws: `TLSError` for the files, NIO's error when the address cannot be bound.
  @discardableResult
  package func start() async throws -> SocketAddress {
    guard let configuration else { preconditionFailure("a server without an address was started") }
    let tls = try TLSContext.server(configuration.tls)
    self.tls.withLock { $0 = tls }
    let shared = shared
    raiseFileLimit()
    let outputBytesMax = configuration.limits.http2.outputBytesMax
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptGate(shared))
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.recvAllocator, value: ReadAllocator())
      .childChannelOption(
        .writeBufferWaterMark,
        value: ChannelOptions.Types.WriteBufferWaterMark(
          low: outputBytesMax / 4, high: outputBytesMax)
      )
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture {
          let current = self.tls.withLock { $0 } ?? tls
          try Self.accept(
            channel, TLSHandler(TLSMachine.accepting(current), timeout: shared.limits.tlsTimeout),
            shared)
        }
      }
    let channel = try await bootstrap.bind(
      host: configuration.host, port: configuration.port
    ).get()
    listener.withLock { $0 = channel }
    startClocks()
    guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
    return address
  }

  /// Shows other certificates to those who connect from now on; connections that are there go on.
  package func use(_ configuration: TLSConfiguration) throws(TLSError) {
    let context = try TLSContext.server(configuration)
    tls.withLock { $0 = context }
  }

  /// Who the server says it is; nil before `start`.
  package var identity: PeerIdentity? { tls.withLock { $0?.identity } }

  /// Takes one end of a socket pair; the other is a client's, which is told of a failure by the close.
  /// - Parameter peer: who the client is taken for.
  func accept(_ socket: NIOBSDSocket.Handle, from peer: PeerIdentity?) {
    let shared = shared
    // On the caller's own loop, if it is one of ours: no call between the two changes threads.
    _ = ClientBootstrap(group: group.any())
      .carryingHTTP2(outputBytesMax: shared.limits.http2.outputBytesMax)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try Self.accept(channel, InProcessHandler(peer: peer), shared)
        }
      }
      .withConnectedSocket(socket)
  }

  /// - Parameter outer: says who the peer is, and keeps the others out.
  static func accept(
    _ channel: any Channel, _ outer: any ChannelHandler, _ shared: Shared
  ) throws {
    let (executor, address) = (shared.executor(channel.eventLoop), channel.remoteAddress)
    let admitted = shared.admit(from: address) {
      ServerConnection(shared: shared, executor: executor, remoteAddress: address, place: $0)
    }
    guard let connection = admitted else { throw ChannelError.ioOnClosedChannel }
    let handler = HTTP2Handler(
      connection.session, delegate: connection, timers: shared.limits.timers)
    connection.handler = handler
    try channel.pipeline.syncOperations.addHandlers([outer, handler])
  }

  private func raiseFileLimit() {
    let wanted = shared.limits.connectionsMax + FileLimit.others
    guard let limit = FileLimit.raise(to: wanted), limit < wanted else { return }
    shared.logger.warning(
      "fewer files may be open than connections are allowed: raise the limit (ulimit -n)",
      metadata: [
        "files": "\(limit)", "needed": "\(wanted)",
        "connections": "\(shared.limits.connectionsMax)",
      ])
  }

  /// One timer a loop looks at the clocks of all its connections.
  private func startClocks() {
    let limits = shared.limits
    let shortest =
      [
        limits.bodyGapMax, limits.idleMax, limits.leaveMax, limits.timers.headers,
        limits.timers.output.drain, limits.timers.output.slowTime, limits.quietMax,
        limits.pingTimeout,
      ].min() ?? .seconds(4)
    let every = TimeAmount.nanoseconds(
      max(10_000_000, min(1_000_000_000, shortest.nanoseconds / 4)))
    let shared = shared
    let tasks = group.makeIterator().map { loop in
      loop.scheduleRepeatedTask(initialDelay: every, delay: every) { _ in
        let now = NIODeadline.now()
        for connection in shared.connections where connection.eventLoop === loop {
          connection.check(now: now)
        }
      }
    }
    clocks.withLock { $0 = tasks }
  }

  /// Stops accepting, announces the end (GOAWAY), lets the calls under way finish, then closes.
  /// - Parameter deadline: after it what still runs is cut off; handlers are waited for in any case.
  package func shutdownGracefully(deadline: Duration) async {
    let channel = listener.withLock { listener -> (any Channel)? in
      defer { listener = nil }
      return listener
    }
    // A listener that is closed already is what we want.
    try? await channel?.close().get()
    await localListener.withLock { $0.take() }?.end()
    shared.state.withLock { $0.isShuttingDown = true }
    for connection in shared.connections { connection.beginShutdown() }
    let shared = shared
    let cut = group.next().scheduleTask(in: TimeAmount(deadline)) {
      for connection in shared.connections {
        connection.closeNow("the server is shutting down")
      }
    }
    await shared.untilEmpty()
    cut.cancel()
    for clock in clocks.withLock({ $0 }) { clock.cancel() }
  }

  /// Cuts off the connections of certain peers, for example of a node that was revoked.
  package func closeConnections(
    reason: String, where matches: @escaping @Sendable (PeerIdentity?) -> Bool
  ) {
    for connection in shared.connections { connection.closeNow(reason, where: matches) }
  }
}
