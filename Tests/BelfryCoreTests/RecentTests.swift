import Testing

@testable import BelfryCore

/// What a coordinator remembers for a while, and that it is bounded.
@Suite struct RecentTests {
  static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }
  static func job(_ number: Int) -> JobID { JobID(trusted: "j\(number)") }

  @Test("a failure heard is no outcome; an outcome met is")
  func outcomes() {
    var recent = RecentJobs()
    recent.insert(Self.job(0), hasOutcome: false, at: Self.at(0))
    #expect(recent.contains(Self.job(0)))
    #expect(!recent.hasOutcome(Self.job(0)))
    recent.insert(Self.job(0), hasOutcome: true, at: Self.at(1))
    recent.insert(Self.job(0), hasOutcome: false, at: Self.at(2))
    #expect(recent.hasOutcome(Self.job(0)))
  }

  @Test("it is forgotten ten minutes after the last time")
  func age() {
    var recent = RecentJobs()
    recent.insert(Self.job(0), hasOutcome: true, at: Self.at(0))
    recent.insert(Self.job(0), hasOutcome: true, at: Self.at(300))
    recent.prune(at: Self.at(700))
    #expect(recent.contains(Self.job(0)))
    recent.prune(at: Self.at(901))
    #expect(!recent.contains(Self.job(0)))
  }

  @Test("at most 100,000")
  func bounded() {
    var recent = RecentJobs()
    for number in 0...RecentJobs.countMax {
      recent.insert(Self.job(number), hasOutcome: true, at: Self.at(0))
    }
    #expect(!recent.contains(Self.job(0)))
    #expect(recent.contains(Self.job(1)))
  }

  @Test("more than half of at least four workers within 10 s: the brake holds")
  func brake() {
    var brake = MassLossBrake()
    let names = (0..<5).map { NodeName(trusted: "w\($0)") }
    #expect(brake.lost(names[0], whenUp: 5, at: Self.at(0)) == false)
    #expect(brake.lost(names[1], whenUp: 4, at: Self.at(1)) == false)
    #expect(brake.lost(names[2], whenUp: 3, at: Self.at(2)) == true)
    #expect(brake.isOn(at: Self.at(2)))
    #expect(brake.release(among: 5, at: Self.at(2)) == [], "not in the moment of the loss")
    #expect(brake.release(among: 5, at: Self.at(3)) == [names[2]])
    #expect(brake.isOn(at: Self.at(11)), "until nobody was lost for 10 s")
    #expect(!brake.isOn(at: Self.at(12)))
  }

  @Test("fewer than four, or spread over time: single losses")
  func noBrake() {
    var few = MassLossBrake()
    let names = (0..<5).map { NodeName(trusted: "w\($0)") }
    for number in 0..<3 {
      #expect(few.lost(names[number], whenUp: 3 - number, at: Self.at(0)) == false)
    }
    var slow = MassLossBrake()
    for number in 0..<5 {
      #expect(slow.lost(names[number], whenUp: 5, at: Self.at(Int64(number) * 11)) == false)
    }
  }

  @Test(
    "jobs of held workers move at a tenth of the nodes a second; one that is back keeps its own")
  func release() {
    var brake = MassLossBrake()
    let names = (0..<30).map { NodeName(trusted: "w\($0)") }
    for number in 0..<20 {
      _ = brake.lost(names[number], whenUp: 30 - number, silent: 19 - number, at: Self.at(0))
    }
    let held = brake.held.count
    #expect(held == 20, "from the first one on")
    brake.returned(brake.held[0])
    #expect(brake.release(among: 30, at: Self.at(1)).count == 3)
    #expect(brake.release(among: 30, at: Self.at(1)) == [])
    #expect(brake.held.count == held - 4)
  }
}
