internal import Synchronization

/// Tells watchers that the picture changed. Each watcher compares the picture with what it was last
/// sent, so a slow one is sent less, and nothing is queued for it.
final class HealthHub: Sendable {
  private struct State {
    var nextID: UInt64 = 1
    var watchers: [UInt64: AsyncStream<Void>.Continuation] = [:]
  }

  private let state = Mutex(State())

  func changed() {
    let watchers = state.withLock { Array($0.watchers.values) }
    for watcher in watchers { watcher.yield() }
  }

  /// A signal a change, coalesced; it ends with the reader.
  func changes() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      defer { state.nextID += 1 }
      state.watchers[state.nextID] = continuation
      return state.nextID
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) }
    }
    continuation.yield()
    return stream
  }

  /// Ends all watchers: the coordinator leaves.
  func finish() {
    let watchers = state.withLock { state in
      defer { state.watchers = [:] }
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.finish() }
  }
}
