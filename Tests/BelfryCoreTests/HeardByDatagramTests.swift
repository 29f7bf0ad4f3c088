import BelfryCore
import Testing

/// What a second way of hearing a peer changes: it is alive when heard on either, and what gets
/// through on which way is told apart.
@Suite struct HeardByDatagramTests {
  static func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  static func beat(
    streamSilence: Int64 = 0, silence: Int64 = 0, isStreamClosed: Bool = false
  ) -> HeardBeat {
    HeardBeat(
      Beat(isStreamClosed: isStreamClosed, streamSilence: .milliseconds(streamSilence)),
      silence: .milliseconds(silence))
  }

  /// Beats every 500 ms from one time to another; the verdicts on the way, ticks between them.
  static func verdicts(
    of detector: inout FailureDetector, from begin: Int64, to end: Int64, _ beat: HeardBeat = beat()
  ) -> [FailureDetector.Verdict] {
    var verdicts: [FailureDetector.Verdict] = []
    for time in stride(from: begin, through: end, by: 100) {
      if (time - begin) % 500 == 0, let verdict = detector.heard(beat, at: at(time)) {
        verdicts.append(verdict)
      }
      if let verdict = detector.ticked(at: at(time)) { verdicts.append(verdict) }
    }
    return verdicts
  }

  @Test("a stream that makes no progress for 3 s is degraded, and never lost while datagrams come")
  func stuck() {
    var detector = FailureDetector(heardAt: Self.at(0))
    #expect(
      Self.verdicts(of: &detector, from: 0, to: 60_000)
        == [.degraded(.streamStuck(for: .seconds(3)))])
    #expect(detector.heard(at: Self.at(60_100)) == .cleared)
    #expect(detector.state == .up)
  }

  @Test("the word that the stream is gone may come before its end, and counts all the same")
  func wordBeforeTheEnd() {
    var detector = FailureDetector(heardAt: Self.at(0))
    _ = detector.heard(Self.beat(isStreamClosed: true), at: Self.at(1_000))
    _ = detector.connectionClosed("connection lost", at: Self.at(1_200))
    #expect(
      detector.ticked(at: Self.at(1_900))
        == .degraded(.connectionClosed("connection lost", ago: .milliseconds(700))))
    // A word of long ago is none.
    var other = FailureDetector(heardAt: Self.at(0))
    _ = other.heard(Self.beat(isStreamClosed: true), at: Self.at(1_000))
    _ = other.connectionClosed("connection lost", at: Self.at(3_000))
    #expect(
      other.ticked(at: Self.at(3_700))
        == .lost(.connectionClosed("connection lost", ago: .milliseconds(700))))
  }

  @Test("when the datagrams fall silent too, it is lost after 4 s, and never before 3")
  func silent() {
    var detector = FailureDetector(heardAt: Self.at(0))
    _ = Self.verdicts(of: &detector, from: 0, to: 10_000)
    var lostAt: Int64?
    for time in stride(from: 10_100, to: 30_000, by: 100) as StrideTo<Int64> {
      if case .lost(.silent) = detector.ticked(at: Self.at(time)) { lostAt = time }
    }
    #expect(lostAt == 14_000)
  }

  @Test("the peer says that our stream is stuck: degraded, though we hear it on the stream")
  func stuckThere() {
    var detector = FailureDetector(heardAt: Self.at(0))
    var verdicts: [FailureDetector.Verdict] = []
    for time in stride(from: 100, through: 6_000, by: 100) as StrideThrough<Int64> {
      verdicts += [
        detector.heard(at: Self.at(time)),
        detector.heard(Self.beat(streamSilence: time), at: Self.at(time)),
      ].compactMap { $0 }
    }
    #expect(verdicts == [.degraded(.streamStuck(for: .seconds(3)))])
    // Its datagrams stop while the stream goes on: what it said then is no word on now.
    _ = detector.heard(at: Self.at(9_100))
    #expect(detector.state == .up)
  }

  @Test(
    "a peer that hears nothing of us for 3 s, on no way, is one-way, and heals with its first word")
  func oneWay() {
    var detector = FailureDetector(heardAt: Self.at(0))
    let deaf = Self.beat(streamSilence: 3_000, silence: 3_200)
    #expect(
      Self.verdicts(of: &detector, from: 0, to: 500) == []
        && Self.verdicts(of: &detector, from: 600, to: 2_000, deaf)
          == [.oneWay(.deaf(for: .seconds(3)))]
    )
    _ = detector.heard(at: Self.at(2_050))
    #expect(detector.state == .oneWay(.deaf(for: .seconds(3))), "it is heard, as before")
    #expect(detector.heard(Self.beat(), at: Self.at(2_100)) == .cleared)
  }

  @Test("what is lost and what is not when a connection closes: the peer's own word counts")
  func closed() {
    // Killed: what it had sent before arrives behind the close.
    var killed = FailureDetector(heardAt: Self.at(0))
    _ = killed.heard(Self.beat(), at: Self.at(90))
    _ = killed.connectionClosed("reset", at: Self.at(100))
    #expect(killed.heard(Self.beat(), at: Self.at(101)) == nil)
    #expect(killed.ticked(at: Self.at(399)) == nil)
    #expect(
      killed.ticked(at: Self.at(400))
        == .lost(.connectionClosed("reset", ago: .milliseconds(300))))

    // It lives, knows that its stream is gone, and says so.
    var cut = FailureDetector(heardAt: Self.at(0))
    _ = cut.connectionClosed("reset", at: Self.at(100))
    #expect(
      cut.heard(Self.beat(isStreamClosed: true), at: Self.at(200))
        == .degraded(.connectionClosed("reset", ago: .milliseconds(100))))
    #expect(Self.verdicts(of: &cut, from: 300, to: 20_000) == [])
    #expect(cut.state != .up, "without a session there is nothing to give it jobs by")
  }

  @Test("a connection that we gave up is no word of the peer's: its datagrams decide")
  func givenUp() {
    var detector = FailureDetector(heardAt: Self.at(0))
    _ = Self.verdicts(of: &detector, from: 0, to: 500)
    _ = detector.connectionClosed("given up", peerMayLive: true, at: Self.at(600))
    #expect(
      Self.verdicts(of: &detector, from: 700, to: 10_000)
        == [.degraded(.connectionClosed("given up", ago: .milliseconds(100)))])
    var silent = FailureDetector(heardAt: Self.at(0))
    _ = silent.connectionClosed("given up", peerMayLive: true, at: Self.at(600))
    #expect(silent.ticked(at: Self.at(3_900)) == nil)
    #expect(silent.ticked(at: Self.at(4_000)) == .lost(.silent(for: .seconds(4))))
  }

  @Test(
    "a peer that is heard and cannot be talked to for 2 minutes is lost: its jobs wait no longer")
  func unreachable() {
    var detector = FailureDetector(heardAt: Self.at(0))
    let verdicts = Self.verdicts(of: &detector, from: 0, to: 125_000)
    #expect(
      verdicts == [
        .degraded(.streamStuck(for: .seconds(3))), .lost(.unreachable(for: .seconds(120))),
      ])
  }

  @Test("an observer that slept gives those 4 s who gave up waiting for it")
  func slept() {
    var detector = FailureDetector(heardAt: Self.at(0))
    detector.slept(.seconds(20), until: Self.at(20_000))
    _ = detector.connectionClosed("closed", at: Self.at(20_001))
    #expect(detector.ticked(at: Self.at(23_900)) == nil)
    #expect(detector.ticked(at: Self.at(24_100)) != nil)

    // Its word was read before the pause was noticed: it is not moved into the future.
    var heard = FailureDetector(heardAt: Self.at(0))
    _ = heard.heard(at: Self.at(20_000))
    heard.slept(.seconds(20), until: Self.at(20_000))
    #expect(heard.ticked(at: Self.at(24_000)) != nil)
  }

  @Test("every 500 ms, every 250 ms while more than 10 % of 64 were missed")
  func pace() {
    func beats(missed: Int) -> Int {
      var pace = BeatPace()
      pace.heard(missed: missed)
      return (0..<100).count { pace.isDue(at: Self.at($0 * 100)) }
    }
    #expect(beats(missed: 0) == 20 && beats(missed: 6) == 20)
    #expect((40...50).contains(beats(missed: 7)))
  }
}
