internal import BelfryAPI
internal import BelfryCore
internal import Logging
internal import Synchronization

/// The tasks between the core and the store: each carries requests one way and answers back, and
/// decides nothing. They end when the coordinator does.
struct StoreTasks: Sendable {
  struct Streams: Sendable {
    let inserts: AsyncStream<(batch: UInt64, outcomes: [Outcome])>
    let finds: AsyncStream<(batch: UInt64, jobs: [JobID])>
    let lookups: AsyncStream<[Lookup]>
    let owes: AsyncStream<[Owe]>
    let settledOwed: AsyncStream<[OwedID]>
    let alerts: AsyncStream<AlertDesk.Event>
    let awaited: AsyncStream<Void>
  }

  /// How often owed publishes that are due are looked for.
  static let claimEvery = Duration.milliseconds(200)
  static let claimMax = 500
  static let checkEvery = Duration.seconds(2)
  static let clockDiffers = Duration.seconds(5)
  static let awaitedEvery = Duration.milliseconds(250)

  let store: any OutcomeStore & AlertStore
  let shell: CoreShell
  let sinks: [any AlertSink]
  let board: AlertBoard
  let logger: Logger

  /// The streams are unbounded, and what goes in is not: prefetch and slots hold it.
  static func make() -> (CoreShell.Outlets, Streams) {
    let inserts = AsyncStream.makeStream(of: (batch: UInt64, outcomes: [Outcome]).self)
    let finds = AsyncStream.makeStream(of: (batch: UInt64, jobs: [JobID]).self)
    let lookups = AsyncStream.makeStream(of: [Lookup].self)
    let owes = AsyncStream.makeStream(of: [Owe].self)
    let settledOwed = AsyncStream.makeStream(of: [OwedID].self)
    let alerts = AsyncStream.makeStream(of: AlertDesk.Event.self)
    let awaited = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    return (
      CoreShell.Outlets(
        inserts: inserts.continuation, finds: finds.continuation, lookups: lookups.continuation,
        owes: owes.continuation, settledOwed: settledOwed.continuation,
        alerts: alerts.continuation, awaited: awaited.continuation),
      Streams(
        inserts: inserts.stream, finds: finds.stream, lookups: lookups.stream, owes: owes.stream,
        settledOwed: settledOwed.stream, alerts: alerts.stream, awaited: awaited.stream)
    )
  }

  func add(
    to tasks: inout ThrowingTaskGroup<Void, any Error>, _ streams: Streams, claimant: String
  ) {
    tasks.addTask {
      for await (batch, outcomes) in streams.inserts {
        shell.post(.inserted(batch: batch, await store.insert(outcomes)))
      }
    }
    tasks.addTask {
      for await (batch, jobs) in streams.finds {
        shell.post(.found(batch: batch, await store.find(jobs)))
      }
    }
    tasks.addTask { for await lookups in streams.lookups { await look(lookups) } }
    tasks.addTask { for await owes in streams.owes { await owe(owes) } }
    tasks.addTask { for await ids in streams.settledOwed { await store.settleOwed(ids) } }
    tasks.addTask { await keepDesk(streams.alerts, as: claimant) }
    tasks.addTask { try await claim(as: claimant) }
    tasks.addTask { try await watch() }
    tasks.addTask { try await followTime() }
    tasks.addTask {
      for await _ in streams.awaited { await lookFor(await shell.newlyAwaitedJobs()) }
    }
    tasks.addTask { try await lookForAwaited() }
  }

  private func look(_ lookups: [Lookup]) async {
    let answers = await store.find(lookups.map(\.job))
    shell.post(
      .lookedUp(zip(lookups, answers).map { (ticket: $0.ticket, answer: $1) }))
  }

  private func owe(_ owes: [Owe]) async {
    let answers = await store.owe(owes.map(Outgoing.owed))
    shell.post(.owed(zip(owes, answers).map { (id: $0.id, answer: $1) }))
  }

  /// Claims what is due, when the broker would take it.
  private func claim(as claimant: String) async throws {
    while true {
      try await Task.sleep(for: Self.claimEvery)
      guard await shell.canPublish else { continue }
      let items = await store.claimOwed(limit: Self.claimMax, claimant: claimant)
      if !items.isEmpty { shell.post(.claimed(items)) }
    }
  }

  private func watch() async throws {
    while true {
      shell.post(.storeAsked)
      let problem = await store.check()
      shell.post(.storeAnswered(problem))
      try await Task.sleep(for: Self.checkEvery)
    }
  }

  /// By the store's clock all is judged; that this machine's own is wrong is said once.
  private func followTime() async throws {
    var said = Duration.zero
    while true {
      if let ahead = await shell.clock.follow({ await store.time() }) {
        let change = ahead - said
        if change >= Self.clockDiffers || .zero - change >= Self.clockDiffers {
          said = ahead
          logger.warning(
            "this machine's clock is not the store's; times are judged by the store's",
            metadata: ["aheadMs": "\(ahead.millisecondsClamped)"])
        }
      }
      try await Task.sleep(for: ClusterClock.askEvery)
    }
  }

  /// Jobs that somebody waits for may be settled by another coordinator: one read for all of them.
  private func lookForAwaited() async throws {
    while true {
      try await Task.sleep(for: Self.awaitedEvery)
      await lookFor(await shell.awaitedJobs())
    }
  }

  private func lookFor(_ jobs: [JobID]) async {
    guard !jobs.isEmpty else { return }
    let outcomes = await store.find(jobs).compactMap { answer -> Outcome? in
      if case .found(let outcome) = answer { outcome } else { nil }
    }
    await shell.found(outcomes)
  }

  /// Carries out what the desk decides. Recording is a task of its own, or a store that hangs would
  /// hold up the alert that says so.
  private func keepDesk(_ events: AsyncStream<AlertDesk.Event>, as releaser: String) async {
    var desk = AlertDesk()
    // Answers that came after the end.
    let late = Mutex<[AlertDesk.Event]>([])
    let answer = { @Sendable (event: AlertDesk.Event) in
      if !shell.heard(event) { late.withLock { $0.append(event) } }
    }
    await withDiscardingTaskGroup { tasks in
      for await event in events {
        desk.heard(event, at: shell.clock.now().wall)
        if board.desk(has: desk.openAlerts) { shell.health.changed() }
        // Each time: that none is open, as at most starts, is no change, and news to them.
        if desk.hasRead { for sink in sinks { sink.know(open: desk.openAlerts) } }
        while let step = desk.next() {
          switch step {
          case .send(let alert): await send { await $0.send(alert) }
          case .tell(let notice): await send { await $0.tell(notice) }
          case .record(let alert):
            tasks.addTask { answer(await record(alert)) }
          case .release(let alert):
            tasks.addTask {
              let isOurs = await store.releaseAlert(alert.id, by: releaser)
              answer(.released(isOurs))
            }
          }
        }
      }
    }
    // The store says that this coordinator tells of it: nobody else will.
    for event in late.withLock({ $0 }) {
      desk.heard(event, at: shell.clock.now().wall)
      while let step = desk.next() {
        switch step {
        case .send(let alert): await send { await $0.send(alert) }
        case .tell(let notice): await send { await $0.tell(notice) }
        // Who is there then looks at it.
        case .record, .release: continue
        }
      }
    }
  }

  /// Also when this coordinator has been told to stop meanwhile: a task that is cancelled writes nothing.
  private func send(_ body: @escaping @Sendable (any AlertSink) async -> Void) async {
    await Task { [sinks] in for sink in sinks { await body(sink) } }.value
  }

  private func record(_ alert: Alert) async -> AlertDesk.Event {
    guard alert.state == .resolved else { return .recorded(await store.openAlert(alert)) }
    let isOurs = await store.closeAlert(alert)
    guard isOurs == true, let end = alert.resolvedAt else { return .recorded(isOurs) }
    // Closed, it does not change any more.
    let closed = try? await store.resolvedAlerts(since: end, limit: 100).get()
    return .recorded(true, closed: closed?.first { $0.id == alert.id })
  }
}
