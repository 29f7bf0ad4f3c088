import BelfryCore
import Testing

/// Runs that have ended and that a coordinator has not acknowledged, because it is away.
@Suite struct EndedRunsTests {
  /// In session with c0; c1 was there and is gone.
  static func scene() -> CreditTests.Scene {
    var scene = CreditTests.Scene(slots: 2)
    scene.feed(.disconnected(SessionID(1)))
    return scene
  }

  static func assignment(_ number: UInt64) -> AssignmentID {
    AssignmentID(boot: BootID(high: 2 << 16, low: 0), counter: number)
  }

  /// c0 gives it a job that succeeds, and acknowledges its end.
  static func run(_ number: UInt64, bytes: Int = 0, in scene: inout CreditTests.Scene) {
    scene.from(0, scene.assign("j\(number)", by: 0, number))
    let zero = WallTime(milliseconds: 0)
    let result = JobResult(bytes: Payload(Array(repeating: 0, count: bytes)))
    let ready = scene.feed(
      .handlerEnded(assignment(number), .succeeded(result, startedAt: zero, finishedAt: zero)))
    for case .insert(let batch, let outcomes) in ready.records {
      scene.feed(.inserted(batch: batch, outcomes.map { _ in .inserted }))
    }
    scene.from(0, .finishedAck(assignment(number)))
  }

  /// What the worker's hello says it holds when c1 comes again.
  static func held(_ scene: inout CreditTests.Scene) -> [AssignmentID] {
    let ready = scene.feed(.connected(SessionID(2), coordinator: "c1"))
    for case (_, .hello(let hello)) in ready.sends { return hello.holding.map(\.assignment) }
    return []
  }

  @Test("are told to it when it comes again")
  func told() {
    var scene = Self.scene()
    for number in 1...3 as ClosedRange<UInt64> { Self.run(number, in: &scene) }
    #expect(Self.held(&scene) == [1, 2, 3].map(Self.assignment))
  }

  @Test("are kept up to a bound, the latest of them: the store has their outcomes")
  func bounded() {
    var scene = Self.scene()
    for number in 1...10_050 as ClosedRange<UInt64> { Self.run(number, in: &scene) }
    #expect(Self.held(&scene) == (51...10_050).map(Self.assignment))
  }

  @Test("take a bounded number of bytes, with their results")
  func boundedBytes() {
    var scene = Self.scene()
    for number in 1...40 as ClosedRange<UInt64> { Self.run(number, bytes: 1 << 20, in: &scene) }
    #expect(Self.held(&scene) == (9...40).map(Self.assignment))
  }

  @Test("what was acknowledged long ago is not counted")
  func acknowledged() {
    var scene = CreditTests.Scene(slots: 2)
    for number in 1...30_000 as ClosedRange<UInt64> {
      Self.run(number, in: &scene)
      scene.from(1, .finishedAck(Self.assignment(number)))
    }
    scene.feed(.disconnected(SessionID(1)))
    Self.run(30_001, in: &scene)
    #expect(Self.held(&scene) == [Self.assignment(30_001)])
  }

  @Test("do not hold up a worker that leaves: who comes again finds the outcome in the store")
  func leaves() {
    var scene = Self.scene()
    Self.run(1, in: &scene)
    #expect(scene.feed(.drain).hasDrained)
  }

  @Test("hold it up for a coordinator that is there")
  func waits() {
    var scene = CreditTests.Scene(slots: 2)
    Self.run(1, in: &scene)
    #expect(!scene.feed(.drain).hasDrained)
    #expect(scene.from(1, .finishedAck(Self.assignment(1))).hasDrained)
  }

  @Test("hold it up when nobody has heard of a failure, which is recorded nowhere")
  func failure() {
    var scene = Self.scene()
    scene.from(0, scene.assign("j1", by: 0, 1))
    scene.feed(.disconnected(SessionID(0)))
    scene.feed(.handlerEnded(Self.assignment(1), .failed(WorkerTimeoutTests.failure)))
    #expect(!scene.feed(.drain).hasDrained)
    scene.feed(.connected(SessionID(3), coordinator: "c0"))
    #expect(scene.feed(.received(SessionID(3), [.finishedAck(Self.assignment(1))])).hasDrained)
  }
}
