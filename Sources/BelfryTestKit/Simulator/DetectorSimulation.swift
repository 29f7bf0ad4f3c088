import BelfryCore

/// One coordinator's failure detectors, one for each of many nodes, over a long virtual time: nodes that
/// pause, links that lose packets, an observer that sleeps, and now and then a node that dies. Counts
/// verdicts on nodes that live, and how long the dead ones take to be noticed.
///
/// Nodes do not know of each other, so each is run for itself. Time goes in the observer's ticks of
/// 100 ms, on which everything falls.
package struct DetectorSimulation: Sendable {
  package struct Plan: Sendable {
    package var seed: UInt64 = 1
    package var nodes = 2_000
    package var seconds: Int64 = 100_000
    /// Of packets, each way; on the stream a lost one is sent again, on the way it is not.
    package var loss = 0.05
    package var hasDatagrams = true
    /// A node pauses about so often, for up to `pauseMax`, and then runs for `pauseRest` at least: two pauses
    /// with a moment between them would be one long one to anybody.
    package var pauseEvery = Duration.seconds(100)
    package var pauseMax = Duration.milliseconds(2_500)
    package var pauseRest = Duration.milliseconds(7_500)
    /// The observer sleeps about so often, for up to 20 s.
    package var sleepEvery = Duration.seconds(2_000)
    /// A node dies about so often, silently; another takes its place once it was noticed.
    package var deathEvery = Duration.seconds(20_000)

    package init() {}
  }

  package struct Report: Sendable, Equatable {
    /// In 100 ms each.
    package var livedTicks: Int64 = 0
    package var falselyLost = 0
    package var suspected = 0
    package var degraded = 0
    /// From the death to the verdict, in milliseconds; time in which the observer slept does not count.
    package var noticedMS: [Int32] = []

    package init() {}

    package mutating func add(_ other: Report) {
      livedTicks += other.livedTicks
      falselyLost += other.falselyLost
      suspected += other.suspected
      degraded += other.degraded
      noticedMS += other.noticedMS
    }

    package var nodeHours: Double { Double(livedTicks) / 36_000 }

    /// False verdicts in a node-hour, at most, with a confidence of 95 %: 3 over the hours when none was
    /// seen (the rule of three), else by Poisson's distribution.
    package var boundPerNodeHour: Double {
      guard falselyLost > 0 else { return 3 / nodeHours }
      let seen = Double(falselyLost)
      // Byar's approximation of the upper limit, one-sided.
      let z = 1.645
      let next = seen + 1
      let root = 1 - 1 / (9 * next) + z / (3 * next.squareRoot())
      return next * root * root * root / nodeHours
    }

    package func noticedMS(quantile: Double) -> Int32? {
      guard !noticedMS.isEmpty else { return nil }
      let sorted = noticedMS.sorted()
      return sorted[min(sorted.count - 1, Int(Double(sorted.count) * quantile))]
    }
  }

  private static let tick: Int64 = 100_000_000

  private let plan: Plan
  /// Of the observer, the same for all nodes: (tick, ticks).
  private let sleeps: [(at: Int64, length: Int64)]
  private let ticks: Int64

  package init(_ plan: Plan) {
    self.plan = plan
    ticks = plan.seconds * 10
    var random = SeededRandom(seed: plan.seed)
    var sleeps: [(at: Int64, length: Int64)] = []
    var time = Self.wait(plan.sleepEvery, &random)
    while time < ticks {
      let length = random.within(7...200)
      sleeps.append((time, length))
      time += length + Self.wait(plan.sleepEvery, &random)
    }
    self.sleeps = sleeps
  }

  /// - Parameter nodes: which of them; each gives the same whoever else is run.
  package func run(_ nodes: Range<Int>) -> Report {
    var report = Report()
    for node in nodes {
      let seed = plan.seed &* 0x1_0000_0001 &+ UInt64(node) &+ 1
      var world = World(plan: plan, random: SeededRandom(seed: seed), ticks: ticks)
      world.run(sleeps, &report)
    }
    return report
  }

  fileprivate static func wait(_ mean: Duration, _ random: inout SeededRandom) -> Int64 {
    // Evenly up to twice the mean: none has a long tail that a run would wait for.
    1 + random.within(0...max(1, 2 * mean.millisecondsClamped / 100))
  }

  /// One node and its link.
  private struct World {
    let plan: Plan
    var random: SeededRandom
    let ticks: Int64

    var detector = FailureDetector(heardAt: Instant(nanoseconds: 0))
    var pausedUntil: Int64 = 0
    var nextPause: Int64 = 0
    var deadSince: Int64?
    var nextDeath: Int64 = 0
    var nextBeat: Int64 = 0
    var nextDatagram: Int64 = 0
    /// The stream delivers nothing before: a lost segment holds up what comes behind it.
    var streamFreeAt: Int64 = 0
    /// A stream that is stuck for 3 s gives way to a fresh session, where datagrams say that both live.
    var freshAt = Int64.max
    var heardAt: Int64 = 0
    var streamHeardAt: Int64 = 0
    /// Of the last 64 datagrams.
    var arrived: UInt64 = .max
    var sleptSinceDeath: Int64 = 0
    /// While the observer sleeps: what has come that it has not read.
    var unread: Unread?

    struct Unread {
      var hasDatagram = false
      var hasBeat = false
    }

    init(plan: Plan, random: SeededRandom, ticks: Int64) {
      self.plan = plan
      self.random = random
      self.ticks = ticks
    }

    mutating func run(_ sleeps: [(at: Int64, length: Int64)], _ report: inout Report) {
      nextPause = wait(plan.pauseEvery, &random)
      nextDeath = wait(plan.deathEvery, &random)
      var now: Int64 = 0
      var nextSleep = 0
      while now < ticks {
        now += 1
        if nextSleep < sleeps.count, sleeps[nextSleep].at <= now {
          let length = sleeps[nextSleep].length
          nextSleep += 1
          livesUnobserved(from: now, until: now + length, &report)
          now += length
          detector.slept(.nanoseconds(length * DetectorSimulation.tick), until: instant(now))
        } else {
          lives(at: now, &report)
        }
        judge(detector.ticked(at: instant(now)), at: now, &report)
        guard deadSince == nil else { continue }
        report.livedTicks += 1
        let sleep = nextSleep < sleeps.count ? sleeps[nextSleep].at : .max
        let quiet = quietTicks(after: now, until: min(sleep, ticks))
        report.livedTicks += quiet
        now += quiet
      }
    }

    /// Ticks in which nothing happens and nothing can be judged: most of them.
    private func quietTicks(after now: Int64, until end: Int64) -> Int64 {
      guard detector.state == .up else { return 0 }
      let next = min(nextDatagram, nextBeat, nextPause, nextDeath, freshAt, end)
      let judged = min(heardAt + 15, streamHeardAt + 30)
      return max(0, min(next, judged) - now - 1)
    }

    /// What is sent while the observer sleeps is read when that one wakes, before it knows that it slept.
    private mutating func livesUnobserved(
      from first: Int64, until end: Int64, _ report: inout Report
    ) {
      unread = Unread()
      for tick in first...end { lives(at: tick, &report) }
      let read = unread
      unread = nil
      if let died = deadSince { sleptSinceDeath += end - max(died, first) }
      if read?.hasDatagram == true { datagramRead(at: end, &report) }
      if read?.hasBeat == true { beatRead(at: end, &report) }
    }

    private mutating func lives(at now: Int64, _ report: inout Report) {
      guard deadSince == nil else { return }
      if now >= nextPause {
        pausedUntil = now + random.within(1...max(1, plan.pauseMax.millisecondsClamped / 100))
        nextPause =
          pausedUntil + plan.pauseRest.millisecondsClamped / 100 + wait(plan.pauseEvery, &random)
      }
      guard now >= pausedUntil else { return }
      // Not in a pause: what is measured is the silence since it died.
      if now >= nextDeath {
        deadSince = now
        sleptSinceDeath = 0
        return
      }
      if now >= freshAt {
        (freshAt, streamFreeAt) = (.max, now)
        (heardAt, streamHeardAt) = (now, now)
        detector = FailureDetector(heardAt: instant(now))
      }
      if plan.hasDatagrams, now >= nextDatagram { datagram(at: now, &report) }
      if now >= nextBeat { beat(at: now, &report) }
    }

    private mutating func datagram(at now: Int64, _ report: inout Report) {
      let missed = 64 - arrived.nonzeroBitCount
      nextDatagram = now + (missed > BeatPace.missedMax ? 2 : 5)
      let isLost = random.isChance(plan.loss)
      arrived = arrived << 1 | (isLost ? 0 : 1)
      guard !isLost else { return }
      if unread != nil { unread?.hasDatagram = true } else { datagramRead(at: now, &report) }
    }

    private mutating func datagramRead(at now: Int64, _ report: inout Report) {
      heardAt = now
      // The node hears the observer on links of the same kind; that is not judged here.
      judge(detector.heard(HeardBeat(Beat()), at: instant(now)), at: now, &report)
    }

    private mutating func beat(at now: Int64, _ report: inout Report) {
      nextBeat = now + 5
      guard now >= streamFreeAt else { return }
      var stall: Int64 = 0
      var timeout: Int64 = 2
      // The segment or its acknowledgement is lost, and again: the time-out doubles, up to 2 minutes.
      while random.isChance(1 - (1 - plan.loss) * (1 - plan.loss)), stall < 6_000 {
        stall += timeout
        timeout = min(timeout * 2, 1_200)
      }
      guard stall == 0 else {
        streamFreeAt = now + stall
        if plan.hasDatagrams, stall > 30 { freshAt = now + 30 + random.within(5...60) }
        return
      }
      if unread != nil { unread?.hasBeat = true } else { beatRead(at: now, &report) }
    }

    private mutating func beatRead(at now: Int64, _ report: inout Report) {
      (heardAt, streamHeardAt) = (now, now)
      judge(detector.heard(at: instant(now)), at: now, &report)
    }

    private mutating func judge(
      _ verdict: FailureDetector.Verdict?, at now: Int64, _ report: inout Report
    ) {
      switch verdict {
      case nil, .cleared: return
      case .suspected: report.suspected += deadSince == nil ? 1 : 0
      case .degraded, .oneWay: report.degraded += deadSince == nil ? 1 : 0
      case .lost:
        if let died = deadSince {
          report.noticedMS.append(Int32(clamping: (now - died - sleptSinceDeath) * 100))
        } else {
          report.falselyLost += 1
        }
        begin(at: now)
      }
    }

    /// Another session: of the next node in its place, or of the one that was taken for lost.
    private mutating func begin(at now: Int64) {
      detector = FailureDetector(heardAt: instant(now))
      deadSince = nil
      nextDeath = now + wait(plan.deathEvery, &random)
      nextPause = now + wait(plan.pauseEvery, &random)
      (pausedUntil, nextBeat, nextDatagram, streamFreeAt) = (now, now, now, now)
      (freshAt, heardAt, streamHeardAt) = (.max, now, now)
      arrived = .max
    }

    private func instant(_ ticks: Int64) -> Instant {
      Instant(nanoseconds: ticks * DetectorSimulation.tick)
    }

    private func wait(_ mean: Duration, _ random: inout SeededRandom) -> Int64 {
      DetectorSimulation.wait(mean, &random)
    }
  }
}

extension SeededRandom {
  fileprivate mutating func isChance(_ probability: Double) -> Bool {
    Double(next() >> 11) < probability * 0x1p53
  }
}
