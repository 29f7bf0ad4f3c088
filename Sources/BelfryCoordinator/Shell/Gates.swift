internal import BelfryCore
internal import Logging
internal import NIOCore
internal import Synchronization

/// Why a coordinator could not start.
package struct StartError: Error, Sendable, CustomStringConvertible {
  package enum Cause: Sendable {
    /// Not reached within the wait: exit 69.
    case unavailable
    /// Waiting will not mend it: exit 78.
    case configuration
  }

  package let cause: Cause
  package let description: String
}

/// Waits at start until the store is there, and says once what it waits for.
struct StoreGate {
  let store: any OutcomeStore
  let logger: Logger

  func open(within wait: Duration) async throws {
    let deadline = ContinuousClock.now + wait
    var said = ""
    while let problem = try await check() {
      if problem.isPermanent {
        throw StartError(cause: .configuration, description: problem.message)
      }
      guard ContinuousClock.now < deadline else {
        throw StartError(
          cause: .unavailable, description: "after \(wait.shortText): \(problem.message)")
      }
      if said != problem.message {
        logger.warning("waiting for the store", metadata: ["why": "\(problem.message)"])
        said = problem.message
      }
      try await Task.sleep(for: .milliseconds(500))
    }
  }

  /// A check takes as long as the store's time-out; whoever is told to stop does not wait for it.
  private func check() async throws -> StoreProblem? {
    let answers = AsyncStream.makeStream(of: StoreProblem?.self)
    Task { [store] in answers.continuation.yield(await store.check()) }
    for await answer in answers.stream { return answer }
    throw CancellationError()
  }
}

/// Opens when the broker can be consumed from and published to.
final class BrokerGate: Sendable {
  private struct State {
    var isConsuming = false
    var isPublishing = false
    var reason = "no answer yet"
  }

  private let state = Mutex(State())
  private let broker: String
  private let logger: Logger
  private let opened = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  /// - Parameter broker: what messages call it.
  init(broker: String, logger: Logger) {
    self.broker = broker
    self.logger = logger
  }

  /// From any thread.
  func heard(_ events: [QueueEvent]) {
    for event in events {
      switch event {
      case .consumingUp: note("consuming") { $0.isConsuming = true }
      case .publishingUp: note("publishing") { $0.isPublishing = true }
      case .consumingDown(_, let reason), .publishingDown(let reason):
        logger.warning("lost \(broker)", metadata: ["why": "\(reason)"])
      case .unavailable(let reason): unavailable(reason)
      case .blocked(let reason):
        logger.warning("\(broker) takes no messages", metadata: ["why": "\(reason)"])
      case .unblocked: logger.info("\(broker) takes messages again")
      case .consumerEnded(let queue):
        logger.warning("\(broker) ended a consumer", metadata: ["queue": "\(queue)"])
      case .attachedUp(_, let queue): logger.info("attached", metadata: ["queue": "\(queue)"])
      default: continue
      }
    }
  }

  private func note(_ what: String, _ change: (inout State) -> Void) {
    let isOpen = state.withLock { state in
      change(&state)
      return state.isConsuming && state.isPublishing
    }
    logger.info("\(broker) is there", metadata: ["for": "\(what)"])
    if isOpen { opened.continuation.yield() }
  }

  private func unavailable(_ reason: String) {
    let isNew = state.withLock { state in
      defer { state.reason = reason }
      return state.reason != reason
    }
    if isNew { logger.warning("waiting for \(broker)", metadata: ["why": "\(reason)"]) }
  }

  func open(within wait: Duration) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { tasks in
      tasks.addTask { [stream = opened.stream] in
        for await _ in stream { return true }
        return false
      }
      tasks.addTask {
        try await Task.sleep(for: wait)
        return false
      }
      let isOpen = try await tasks.next() ?? false
      tasks.cancelAll()
      try Task.checkCancellation()
      guard isOpen else {
        let reason = state.withLock(\.reason)
        throw StartError(
          cause: .unavailable, description: "after \(wait.shortText): \(broker): \(reason)")
      }
    }
  }
}
