internal import BelfryAPI
internal import BelfryCore
internal import Logging
internal import NIOCore
internal import Synchronization

/// Owns the core: one actor on one event loop. Inputs come from any thread through an inbox, a batch
/// costs one wake-up; the core steps through all of them, and the effects are performed together.
/// Nothing is decided here.
actor CoreShell {
  /// What leaves the loop for the tasks that talk to the store.
  struct Outlets: Sendable {
    let inserts: AsyncStream<(batch: UInt64, outcomes: [Outcome])>.Continuation
    let finds: AsyncStream<(batch: UInt64, jobs: [JobID])>.Continuation
    let lookups: AsyncStream<[Lookup]>.Continuation
    let owes: AsyncStream<[Owe]>.Continuation
    let settledOwed: AsyncStream<[OwedID]>.Continuation
    let alerts: AsyncStream<AlertDesk.Event>.Continuation
    /// Somebody waits for a job who did not before.
    let awaited: AsyncStream<Void>.Continuation
  }

  private struct Inbox {
    var inputs: [Input] = []
    var isScheduled = false
  }

  private struct Streams {
    var next: UInt64 = 1
    var open: [SessionID: SessionStream] = [:]
  }

  nonisolated let loop: any EventLoop
  private nonisolated let executor: any SerialExecutor
  private nonisolated let inbox = Mutex(Inbox())
  private nonisolated let streams = Mutex(Streams())
  /// Nil: heartbeats on the streams only.
  nonisolated let datagrams: SessionDatagrams?
  nonisolated let health: HealthFeed
  nonisolated let clock: ClusterClock

  private var core: ClusterCore
  private let queue: any JobQueue
  private nonisolated let outlets: Outlets
  private let logger: Logger
  private var nextToken: UInt64 = 1
  private var answers: [UInt64: (Answer) -> Void] = [:]
  private var waiters = OutcomeWaiters()
  private var drained: CheckedContinuation<Void, Never>?
  private(set) var isServing = false
  #if DEBUG
    private var failpoints = CoordinatorFailpoints()
  #endif

  init(
    core: ClusterCore, queue: any JobQueue, outlets: Outlets, health: HealthFeed,
    clock: ClusterClock, datagrams: SessionDatagrams?, loop: any EventLoop, logger: Logger
  ) {
    self.core = core
    self.queue = queue
    self.outlets = outlets
    self.health = health
    self.clock = clock
    self.datagrams = datagrams
    self.loop = loop
    self.logger = logger
    executor = loop.executor
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  // MARK: inputs

  /// Takes an input from any thread.
  nonisolated func post(_ input: Input) { post([input]) }

  nonisolated func post(_ inputs: [Input]) {
    guard !inputs.isEmpty else { return }
    let mustWake = inbox.withLock { inbox in
      inbox.inputs.append(contentsOf: inputs)
      defer { inbox.isScheduled = true }
      return !inbox.isScheduled
    }
    if mustWake { loop.execute { self.assumeIsolated { $0.takeInbox() } } }
  }

  private func takeInbox() {
    let inputs = inbox.withLock { inbox in
      inbox.isScheduled = false
      var taken: [Input] = []
      swap(&taken, &inbox.inputs)
      return taken
    }
    step(inputs)
  }

  private func step(_ inputs: [Input]) {
    #if DEBUG
      failpoints.hear(inputs)
    #endif
    let now = clock.now()
    var batch = EffectBatch()
    for input in inputs { batch.add(core.step(input, at: now)) }
    perform(batch, at: now)
  }

  // MARK: effects

  private func perform(_ batch: EffectBatch, at now: Now) {
    let ready = batch.ready
    #if DEBUG
      failpoints.perform(ready)
    #endif
    let commands = batch.commands()
    if !commands.isEmpty { queue.perform(commands) }
    for request in ready.records {
      switch request {
      case .insert(let number, let outcomes): outlets.inserts.yield((number, outcomes))
      case .find(let number, let jobs): outlets.finds.yield((number, jobs))
      }
    }
    if !ready.lookups.isEmpty { outlets.lookups.yield(ready.lookups) }
    if !ready.owes.isEmpty { outlets.owes.yield(ready.owes) }
    if !ready.settledOwed.isEmpty { outlets.settledOwed.yield(ready.settledOwed) }
    for (session, messages) in batch.sendsBySession() {
      stream(session)?.send(messages)
    }
    for (session, why) in ready.closes { takeStream(session)?.close(why) }
    datagrams?.send(ready.beats)
    datagrams?.end(ready.beatsOver)
    #if DEBUG
      failpoints.performed(ready)
    #endif
    if let isUp = ready.storeIsUp { outlets.alerts.yield(.storeIs(up: isUp)) }
    for alert in ready.alerts { outlets.alerts.yield(.raised(alert)) }
    for notice in ready.notices { outlets.alerts.yield(.happened(notice)) }
    if ready.settled.contains(where: { $0.state == .failed }) {
      outlets.alerts.yield(.died(ready.settled.filter { $0.state == .failed }))
    }
    for answer in ready.answers { self.answer(answer) }
    waiters.settled(ready.settled)
    if ready.healthChanged { health.changed() }
    if core.settlingCount == 0 {
      drained?.resume()
      drained = nil
    }
  }

  private func answer(_ answer: Answer) {
    let token =
      switch answer {
      case .submitted(let token, _), .cancelled(let token, _, _): token
      }
    answers.removeValue(forKey: token)?(answer)
  }

  // MARK: sessions

  /// A worker has said hello: its stream is known from now on. From any thread.
  /// - Parameter heartbeatKey: of its connection; empty: there is none.
  nonisolated func open(
    _ stream: SessionStream, _ hello: Hello, from address: String, heartbeatKey: [UInt8]
  ) -> SessionID {
    let id = streams.withLock { streams in
      let id = SessionID(streams.next)
      streams.next += 1
      streams.open[id] = stream
      return id
    }
    logger.info(
      "session opened",
      metadata: [
        "worker": "\(hello.worker)", "boot": "\(hello.boot)", "from": "\(address)",
        "holding": "\(hello.holding.count)",
      ])
    let offer = hello.datagrams ? datagrams?.open(id, key: heartbeatKey) : nil
    post(.sessionOpened(id, hello, from: address, datagrams: offer))
    return id
  }

  nonisolated func close(_ session: SessionID, why: String, _ end: SessionEnd = .closed) {
    guard takeStream(session) != nil else { return }
    logger.info("session closed", metadata: ["session": "\(session.number)", "why": "\(why)"])
    post(.sessionClosed(session, why: why, end))
  }

  private nonisolated func takeStream(_ session: SessionID) -> SessionStream? {
    streams.withLock { $0.open.removeValue(forKey: session) }
  }

  private nonisolated func stream(_ session: SessionID) -> SessionStream? {
    streams.withLock { $0.open[session] }
  }

  /// Ends every session: workers keep what runs and come back to whoever is there.
  nonisolated func closeSessions(_ why: String) {
    let all = streams.withLock { streams in
      defer { streams.open = [:] }
      return streams.open.sorted { $0.key < $1.key }
    }
    for (_, stream) in all { stream.close(why) }
  }

  // MARK: jobs

  /// Publishes each job; one verdict each, in order, when the broker has answered for all.
  func submit(_ messages: [JobMessage]) async -> [SubmitAnswer] {
    guard !messages.isEmpty else { return [] }
    return await withCheckedContinuation { continuation in
      var verdicts = [SubmitAnswer](repeating: .accepted, count: messages.count)
      var outstanding = messages.count
      var inputs: [Input] = []
      for (index, message) in messages.enumerated() {
        let token = nextToken
        nextToken += 1
        answers[token] = { answer in
          if case .submitted(_, let verdict) = answer { verdicts[index] = verdict }
          outstanding -= 1
          if outstanding == 0 { continuation.resume(returning: verdicts) }
        }
        inputs.append(.submitted(token: token, message))
      }
      step(inputs)
    }
  }

  /// Records `cancelled`, and returns what the store then holds: that, or the outcome that was first.
  func cancel(_ job: JobID, by: String) async -> (outcome: Outcome, wasHeld: Bool) {
    await withCheckedContinuation { continuation in
      let token = nextToken
      nextToken += 1
      answers[token] = { answer in
        guard case .cancelled(_, let outcome, let wasSeen) = answer else { return }
        continuation.resume(returning: (outcome, wasSeen))
      }
      step([.cancelled(token: token, job, by: by)])
    }
  }

  func places(_ filter: JobFilter) -> [(id: JobID, place: JobPlace)] {
    guard filter.wantsQueued || filter.wantsRunning else { return [] }
    let ids = filter.outcomes.ids.isEmpty ? nil : filter.outcomes.ids
    return core.places(limit: filter.limit, among: ids) { job, place in
      (place.state == "running" ? filter.wantsRunning : filter.wantsQueued)
        && (filter.outcomes.worker == nil || place.worker == filter.outcomes.worker)
        && filter.outcomes.matches(job.id, job.kind, job.lane, job.requires)
    }
  }

  func lane(_ name: Lane) -> HealthPicture.LaneItem? {
    core.health(at: clock.now()).lanes.first { $0.name == name }
  }

  /// Counts what people have changed here: a list that was read before is older than it.
  private(set) var peoplesChanges: UInt64 = 0

  func take(_ pauses: [LanePause]) {
    peoplesChanges += 1
    step([.pausesRead(pauses)])
  }

  func take(_ purges: [LanePurge]) {
    peoplesChanges += 1
    step([.purgesRead(purges)])
  }

  func purged(_ lane: Lane) -> Int { core.purged(lane) }

  func take(_ controls: [NodeControl]) {
    peoplesChanges += 1
    step([.controlsRead(controls)])
  }

  func take(attached queues: [String]) {
    peoplesChanges += 1
    step([.attachmentsRead(queues)])
  }

  func isConsumed(_ queue: String) -> Bool { core.isConsumed(queue) }

  var firingAlerts: [Alert] { core.firingAlerts }

  /// Lists from a poll, unless somebody has changed something here since it began.
  func take(readAt changes: UInt64, _ lists: @Sendable () -> [Input]) {
    if changes == peoplesChanges { step(lists()) }
  }

  /// Why the store cannot be asked now; nil when it can.
  var storeProblem: String? { core.storeProblem }

  var cancelCount: Int { core.cancelCount }

  func place(of job: JobID) -> JobPlace? { core.place(of: job) }

  /// Waits for an outcome that this coordinator announces or the store has. The store is asked once
  /// the wait has begun: so an outcome of this very moment is not missed.
  func awaitOutcome(of job: JobID) async -> Outcome? {
    let id = waiters.newID()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled {
          continuation.resume(returning: nil)
        } else {
          waiters.add(id, job, continuation)
          outlets.awaited.yield()
        }
      }
    } onCancel: {
      self.loop.execute { self.assumeIsolated { $0.waiters.cancel(id) } }
    }
  }

  /// Jobs somebody waits for: the store is asked for them, since another coordinator may settle them.
  func awaitedJobs() -> [JobID] { waiters.jobs }
  /// Those of them that the store has not been asked for yet.
  func newlyAwaitedJobs() -> [JobID] { waiters.takeNewJobs() }
  func found(_ outcomes: [Outcome]) { waiters.settled(outcomes) }

  /// What the desk of alerts must know, other than the alerts. From any thread.
  /// False: the desk hears nothing any more.
  @discardableResult
  nonisolated func heard(_ event: AlertDesk.Event) -> Bool {
    if case .terminated = outlets.alerts.yield(event) { false } else { true }
  }

  // MARK: health and leaving

  /// Calls are answered from now on.
  func serves() { isServing = true }
  var report: NodeReport { core.report(isServing: isServing) }

  /// What this coordinator says of itself to the others.
  var record: CoordinatorRecord { core.record(at: clock.now()) }

  var missesCoordinator: Bool { core.missesCoordinator(at: clock.now().monotonic) }

  /// Where workers reach coordinators.
  var coordinatorAddresses: [CoordinatorAddress] { core.coordinatorAddresses }

  func picture() -> HealthPicture { core.health(at: clock.now()) }

  /// What metrics are made of, all of one moment.
  func look() -> Coordinator.Look {
    let now = clock.now()
    return Coordinator.Look(picture: core.health(at: now), lanes: core.laneTimes(at: now))
  }

  var canPublish: Bool { core.canPublish }

  /// Takes no more from now on.
  func beginDraining() { step([.drain]) }

  /// Returns when every set that was being settled is.
  func drain() async {
    if core.settlingCount == 0 { return }
    await withCheckedContinuation { drained = $0 }
  }

  func endDraining() {
    drained?.resume()
    drained = nil
  }
}
