internal import BelfryAPI
internal import BelfryCore
internal import Logging
internal import NIOCore
internal import Synchronization

/// Owns the worker's core: one actor on the session's loop, a thread that handlers never use, so that
/// one that burns the CPU cannot silence its worker. Nothing is decided here.
actor WorkerShell {
  /// What leaves the loop for the tasks that talk to the store.
  struct Outlets: Sendable {
    let inserts: AsyncStream<(batch: UInt64, outcomes: [Outcome])>.Continuation
    let finds: AsyncStream<(batch: UInt64, jobs: [JobID])>.Continuation
    let stores: AsyncStream<String>.Continuation
    let wedged: AsyncStream<Void>.Continuation
    let links: AsyncStream<CoordinatorLinks.Event>.Continuation
  }

  private struct Inbox {
    var inputs: [WorkerCore.Input] = []
    var isScheduled = false
  }

  private struct Streams {
    var next: UInt64 = 1
    var open: [SessionID: SessionClient] = [:]
    /// The worker has left: what is opened now is finished at once.
    var isClosed = false
  }

  /// A handler's task, kept so that it can be cancelled and is awaited at the end.
  private struct Running {
    let task: Task<Void, Never>
    let timeout: Duration?
    let startedAt: WallTime
    let isOver: Flag
    /// When it is cancelled, and then when it is given up: looked at with each tick, since a timer a
    /// job costs more than all else that is done here for a short one.
    var deadline: Instant?
    var isTimedOut = false
    var isGivenUp = false
  }

  /// Set when the handler has returned: what is left to do for its result is not the handler's time.
  private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
  }

  /// How long a cancelled Swift handler may go on before it is given up.
  static let grace = Duration.seconds(5)

  nonisolated let loop: any EventLoop
  nonisolated let datagrams: SessionDatagrams
  private nonisolated let executor: any SerialExecutor
  private nonisolated let inbox = Mutex(Inbox())
  private nonisolated let streams = Mutex(Streams())
  /// What handlers said last and was not told yet: at most one a run, whatever they say.
  private nonisolated let progress = Mutex([AssignmentID: JobProgress]())

  private var core: WorkerCore
  private let handlers: [Kind: JobHandler]
  private let defaultTimeout: Duration?
  private let keeper: ResultKeeper
  private let lastWords: LastWords?
  private let outlets: Outlets
  private let clock: ClusterClock
  private let logger: Logger
  private var running: [AssignmentID: Running] = [:]
  private var drained: CheckedContinuation<Void, Never>?
  private var hasDrained = false
  private var isLeaving = false
  /// When a task was handed to the handlers' pool that it has not run yet.
  private var probedAt: Instant?

  init(
    core: WorkerCore, handlers: [Kind: JobHandler], defaultTimeout: Duration?,
    keeper: ResultKeeper, lastWords: LastWords?, outlets: Outlets, clock: ClusterClock,
    loop: any EventLoop, logger: Logger
  ) {
    self.core = core
    self.handlers = handlers
    self.defaultTimeout = defaultTimeout
    self.keeper = keeper
    self.lastWords = lastWords
    self.outlets = outlets
    self.clock = clock
    self.loop = loop
    self.logger = logger
    datagrams = SessionDatagrams(group: loop, logger: logger)
    executor = loop.executor
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  // MARK: inputs

  /// Every 100 ms.
  nonisolated func tick() {
    post(.tick)
    let news = progress.withLock { progress in
      defer { progress = [:] }
      return progress
    }
    if !news.isEmpty {
      post(.progressed(news.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    }
  }

  /// Takes an input from any thread; a batch costs one wake-up.
  nonisolated func post(_ input: WorkerCore.Input) {
    let mustWake = inbox.withLock { inbox in
      inbox.inputs.append(input)
      defer { inbox.isScheduled = true }
      return !inbox.isScheduled
    }
    if mustWake { loop.execute { self.assumeIsolated { $0.takeInbox() } } }
  }

  private func takeInbox() {
    let inputs = inbox.withLock { inbox in
      inbox.isScheduled = false
      var taken: [WorkerCore.Input] = []
      swap(&taken, &inbox.inputs)
      return taken
    }
    #if DEBUG
      WorkerFailpoints.hear(inputs)
    #endif
    let now = clock.now()
    var sends: [SessionID: [WorkerMessage]] = [:]
    for input in inputs {
      if case .tick = input {
        probe(at: now.monotonic)
        endOverdue(at: now.monotonic)
        core.machineWall = ProcessClock.now().wall
      }
      let ready = core.step(input, at: now)
      for (session, message) in ready.sends { sends[session, default: []].append(message) }
      perform(ready)
      if case .handlerEnded(let assignment, _) = input { ended(assignment) }
    }
    for (session, messages) in sends.sorted(by: { $0.key < $1.key }) {
      #if DEBUG
        WorkerFailpoints.send(messages)
      #endif
      stream(session)?.send(messages)
      #if DEBUG
        WorkerFailpoints.sent(messages)
      #endif
    }
  }

  /// Asks the handlers' pool for a sign of life: one task at a time, which does nothing.
  private func probe(at now: Instant) {
    core.stuck = probedAt.map { now - $0 } ?? .zero
    guard probedAt == nil else { return }
    probedAt = now
    Task.detached { [self] in loop.execute { self.assumeIsolated { $0.probedAt = nil } } }
  }

  // MARK: effects

  private func perform(_ ready: WorkerCore.Ready) {
    #if DEBUG
      WorkerFailpoints.perform(ready)
    #endif
    for assign in ready.starts { start(assign) }
    for assignment in ready.ends { running[assignment]?.task.cancel() }
    for request in ready.records {
      switch request {
      case .insert(let batch, let outcomes): outlets.inserts.yield((batch, outcomes))
      case .find(let batch, let jobs): outlets.finds.yield((batch, jobs))
      }
    }
    for coordinator in ready.silent {
      logger.warning(
        "nothing is heard of the coordinator: it is gone, or the way from it is cut",
        metadata: [
          "coordinator": "\(coordinator)", "for": "\(WorkerCore.silenceTold.secondsText)",
        ])
    }
    for session in ready.closes { takeStream(session)?.giveUp("no word from the coordinator") }
    datagrams.send(ready.beats)
    datagrams.end(ready.beatsOver)
    for session in ready.renews { stream(session)?.renew() }
    if ready.isWedged {
      logger.critical("wedged: half of the slots are taken by handlers that do not end")
      outlets.wedged.yield()
    }
    for step in ready.links { outlets.links.yield(.step(step)) }
    if let learned = ready.learned { outlets.links.yield(.learned(learned)) }
    if let store = ready.store { outlets.stores.yield(store) }
    if ready.hasDrained, !hasDrained {
      hasDrained = true
      drained?.resume()
      drained = nil
    }
  }

  // MARK: handlers

  private func start(_ assign: Assign) {
    guard let handler = handlers[assign.job.kind] else { return }
    let assignment = assign.assignment
    let run = HandlerRun(
      assign, handler, defaultTimeout: defaultTimeout, logger: logger, lastWords: lastWords,
      now: { [clock] in clock.now().wall },
      report: { [self] news in progress.withLock { $0[assignment] = news } })
    let hasStore = core.hasStore
    let isOver = Flag()
    let task = Task.detached { [self] in
      let ended = await run.run()
      isOver.set()
      let result = await keeper.keep(ended, of: assign, hasStore: hasStore)
      post(.handlerEnded(assignment, result))
    }
    let now = clock.now()
    var entry = Running(
      task: task, timeout: run.timeout, startedAt: now.wall, isOver: isOver)
    if case .swift = handler, let timeout = run.timeout {
      entry.deadline = now.monotonic + timeout
    }
    running[assignment] = entry
  }

  private func ended(_ assignment: AssignmentID) {
    guard let entry = running.removeValue(forKey: assignment) else { return }
    if entry.isGivenUp { post(.handlerReturned(assignment)) }
  }

  /// Handlers in Swift at their time-out: cancelled, and given up when that does not help.
  private func endOverdue(at now: Instant) {
    let overdue = running.filter { $0.value.deadline.map { now >= $0 } ?? false }
    for (assignment, entry) in overdue where !entry.isOver.isSet {
      guard let timeout = entry.timeout else { continue }
      if entry.isTimedOut {
        giveUp(assignment, entry, after: timeout)
      } else {
        post(.handlerTimedOut(assignment, after: timeout))
        entry.task.cancel()
        running[assignment]?.isTimedOut = true
        running[assignment]?.deadline = now + Self.grace
      }
    }
  }

  private func giveUp(_ assignment: AssignmentID, _ entry: Running, after timeout: Duration) {
    running[assignment]?.deadline = nil
    running[assignment]?.isGivenUp = true
    logger.error(
      "a handler does not end: its slot stays taken", metadata: ["assignment": "\(assignment)"])
    let failure = HandlerRun.timedOut(after: timeout, entry.startedAt, clock.now().wall)
    post(.handlerGivenUp(assignment, failure))
  }

  // MARK: sessions

  /// A stream to a coordinator is open; its first message is the core's hello. From any thread.
  nonisolated func open(_ stream: SessionClient, coordinator: String) -> SessionID {
    let (id, isClosed) = streams.withLock { streams in
      let id = SessionID(streams.next)
      streams.next += 1
      if !streams.isClosed { streams.open[id] = stream }
      return (id, streams.isClosed)
    }
    guard !isClosed else {
      stream.finish()
      return id
    }
    post(.connected(id, coordinator: coordinator))
    return id
  }

  nonisolated func closed(_ session: SessionID) {
    _ = takeStream(session)
    post(.disconnected(session))
  }

  private nonisolated func takeStream(_ session: SessionID) -> SessionClient? {
    streams.withLock { $0.open.removeValue(forKey: session) }
  }

  private nonisolated func stream(_ session: SessionID) -> SessionClient? {
    streams.withLock { $0.open[session] }
  }

  nonisolated func closeSessions() {
    let all = streams.withLock { streams in
      defer { streams.open = [:] }
      streams.isClosed = true
      return streams.open.sorted { $0.key < $1.key }
    }
    for (_, stream) in all { stream.finish() }
    datagrams.close()
  }

  // MARK: leaving

  var report: NodeReport { core.report(isLeaving: isLeaving) }

  /// The process is to end.
  func leaves() { isLeaving = true }

  /// No new jobs; returns when all that runs has ended and is acknowledged, or `giveUpDraining`.
  func drain() async {
    post(.drain)
    if hasDrained { return }
    await withCheckedContinuation { drained = $0 }
  }

  func giveUpDraining() {
    drained?.resume()
    drained = nil
  }

  var status: WorkerStatus { core.status }

  var hasEnded: Bool { running.isEmpty }

  func cancelHandlers() {
    for entry in running.values { entry.task.cancel() }
  }

  /// Waits for handlers that still run, those that were given up excepted.
  func awaitHandlers() async {
    for entry in running.values where !entry.isGivenUp { await entry.task.value }
  }
}
