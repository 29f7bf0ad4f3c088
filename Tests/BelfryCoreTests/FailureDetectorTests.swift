import BelfryCore
import Testing

/// When a peer is suspect, lost, or neither: the thresholds, and what must never be held against it.
@Suite struct FailureDetectorTests {
  static func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test(
    "silence is suspect from 1.5 s and lost from 4 s",
    arguments: [
      (1_499, nil), (1_500, FailureDetector.Verdict.suspected(.silent(for: .milliseconds(1_500)))),
      (3_999, .suspected(.silent(for: .milliseconds(3_999)))),
      (4_000, .lost(.silent(for: .seconds(4)))),
    ] as [(Int64, FailureDetector.Verdict?)])
  func silence(milliseconds: Int64, verdict: FailureDetector.Verdict?) {
    var detector = FailureDetector(heardAt: Self.at(0))
    #expect(detector.ticked(at: Self.at(milliseconds)) == verdict)
  }

  @Test("a verdict is given once")
  func once() {
    var detector = FailureDetector(heardAt: Self.at(0))
    #expect(detector.ticked(at: Self.at(1_600)) != nil)
    #expect(detector.ticked(at: Self.at(1_700)) == nil)
    #expect(detector.ticked(at: Self.at(4_100)) != nil)
    #expect(detector.ticked(at: Self.at(4_200)) == nil)
  }

  @Test("heard again: a suspect is cleared, a lost one stays lost")
  func heardAgain() {
    var suspect = FailureDetector(heardAt: Self.at(0))
    _ = suspect.ticked(at: Self.at(2_000))
    #expect(suspect.heard(at: Self.at(2_100)) == .cleared)
    #expect(suspect.state == .up)
    #expect(suspect.heard(at: Self.at(2_200)) == nil)

    var lost = FailureDetector(heardAt: Self.at(0))
    _ = lost.ticked(at: Self.at(5_000))
    #expect(lost.heard(at: Self.at(5_100)) == nil)
    #expect(lost.state == .lost(.silent(for: .seconds(5))))
  }

  @Test(
    "a closed connection is suspect at once and lost after max(300 ms, 4 RTT + 100 ms)",
    arguments: [(0, 300), (10, 300), (50, 300), (100, 500), (500, 2_100)] as [(Int64, Int64)])
  func closed(roundTrip: Int64, within: Int64) {
    var detector = FailureDetector(heardAt: Self.at(0))
    detector.measured(roundTrip: .milliseconds(roundTrip), at: Instant(nanoseconds: 0))
    #expect(
      detector.connectionClosed("reset", at: Self.at(100))
        == .suspected(.connectionClosed("reset", ago: .zero)))
    #expect(detector.connectionClosed("again", at: Self.at(110)) == nil)
    #expect(detector.heard(at: Self.at(120)) == nil, "what was on its way is no reconnect")
    #expect(detector.ticked(at: Self.at(100 + within - 1)) == nil)
    #expect(
      detector.ticked(at: Self.at(100 + within))
        == .lost(.connectionClosed("reset", ago: .milliseconds(within))))
  }

  @Test(
    "what was under way while the observer slept says nothing of the distance, which has a bound")
  func distance() {
    var detector = FailureDetector(heardAt: Self.at(0))
    detector.slept(.seconds(6), until: Self.at(6_000))
    for sample in 1...12 as ClosedRange<Int64> {
      detector.measured(roundTrip: .milliseconds(sample * 500), at: Self.at(6_100))
    }
    #expect(detector.reconnectWithin == .milliseconds(300))
    detector.measured(roundTrip: .seconds(3), at: Self.at(20_000))
    #expect(detector.reconnectWithin == .seconds(4))
  }

  @Test("a link that was jittery and is busy since is given 4 s again")
  func busy() {
    var detector = FailureDetector(heardAt: Self.at(0))
    for beat in 1...20 as ClosedRange<Int64> { _ = detector.heard(at: Self.at(beat * 1_400)) }
    #expect(detector.lostWithin > .seconds(6))
    for frame in 1...1_500 as ClosedRange<Int64> {
      _ = detector.heard(at: Self.at(28_000 + frame * 10))
    }
    #expect(detector.lostWithin < .milliseconds(4_100))
  }

  @Test("a steady link keeps 4 s; one with gaps of its own is given up to 8 s")
  func jitter() {
    var steady = FailureDetector(heardAt: Self.at(0))
    for beat in 1...100 as ClosedRange<Int64> { _ = steady.heard(at: Self.at(beat * 500)) }
    #expect(steady.lostWithin == .seconds(4))

    var jittery = FailureDetector(heardAt: Self.at(0))
    for beat in 1...20 as ClosedRange<Int64> { _ = jittery.heard(at: Self.at(beat * 1_400)) }
    #expect(jittery.lostWithin > .seconds(6))
    for beat in 1...50 as ClosedRange<Int64> {
      _ = jittery.heard(at: Self.at(28_000 + beat * 3_900))
    }
    #expect(jittery.lostWithin == .seconds(8))
    let end: Int64 = 28_000 + 50 * 3_900
    for beat in 1...60 as ClosedRange<Int64> { _ = jittery.heard(at: Self.at(end + beat * 500)) }
    #expect(jittery.lostWithin < .milliseconds(4_100), "it is forgiven once the link is steady")
  }

  @Test("what comes when the observer wakes makes no jittery link; a gap of the link itself does")
  func sleepIsNoJitter() {
    var detector = FailureDetector(heardAt: Self.at(0))
    _ = detector.heard(at: Self.at(20_000))
    detector.slept(.milliseconds(19_800), until: Self.at(20_050))
    #expect(detector.lostWithin == .seconds(4))
    _ = detector.heard(at: Self.at(22_000))
    #expect(detector.lostWithin == .microseconds(4_487_500))
    detector.slept(.seconds(1), until: Self.at(30_000))
    #expect(detector.lostWithin == .microseconds(4_487_500))
    // Of a gap of 3 s the observer slept one.
    var both = FailureDetector(heardAt: Self.at(0))
    _ = both.heard(at: Self.at(3_000))
    both.slept(.seconds(1), until: Self.at(3_050))
    #expect(both.lostWithin == .milliseconds(4_500))
  }

  @Test("an observer that slept blames nobody")
  func slept() {
    var detector = FailureDetector(heardAt: Self.at(0))
    detector.slept(.seconds(20), until: Self.at(20_000))
    #expect(detector.ticked(at: Self.at(21_000)) == nil)
    #expect(detector.ticked(at: Self.at(24_000)) != nil)

    var closed = FailureDetector(heardAt: Self.at(0))
    _ = closed.connectionClosed("reset", at: Self.at(0))
    closed.slept(.seconds(20), until: Self.at(20_000))
    #expect(closed.ticked(at: Self.at(20_200)) == nil)
  }

  @Test("a worker stopped for 2.5 s every 10 s, 500 times, is never lost")
  func pauses() {
    var detector = FailureDetector(heardAt: Self.at(0))
    var suspicions = 0
    for cycle in 0..<500 as Range<Int64> {
      for offset in stride(from: 0, to: 10_000, by: 100) as StrideTo<Int64> {
        let now = Self.at(cycle * 10_000 + offset)
        if offset >= 2_500, offset % 500 == 0 { _ = detector.heard(at: now) }
        switch detector.ticked(at: now) {
        case .lost: Issue.record("lost in cycle \(cycle)")
        case .suspected: suspicions += 1
        case .cleared, .degraded, .oneWay, nil: continue
        }
      }
    }
    #expect(suspicions > 0, "the pauses were noticed")
  }
}
