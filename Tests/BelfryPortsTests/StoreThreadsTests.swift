import Dispatch
import Synchronization
import Testing

@testable import BelfryMongo

/// The threads that blocking calls run on.
@Suite("Threads for blocking calls", .timeLimit(.minutes(2))) struct StoreThreadsTests {
  @Test("Calls run side by side, and never more of them than the bound")
  func bound() async {
    let threads = CallThreads(max: 3, patience: .seconds(60))
    let gauge = Gauge(expected: 3, calls: 30)
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<30 {
        group.addTask {
          let answer = await threads.run {
            gauge.enter()
            gauge.leave()
            return number
          }
          #expect((try? answer.get()) == number)
        }
      }
    }
    #expect(gauge.most == 3)
    await close(threads)
  }

  @Test("A call that stood in the queue for too long is not run, and none after the end")
  func refuses() async {
    let clock = HandClock()
    let threads = CallThreads(max: 1, patience: .seconds(10), now: { clock.now })
    let gate = Gauge(expected: 2, calls: 2)
    let isRunning = AsyncStream<Void>.makeStream()
    async let first = threads.run {
      isRunning.continuation.yield()
      gate.enter()
    }
    for await _ in isRunning.stream { break }
    async let second = threads.run { 1 }
    #expect(await eventually(within: .seconds(10)) { threads.waitingCount == 1 })
    clock.advance(by: .seconds(11))
    gate.open()
    #expect((try? await first.get()) != nil)
    #expect(await second == .failure(.late))
    await close(threads)
    #expect(await threads.run { 1 } == .failure(.closed))
    #expect(!threads.close {})
  }

  @Test("A call may hold the last reference to what owns the threads")
  func lastReference() async {
    let isGone = AsyncStream<Void>.makeStream()
    let answer = await runOnOwner { isGone.continuation.yield() }
    #expect(answer == .success(true))
    for await _ in isGone.stream { break }
  }

  private func runOnOwner(
    _ atEnd: @escaping @Sendable () -> Void
  ) async -> Result<Bool, CallThreads.Refusal> {
    let threads = CallThreads(max: 1, patience: .seconds(60))
    return await threads.run(call(Owner(threads: threads, atEnd: atEnd)))
  }

  private func call(_ owner: Owner) -> @Sendable () -> Bool {
    { owner.isThere }
  }

  /// A clock that stands still.
  private final class HandClock: Sendable {
    private let time = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { time.withLock { $0 } }
    func advance(by duration: Duration) { time.withLock { $0 += duration } }
  }

  /// Counts calls, and holds each until as many as expected run at once, or `open`.
  private final class Gauge: @unchecked Sendable {
    private let expected: Int
    private let calls: Int
    private let isFull = DispatchSemaphore(value: 0)
    private let counts = Mutex((now: 0, most: 0))

    init(expected: Int, calls: Int) {
      self.expected = expected
      self.calls = calls
    }

    var most: Int { counts.withLock { $0.most } }

    func enter() {
      let now = counts.withLock { counts in
        counts.now += 1
        counts.most = max(counts.most, counts.now)
        return counts.now
      }
      if now == expected { open() }
      isFull.wait()
    }

    func leave() { counts.withLock { $0.now -= 1 } }

    func open() { for _ in 0..<calls { isFull.signal() } }
  }

  private final class Owner: Sendable {
    let isThere = true
    private let threads: CallThreads
    private let atEnd: @Sendable () -> Void

    init(threads: CallThreads, atEnd: @escaping @Sendable () -> Void) {
      self.threads = threads
      self.atEnd = atEnd
    }

    deinit { threads.close(atEnd) }
  }

  private func close(_ threads: CallThreads) async {
    await withCheckedContinuation { continuation in
      _ = threads.close { continuation.resume() }
    }
  }
}
