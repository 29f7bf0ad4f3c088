import BelfryCore
import Testing

/// Handlers that do not end, and the end of a worker that has too many of them.
@Suite struct WorkerTimeoutTests {
  static func scene(slots: Int) -> CreditTests.Scene {
    var scene = CreditTests.Scene(slots: slots)
    scene.from(0, scene.assign("a", by: 0, 1))
    return scene
  }

  static let a = AssignmentID(boot: BootID(high: 2 << 16, low: 0), counter: 1)
  static let zero = WallTime(milliseconds: 0)
  static let failure = Failure(
    isTimeout: true, error: JobError(code: "timeout", message: "does not end"), startedAt: zero,
    finishedAt: zero)

  static func results(_ ready: WorkerCore.Ready) -> [FinishedResult] {
    ready.sends.compactMap { _, message in
      guard case .finished(_, _, let result) = message else { return nil }
      return result
    }
  }

  @Test("one that ends when it is told to, after its time-out, has timed out")
  func timesOut() throws {
    var scene = Self.scene(slots: 4)
    scene.feed(.handlerTimedOut(Self.a, after: .seconds(5)))
    let ready = scene.feed(
      .handlerEnded(Self.a, .ended(startedAt: Self.zero, finishedAt: Self.zero)))
    guard case .failed(let failure) = try #require(Self.results(ready).first) else {
      Issue.record("it is reported as \(Self.results(ready))")
      return
    }
    #expect(failure.isTimeout)
    #expect(failure.error.message.contains("5s"))
  }

  @Test("one that does not end is reported; its slot stays taken until it returns")
  func givenUp() {
    var scene = Self.scene(slots: 4)
    #expect(scene.credit.reduce(0, +) == 4)
    let ready = scene.feed(.handlerGivenUp(Self.a, Self.failure))
    #expect(Self.results(ready).contains(.failed(Self.failure)))
    #expect(!ready.isWedged)
    #expect(scene.credit.reduce(0, +) == 4, "no slot came free")
    scene.feed(.handlerReturned(Self.a))
    #expect(scene.credit.reduce(0, +) == 5)
  }

  @Test("cancelled and given up: its run, being recorded, and its handler are one slot")
  func cancelledAndGivenUp() {
    var scene = Self.scene(slots: 3)
    scene.from(0, .cancel(job: JobID(trusted: "a"), assignment: Self.a))
    let ready = scene.feed(.handlerGivenUp(Self.a, Self.failure))
    #expect(ready.records.count == 1, "the outcome is cancelled")
    #expect(scene.from(0, scene.assign("b", by: 0, 2)).starts.count == 1)
    #expect(scene.from(1, scene.assign("c", by: 1, 1)).starts.count == 1)
  }

  @Test("with half of its slots so taken the worker is wedged, and leaves")
  func wedged() {
    var scene = Self.scene(slots: 2)
    let ready = scene.feed(.handlerGivenUp(Self.a, Self.failure))
    #expect(ready.isWedged)
    let leaving = ready.sends.count { if case .leaving = $0.message { true } else { false } }
    #expect(leaving == 2)
  }

  @Test("handed back: what runs is stopped, reported as stopped, and then it has drained")
  func handBack() {
    var scene = Self.scene(slots: 2)
    #expect(scene.feed(.handBack).ends == [Self.a])
    let ended = scene.feed(
      .handlerEnded(Self.a, .ended(startedAt: Self.zero, finishedAt: Self.zero)))
    #expect(Self.results(ended).allSatisfy { $0 == .stopped })
    #expect(!ended.hasDrained)
    scene.from(0, .finishedAck(Self.a))
    #expect(scene.from(1, .finishedAck(Self.a)).hasDrained)
  }

  @Test(
    "a coordinator that says nothing for 8 s is called again; a sleep of our own does not count")
  func silentCoordinator() {
    var scene = CreditTests.Scene(slots: 2)
    for _ in 0..<79 {
      scene.milliseconds += 99
      #expect(scene.feed(.tick).closes.isEmpty)
    }
    scene.milliseconds += 60_000
    #expect(scene.feed(.tick).closes.isEmpty)
    scene.milliseconds += 200
    #expect(scene.feed(.tick).closes == [SessionID(0), SessionID(1)])
  }
}
