import BelfryCore
import BelfryTestKit
import Testing

/// Dead jobs and crashes as notices: enough to see each, never a flood.
@Suite struct DeadJobsTests {
  private var jobs = DeadJobs()
  private let start = WallTime(milliseconds: 1_700_000_000_000)

  private func outcome(
    _ id: Int, _ state: Outcome.State = .failed, kind: String = "resize", reason: String = "error"
  ) -> Outcome {
    Outcome(
      id: JobID(trusted: "j\(id)"), state: state, reason: reason, kind: Kind(trusted: kind),
      lane: .default, attempt: 3, tries: 3, worker: NodeName(trusted: "w1"), finishedAt: start,
      error: JobError(code: "exit-1", message: "no such file"))
  }

  @Test mutating func theFirstIsToldAtOnceTheOthersOnceAMinute() {
    jobs.died([outcome(1)], at: start)
    let first = jobs.due(at: start)
    #expect(first.map(\.summary) == ["job j1 of resize/error failed for good"])
    #expect(first.map(\.why) == ["exit-1: no such file"])
    #expect(
      first.first?.tags == [
        "job": "j1", "kind": "resize", "reason": "error", "lane": "default", "worker": "w1",
        "tries": "3", "losses": "0", "count": "1",
      ])
    for id in 2...5 { jobs.died([outcome(id)], at: start) }
    jobs.died([outcome(6, reason: "poison")], at: start)
    #expect(jobs.due(at: start + .seconds(59)).map(\.subject) == ["resize/poison"])
    let later = jobs.due(at: start + .seconds(60))
    #expect(
      later.map(\.summary)
        == ["job j5 of resize/error failed for good, and 3 more since the last message"])
    #expect(jobs.due(at: start + .seconds(600)) == [])
  }

  @Test mutating func anOutcomeThatIsAnnouncedTwiceIsOneDeath() {
    jobs.died([outcome(1), outcome(1), outcome(2, .succeeded), outcome(3, .expired)], at: start)
    #expect(jobs.due(at: start).map { $0.tags["count"] } == ["1"])
    jobs.died([outcome(1)], at: start)
    #expect(jobs.due(at: start + .seconds(61)) == [])
  }

  @Test mutating func howeverManyKindsThereAreMessagesAreBounded() {
    let many = DeadJobs.groupsMax + 50
    jobs.died((0..<many).map { outcome($0, kind: "k\($0)") }, at: start)
    var counts: [Int] = []
    var total = 0
    for minute in 0..<10 {
      let told = jobs.due(at: start + .seconds(minute * 60))
      counts.append(told.count)
      total += told.reduce(0) { $0 + (Int($1.tags["count"] ?? "") ?? 0) }
    }
    #expect(counts.allSatisfy { $0 <= DeadJobs.noticesMax })
    #expect(total == many, "none is forgotten: what is one too many is counted under others")
  }

  @Test mutating func aClockThatIsSetBackHoldsNothingUp() {
    jobs.died([outcome(1)], at: start)
    #expect(jobs.due(at: start).count == 1)
    jobs.died([outcome(2)], at: start - .seconds(3_600))
    #expect(jobs.due(at: start - .seconds(3_600)).count == 1)
  }

  @Test func theDeskTellsOfThem() {
    var desk = AlertDesk()
    desk.heard(.died([outcome(1)]), at: start)
    guard case .tell(let notice)? = desk.next() else {
      Issue.record("nothing is told")
      return
    }
    #expect(notice.rule == "job-dead")
    #expect(desk.next() == nil)
  }

  @Test(arguments: ["SIGSEGV", ""])
  func aCrashOfAWorkerIsToldOnce(_ signal: String) {
    let scene = ClusterScene()
    var hello = Hello(
      worker: NodeName(trusted: "w0"), boot: ClusterScene.boot(2), slots: 2,
      kinds: [ClusterScene.kind])
    hello.death = Death(boot: ClusterScene.boot(1), signal: signal)
    let first = scene.feed(.sessionOpened(SessionID(1), hello, from: "10.0.0.1"))
    #expect(first.notices.map(\.subject) == (signal.isEmpty ? [] : ["worker/SIGSEGV"]))
    #expect(scene.feed(.sessionOpened(SessionID(2), hello, from: "10.0.0.1")).notices == [])
  }
}
