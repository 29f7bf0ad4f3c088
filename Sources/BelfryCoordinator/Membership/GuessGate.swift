internal import BelfryAPI
internal import BelfryCore
internal import Synchronization

/// Lets tries through as `GuessLimit` says, and lets those wait for whom it is not yet known.
final class GuessGate: Sendable {
  private struct State {
    var limit = GuessLimit()
    var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
  }

  private let state = Mutex(State())

  /// Runs `body`, which looks at one try. Nobody waits here for longer than others' bodies take: there are
  /// at most as many as calls of one address are let in.
  /// - Parameters:
  ///   - isWrong: whether what `body` threw says that the try was wrong.
  ///   - refusal: what is thrown instead when it is not looked at for so long.
  func run<Answer>(
    from address: String, isWrong: (any Error) -> Bool, refusal: (Duration) -> any Error,
    _ body: () async throws -> Answer
  ) async throws -> Answer {
    let network = GuessLimit.network(of: address)
    try await begin(network, refusal)
    do {
      let answer = try await body()
      settle(network, wasWrong: false)
      return answer
    } catch {
      settle(network, wasWrong: isWrong(error))
      throw error
    }
  }

  private func begin(_ network: String, _ refusal: (Duration) -> any Error) async throws {
    while true {
      let verdict = state.withLock { $0.limit.begin(network, at: ProcessClock.now().monotonic) }
      switch verdict {
      case .go: return
      case .wait(let duration): throw refusal(duration)
      case .busy: await untilSettled(network)
      }
    }
  }

  private func untilSettled(_ network: String) async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        // Between the verdict and now all may have been settled: nobody would wake us.
        let verdict = state.limit.begin(network, at: ProcessClock.now().monotonic)
        guard case .busy = verdict else {
          if case .go = verdict {
            state.limit.settle(network, wasWrong: false, at: ProcessClock.now().monotonic)
          }
          return true
        }
        state.waiting[network, default: []].append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  private func settle(_ network: String, wasWrong: Bool) {
    let waiting = state.withLock { state in
      state.limit.settle(network, wasWrong: wasWrong, at: ProcessClock.now().monotonic)
      return state.waiting.removeValue(forKey: network)
    }
    for continuation in waiting ?? [] { continuation.resume() }
  }
}
