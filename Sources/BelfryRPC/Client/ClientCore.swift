internal import BelfryNet
internal import NIOCore
internal import NIOPosix

/// Keeps one connection to the server: makes it when a call wants it, makes it anew when it was
/// lost, waits between failures. Of several targets it takes the first that answers, in their order, and
/// begins with the first again after a loss. Confined to its loop; only `RPCClient` refers to it from outside.
final class ClientCore: @unchecked Sendable {
  private enum State {
    case idle
    case connecting
    case ready(ClientConnection)
    /// The last attempt failed; none is made before the time.
    case waiting(until: NIODeadline, RPCConnectError)
    case closed
  }

  let eventLoop: any EventLoop
  private let targets: [RPCTarget]
  /// The one being tried, and why those before it did not do.
  private var nextTarget = 0
  private var failures: [RPCConnectError] = []
  private let transport: ClientTransport
  private let options: RPCClient.Options
  /// Of the next connection.
  private var keepalive: RPCKeepalive?
  private var state = State.idle
  private var backoff: Backoff
  private var retryTimer: Scheduled<Void>?
  private var waiting: [ObjectIdentifier: ClientCall] = [:]
  private var order: [ObjectIdentifier] = []
  private var connectWaiters: [(Result<Void, RPCConnectError>) -> Void] = []
  /// Channels being connected, and the one that has won.
  private var attempts: [ObjectIdentifier: ClientConnection] = [:]
  private var current: ClientConnection?
  private var connections: [ObjectIdentifier: ClientConnection] = [:]
  private var closeWaiters: [() -> Void] = []

  init(
    eventLoop: any EventLoop, targets: [RPCTarget], transport: ClientTransport,
    options: RPCClient.Options
  ) {
    self.eventLoop = eventLoop
    self.targets = targets
    self.transport = transport
    self.options = options
    keepalive = options.keepalive
    backoff = Backoff(first: options.backoffFirst, longest: options.backoffMax)
  }

  // MARK: From the client, on the loop

  func submit(_ call: ClientCall) {
    guard !call.isOver else { return }
    call.armDeadline()
    switch state {
    case .ready(let connection) where connection.takesCalls: call.begin(on: connection)
    case .ready, .idle:
      enqueue(call)
      connect()
    case .connecting: enqueue(call)
    case .waiting(let until, let error):
      if until <= .now() {
        enqueue(call)
        connect()
      } else if call.options.waitForReady {
        enqueue(call)
        retry(at: until)
      } else {
        call.fail(RPCStatus(.unavailable, "\(error)"))
      }
    case .closed: call.fail(RPCStatus(.unavailable, "the client is closed"))
    }
  }

  /// Reports the result of the connection there is, or of the next attempt.
  func whenConnected(_ report: @escaping (Result<Void, RPCConnectError>) -> Void) {
    switch state {
    case .ready(let connection) where connection.takesCalls: report(.success(()))
    case .ready, .idle:
      connectWaiters.append(report)
      connect()
    case .connecting: connectWaiters.append(report)
    case .waiting(let until, _):
      connectWaiters.append(report)
      retry(at: until)
    case .closed: report(.failure(RPCConnectError(.closed, name, "client closed")))
    }
  }

  /// Of the connection that calls would go to now; empty when there is none.
  var binding: [UInt8] {
    if case .ready(let connection) = state { connection.binding } else { [] }
  }

  var datagramPath: RPCDatagramPath? {
    guard case .ready(let connection) = state, !connection.heartbeatKey.isEmpty,
      let address = connection.remoteAddress
    else { return nil }
    return RPCDatagramPath(key: connection.heartbeatKey, address: address)
  }

  func close(_ done: @escaping () -> Void) {
    if case .closed = state {
    } else {
      state = .closed
      retryTimer?.cancel()
      let status = RPCStatus(.unavailable, "the client was closed")
      for call in takeWaiting() { call.fail(status) }
      report(.failure(RPCConnectError(.closed, name, "the client was closed")))
    }
    guard !connections.isEmpty else { return done() }
    closeWaiters.append(done)
    for connection in connections.values { connection.close("the client was closed") }
  }

  // MARK: From the connection

  func connectionReady(_ connection: ClientConnection) {
    guard case .connecting = state else { return connection.close("the client was closed") }
    state = .ready(connection)
    backoff.succeeded()
    beginRound()
    report(.success(()))
    for call in takeWaiting() { call.begin(on: connection) }
  }

  /// The server has announced its end: new calls go to a new connection.
  func connectionLeaving(_ connection: ClientConnection) {
    if case .ready(let current) = state, current === connection { state = .idle }
  }

  /// A server has ended a connection because we ask too much of it: of all things that we do unasked,
  /// only PINGs can be meant.
  func tooManyPings() { keepalive?.slowDown() }

  func connectionEnded(_ connection: ClientConnection, _ error: (any Error)?) {
    connections.removeValue(forKey: ObjectIdentifier(connection))
    if case .ready(let current) = state, current === connection {
      // The first attempt after a loss is made at once, when a call wants it.
      state = .idle
    } else if case .connecting = state, connection === current {
      failed(connectError(connection.target, error))
    }
    reportClosed()
  }

  // MARK: Private

  private func connect() {
    state = .connecting
    current = nil
    retryTimer?.cancel()
    retryTimer = nil
    let (transport, options, target) = (transport, options, targets[nextTarget])
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(TimeAmount(options.connectTimeout))
      .carryingHTTP2(outputBytesMax: options.limits.http2.outputBytesMax)
      .channelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture {
          // A name with several addresses is tried on several channels; one of them wins.
          let connection = ClientConnection(
            target: target, client: self, limits: options.limits.http2,
            keepalive: keepalive)
          attempts[ObjectIdentifier(channel)] = connection
          connections[ObjectIdentifier(connection)] = connection
          let handler = HTTP2Handler(
            connection.session, delegate: connection, timers: options.limits.timers)
          connection.handler = handler
          try channel.pipeline.syncOperations.addHandlers([
            transport.outerHandler(options.limits), handler,
          ])
        }
      }
    transport.connect(bootstrap, to: target, on: eventLoop)
      .whenComplete { [self] result in connected(target, result) }
  }

  /// TCP is there, or not; what follows is reported by the connection that has won.
  private func connected(_ target: RPCTarget, _ result: Result<any Channel, any Error>) {
    // Before the next target may be tried, which fills it anew.
    let attempts = attempts
    self.attempts.removeAll()
    defer { reportClosed() }
    switch result {
    case .success(let channel):
      current = attempts[ObjectIdentifier(channel)]
      current?.remoteAddress = channel.remoteAddress
      if case .connecting = state, let current, current.isClosed {
        failed(connectError(target, current.closeError))
      }
    case .failure(let error):
      for connection in attempts.values {
        connections.removeValue(forKey: ObjectIdentifier(connection))
      }
      if case .connecting = state { failed(RPCConnectError(target: target.description, error)) }
    }
  }

  private var name: String { targets.map(\.description).joined(separator: ", ") }

  private func beginRound() {
    nextTarget = 0
    failures.removeAll()
  }

  private func connectError(_ target: RPCTarget, _ error: (any Error)?) -> RPCConnectError {
    error.map { RPCConnectError(target: target.description, $0) }
      ?? RPCConnectError(.closed, target.description, "the server closed the connection")
  }

  private func reportClosed() {
    guard connections.isEmpty else { return }
    let waiters = closeWaiters
    closeWaiters.removeAll()
    for done in waiters { done() }
  }

  /// A target did not do: the next is tried, after the last all wait.
  private func failed(_ failure: RPCConnectError) {
    failures.append(failure)
    nextTarget += 1
    guard nextTarget == targets.count else { return connect() }
    let error = RPCConnectError(failures, last: failure)
    beginRound()
    let until = NIODeadline.now() + TimeAmount(backoff.failed(random: .random(in: 0...1)))
    state = .waiting(until: until, error)
    let calls = takeWaiting()
    for call in calls where call.options.waitForReady { enqueue(call) }
    if !waiting.isEmpty { retry(at: until) }
    report(.failure(error))
    for call in calls where !call.options.waitForReady {
      call.fail(RPCStatus(.unavailable, "\(error)"))
    }
  }

  private func retry(at time: NIODeadline) {
    guard retryTimer == nil else { return }
    retryTimer = eventLoop.scheduleTask(deadline: time) { [self] in
      retryTimer = nil
      if case .waiting = state, !waiting.isEmpty || !connectWaiters.isEmpty { connect() }
    }
  }

  private func enqueue(_ call: ClientCall) {
    guard waiting.count < options.waitingCallsMax else {
      return call.fail(
        RPCStatus(
          .resourceExhausted, "\(options.waitingCallsMax) calls wait for a connection already"))
    }
    let id = ObjectIdentifier(call)
    waiting[id] = call
    order.append(id)
    call.onOver = { [self] in
      waiting.removeValue(forKey: id)
      order.removeAll { $0 == id }
    }
  }

  private func takeWaiting() -> [ClientCall] {
    let calls = order.compactMap { waiting[$0] }
    waiting.removeAll()
    order.removeAll()
    for call in calls { call.onOver = nil }
    return calls
  }

  private func report(_ result: Result<Void, RPCConnectError>) {
    let waiters = connectWaiters
    connectWaiters.removeAll()
    for waiter in waiters { waiter(result) }
  }
}
