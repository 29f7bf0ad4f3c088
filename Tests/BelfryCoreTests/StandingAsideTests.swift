import BelfryCore
import Testing

/// A coordinator that alone does not reach the store gives what it cannot judge to one that does.
@Suite struct StandingAsideTests {
  private let scene = ClusterScene()
  private static let away = StoreProblem(isPermanent: false, message: "no primary")

  private static let c2 = NodeName(trusted: "c2")

  private func record(
    _ version: Int, _ state: CoordinatorRecord.State = .up, lanes: [Lane] = [.default]
  ) -> StoredRecord {
    var record = CoordinatorRecord(
      name: Self.c2, boot: ClusterScene.boot(7), state: state, since: WallTime(milliseconds: 0))
    record.lanes = lanes
    return record.stored(version: version, at: WallTime(milliseconds: 0))
  }

  /// A worker, another coordinator, one job that runs and a redelivery that waits for the store's answer.
  private func begin(other: CoordinatorRecord.State = .up, lanes: [Lane] = [.default]) {
    scene.begin(credit: 1)
    scene.feed(.storeAnswered(nil))
    for version in 1...2 { scene.feed(.coordinatorsRead([record(version, other, lanes: lanes)])) }
    scene.arrives(ClusterScene.job("runs"))
    scene.feed(.storeAnswered(Self.away))
    scene.arrives(ClusterScene.job("waits"), redelivered: true)
  }

  private func pass(_ milliseconds: Int64, hears: [NodeName] = [c2], ready: Int = 0) -> [Ready] {
    (0..<(milliseconds / 500)).flatMap { _ in
      let beat = Heartbeat(sequence: 1, echo: 0, hears: hears)
      let tick = scene.feed(.tick, after: 500)
      scene.feed(.queue(.depth(queue: "belfry.lane.default", ready: ready)), after: 0)
      return [tick, scene.said(1, .heartbeat(beat))]
    }
  }

  private func workerRecords() {
    scene.said(1, scene.finished("runs", ClusterScene.assignment(1)))
  }

  private func ends(_ readies: [Ready]) -> Int {
    readies.flatMap(\.commands).count { if case .endConsumer = $0 { true } else { false } }
  }

  private func begins(_ readies: [Ready]) -> Int {
    readies.flatMap(\.commands).count { if case .consume = $0 { true } else { false } }
  }

  @Test(
    "the store answers workers and another coordinator is there: all goes back, until it answers here"
  )
  func aside() {
    begin()
    let before = pass(8_000)
    #expect(ends(before) == 0 && before.allSatisfy(\.requeues.isEmpty), "it may be away for all")
    workerRecords()
    let after = pass(1_000)
    #expect(ends(after) > 0)
    #expect(after.flatMap(\.requeues) == [DeliveryTag(scene.channel, 2)])
    #expect(scene.core.place(of: JobID(trusted: "waits")) == nil)
    // What was on its way when the consumers ended.
    scene.arrives(ClusterScene.job("late"), redelivered: true)
    #expect(pass(1_000).flatMap(\.requeues) == [DeliveryTag(scene.channel, 3)])
    scene.feed(.storeAnswered(nil))
    #expect(begins(pass(1_000)) > 0)
  }

  @Test("the job of a lost worker goes back too: here nobody can say whether it has an outcome")
  func lostWorker() {
    begin()
    scene.join("w1", session: 2)
    scene.arrives(ClusterScene.job("w1s"))
    scene.arrives(ClusterScene.job("w1s too"))
    _ = pass(6_000)
    workerRecords()
    let tags = (2...4).map { DeliveryTag(scene.channel, $0) }
    #expect(Set(pass(1_000).flatMap(\.requeues)) == Set(tags))
  }

  @Test(
    "a retry that the store should keep for a while goes to the others, with its time",
    arguments: [true, false])
  func retry(isAnswered: Bool) throws {
    begin()
    _ = pass(6_000)
    scene.arrives(ClusterScene.job("fails"))
    _ = scene.said(1, .credit(total: 3))
    // Before: the store is asked to keep it, and nobody can know whether it does.
    let owe = try #require(
      scene.said(1, scene.failed("runs", ClusterScene.assignment(1))).owes.first)
    if isAnswered { scene.feed(.owed([(owe.id, .unknown("no answer"))])) }
    scene.said(1, scene.finished("fails", ClusterScene.assignment(2)))
    let published = pass(1_000).flatMap(\.publishes)
    scene.feed(.owed([(owe.id, .unknown("at last"))]))
    let passedOn = published.compactMap { publish -> JobMessage? in
      if case .job(let message, .again) = publish.what { message } else { nil }
    }
    #expect(passedOn.map(\.job.id.text) == ["runs"])
    #expect(passedOn.first?.runAt == owe.due && passedOn.first?.attempt == 2)
    #expect(passedOn.first?.isRepeat == true, "the store may have it too: it is looked up")
    let later = pass(3_000)
    #expect(later.flatMap(\.owes).isEmpty && later.flatMap(\.publishes).isEmpty, "once")
  }

  enum Other: CaseIterable { case left, leaves, servesNoneOfIt, isHeardByNoWorker }

  @Test("where nobody would take them, jobs wait for the store", arguments: Other.allCases)
  func alone(other: Other) {
    begin(
      other: other == .left ? .left : other == .leaves ? .draining : .up,
      lanes: other == .servesNoneOfIt ? [] : [.default])
    let hears = other == .isHeardByNoWorker ? [] : [Self.c2]
    _ = pass(8_000, hears: hears)
    workerRecords()
    let after = pass(1_000, hears: hears)
    #expect(ends(after) == 0 && after.allSatisfy(\.requeues.isEmpty))
  }

  @Test(
    "both stand aside: nobody takes the jobs, so both go on, and not again before the store is back"
  )
  func inVain() {
    begin()
    _ = pass(8_000)
    workerRecords()
    #expect(ends(pass(1_000)) > 0)
    #expect(begins(pass(120_000)) == 0, "nothing waits")
    #expect(begins(pass(2_000, ready: 3)) > 0)
    let assignment = AssignmentID(boot: ClusterScene.boot(7), counter: 1)
    scene.said(1, scene.finished("another", assignment))
    #expect(ends(pass(5_000, ready: 3)) == 0)
    scene.feed(.storeAnswered(nil))
    _ = pass(500)
    scene.feed(.storeAnswered(Self.away))
    _ = pass(8_000, ready: 3)
    scene.said(1, scene.finished("one more", assignment))
    #expect(ends(pass(1_000, ready: 3)) > 0)
    // While another gives out jobs, some may wait.
    for number in 0..<10 {
      scene.said(1, scene.finished("theirs \(number)", assignment))
      #expect(begins(pass(20_000, ready: 3)) == 0)
    }
  }

  @Test("what a worker recorded before the store went away here says nothing")
  func before() {
    scene.begin()
    scene.feed(.storeAnswered(nil))
    for version in 1...2 { scene.feed(.coordinatorsRead([record(version)])) }
    scene.arrives(ClusterScene.job("runs"))
    scene.feed(.storeAnswered(Self.away))
    workerRecords()
    #expect(ends(pass(8_000)) == 0)
  }
}
