internal import BelfryNet
internal import NIOCore
internal import Synchronization

/// Lets so many lines into the log and counts the rest: who floods us does not flood the log.
package final class LineLimit: Sendable {
  private struct State {
    var bucket: TokenBucket
    var suppressed = 0
  }

  private let state: Mutex<State>

  package init(burst: Int, perSecond: Int) {
    state = Mutex(State(bucket: TokenBucket(burst: burst, perSecond: perSecond, now: .now())))
  }

  /// How many lines were left out since the last one; nil: this one is left out as well.
  package func take() -> Int? {
    state.withLock { state in
      guard state.bucket.take(now: .now()) else {
        state.suppressed += 1
        return nil
      }
      defer { state.suppressed = 0 }
      return state.suppressed
    }
  }
}
