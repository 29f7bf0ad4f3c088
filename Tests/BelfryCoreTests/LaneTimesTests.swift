import BelfryCore
import BelfryTestKit
import Testing

/// What a coordinator counts of a lane's times, for histograms.
@Suite struct LaneTimesTests {
  private func times(_ scene: ClusterScene) -> LaneTimes {
    scene.core.laneTimes(at: scene.now)[0]
  }

  private func job(
    _ id: String, submittedAt: WallTime? = nil, attempt: Int = 1, isRepeat: Bool = false
  ) -> JobMessage {
    JobMessage(
      job: Job(id: JobID(trusted: id), kind: ClusterScene.kind, submittedAt: submittedAt),
      attempt: attempt, isRepeat: isRepeat)
  }

  /// What a worker says of its clock is only what it says.
  @Test func noDurationIsTooLong() {
    var counts = DurationCounts()
    for _ in 0..<100_000 { counts.add(.milliseconds(Int64.max)) }
    #expect(counts.sum == .seconds(366 * 86_400) * 100_000 && counts.counts.last == 100_000)
    counts.add(.seconds(-5))
    #expect(counts.counts.first == 1)
  }

  @Test func aWaitBeginsWithTheSubmission() {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    scene.arrives(job("j0", submittedAt: scene.now.wall - .seconds(40)))
    #expect(times(scene).oldestAge == .milliseconds(40_001))
    let since = scene.core.health(at: scene.now).lanes[0].oldestSince
    #expect(since == scene.now.wall - .milliseconds(40_001))
    scene.said(1, .credit(total: 1), after: 9_999)
    let times = times(scene)
    #expect(times.oldestAge == .zero, "it runs")
    #expect(scene.core.health(at: scene.now).lanes[0].oldestSince == nil)
    #expect(times.waits.sum == .seconds(50))
    let bucket = DurationCounts.bounds.firstIndex(of: .seconds(60)) ?? -1
    #expect(times.waits.counts[bucket] == 1 && times.waits.counts.reduce(0, +) == 1)
  }

  @Test("what had to wait for its time, or says nothing, waits since it is here")
  func others() {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    scene.arrives(job("j0"))
    scene.arrives(job("j1", submittedAt: scene.now.wall - .seconds(3_600), isRepeat: true))
    // A repeat may have an outcome: the store is asked first.
    scene.feed(.lookedUp([(1, .absent)]))
    #expect(times(scene).oldestAge < .seconds(1))
    scene.said(1, .credit(total: 2), after: 2_000)
    let waits = times(scene).waits
    #expect(waits.counts.reduce(0, +) == 2)
    #expect(waits.sum >= .milliseconds(4_000) && waits.sum < .milliseconds(4_010), "\(waits)")
  }

  @Test("clocks that disagree make no negative wait")
  func future() {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(job("j0", submittedAt: scene.now.wall + .seconds(60)))
    #expect(times(scene).waits.counts.first == 1)
    #expect(times(scene).waits.sum == .zero)
  }

  @Test("a run is counted when its end is first told, and only where it was given out")
  func runs() {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(job("j0"))
    let own = ClusterScene.assignment(1)
    func ended(_ id: String, _ assignment: AssignmentID) -> WorkerMessage {
      var outcome = scene.outcome(id, assignment)
      outcome.startedAt = scene.now.wall
      outcome.finishedAt = scene.now.wall + .seconds(7)
      return .finished(job: outcome.id, assignment: assignment, .recorded(outcome))
    }
    scene.said(1, scene.started("j0", own), ended("j0", own))
    #expect(times(scene).runs.sum == .seconds(7))
    scene.said(1, ended("j0", own))
    #expect(times(scene).runs.sum == .seconds(7), "told again")
    let foreign = ClusterScene.assignment(1, boot: ClusterScene.boot(77))
    scene.said(1, scene.started("j1", foreign), ended("j1", foreign))
    #expect(times(scene).runs.sum == .seconds(7), "another coordinator counts that")
  }

  @Test("a run that failed is one, and its retry is no second wait")
  func failures() {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(job("j0"))
    let first = ClusterScene.assignment(1)
    scene.said(1, scene.started("j0", first), scene.failed("j0", first))
    #expect(times(scene).runs.counts.reduce(0, +) == 1)
    #expect(times(scene).waits.counts.reduce(0, +) == 1)
    // A later attempt: the store is asked first, then it is given out.
    let asked = scene.arrives(job("j1", attempt: 2), from: .again)
    scene.feed(.lookedUp(asked.lookups.map { ($0.ticket, .absent) }))
    #expect(scene.core.place(of: JobID(trusted: "j1"))?.state == "running")
    #expect(times(scene).waits.counts.reduce(0, +) == 1)
  }
}
