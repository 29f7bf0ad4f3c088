package import BelfryCore
internal import Synchronization

/// The port `JobQueue` on an embedded file: what RabbitMQ does, within this process.
///
/// Several may share one engine, as several coordinators share a broker. Events come from the engine's
/// thread, in the order in which things happened; a publish is confirmed when it is on the disk.
package final class EmbeddedQueue: JobQueue {
  private struct State {
    var link: Int?
    /// What was published before there was a connection.
    var held: [QueueCommand] = []
    var lastGeneration: UInt64 = 0
  }

  private static let lastLink = Atomic(0)

  private let engine: EmbeddedEngine
  private let lanes: [Lane]
  private let state = Mutex(State())

  package init(engine: EmbeddedEngine, lanes: [Lane]) {
    self.engine = engine
    self.lanes = lanes
  }

  package func run(_ deliver: @escaping @Sendable ([QueueEvent]) -> Void) async {
    let link = Self.lastLink.add(1, ordering: .relaxed).newValue
    open(link, deliver)
    // Nobody yields: it ends when the task is cancelled.
    let (cancelled, never) = AsyncStream<Void>.makeStream()
    for await _ in cancelled {}
    never.finish()
    await close(link)
  }

  package func perform(_ commands: [QueueCommand]) {
    let link = state.withLock { state in
      if state.link == nil {
        state.held += commands.filter { if case .publish = $0 { true } else { false } }
      }
      return state.link
    }
    if let link { put(commands, link) }
  }

  // MARK: private

  /// Under the lock: who hears that it is open asks for something at once, on the engine's thread, and that is
  /// for this connection.
  private func open(_ link: Int, _ deliver: @escaping @Sendable ([QueueEvent]) -> Void) {
    state.withLock { state in
      add(link, lastGeneration: state.lastGeneration, deliver)
      state.link = link
      if !state.held.isEmpty { put(state.held, link) }
      state.held = []
    }
  }

  private func add(
    _ link: Int, lastGeneration last: UInt64,
    _ deliver: @escaping @Sendable ([QueueEvent]) -> Void
  ) {
    let lanes = lanes
    engine.put(
      Work(isSynced: { _ in true }) { core throws(SQLiteFailure) in
        try core.broker.addLink(
          link,
          Broker.Link(lanes: lanes, lastGeneration: last, deliver: deliver))
      } finish: { core, failure in
        guard let failure else { return }
        // It opens when writes go through again.
        core.broker.links[link] = Broker.Link(
          lanes: lanes, lastGeneration: last, deliver: deliver)
        core.broker.say(.unavailable(reason: failure.message), to: link)
      })
  }

  private func put(_ commands: [QueueCommand], _ link: Int) {
    engine.put(
      Work(isSynced: { core in commands.contains { core.broker.isPromise($0) } }) {
        core throws(SQLiteFailure) in
        for command in commands { try core.broker.obey(command, link) }
      } finish: { core, failure in
        guard let failure else { return }
        for case .publish(let messages) in commands {
          let unknown = messages.map { Published($0.id, .unknown(failure.message)) }
          core.broker.say(.published(unknown), to: link)
        }
      })
  }

  private func close(_ link: Int) async {
    state.withLock { $0.link = nil }
    await withCheckedContinuation { continuation in
      let isTaken = engine.put(
        Work(isSynced: { _ in false }) { core throws(SQLiteFailure) in
          try core.broker.closeChannels(of: link)
        } finish: { [self] core, _ in
          let link = core.broker.links.removeValue(forKey: link)
          state.withLock { $0.lastGeneration = link?.lastGeneration ?? $0.lastGeneration }
          continuation.resume()
        })
      if !isTaken { continuation.resume() }
    }
  }
}

/// What somebody else does at the broker: a stranger, an operator.
extension EmbeddedEngine {
  /// Makes a queue if there is none of that name.
  package func declareQueue(_ name: String) async {
    await change { broker throws(SQLiteFailure) in try broker.declareQueue(name) }
  }

  package func deleteQueue(_ name: String) async {
    await change { broker throws(SQLiteFailure) in try broker.deleteQueue(name) }
  }

  /// Keys of a topic exchange may have `*` for one word and `#` for any number.
  package func bind(_ queue: String, to exchange: String, key: String) async {
    await change { broker throws(SQLiteFailure) in
      try broker.bind(queue, to: exchange, key: key)
    }
  }

  package func publish(_ message: QueueMessage, exchange: String = "", key: String) async {
    await change { broker throws(SQLiteFailure) in
      _ = try broker.route(message, exchange, key)
    }
  }

  /// Ends every connection; they come back at once.
  package func closeConnections(_ reason: String = "closed by the operator") async {
    await change { broker throws(SQLiteFailure) in try broker.reconnect(reason) }
  }

  private func change(
    _ body: @escaping @Sendable (Broker) throws(SQLiteFailure) -> Void
  ) async {
    await withCheckedContinuation { continuation in
      let isTaken = put(
        Work(isSynced: { _ in true }) { core throws(SQLiteFailure) in
          try body(core.broker)
        } finish: { _, _ in
          continuation.resume()
        })
      if !isTaken { continuation.resume() }
    }
  }
}

extension EmbeddedEngine {
  /// How many messages lie in queues, given out and not acked included; what was rejected is none of them.
  package func waitingJobs() async -> Int {
    let count = await perform(isSynced: false) { database throws(SQLiteFailure) in
      try database.number(
        """
        SELECT count(*) FROM messages JOIN queues ON queues.number = messages.place >> 40
        WHERE queues.name <> ?1
        """, .text(QueueTopology.rejected))
    }
    // For a sentence: not answered is none.
    return Int((try? count.get()) ?? 0)
  }
}
