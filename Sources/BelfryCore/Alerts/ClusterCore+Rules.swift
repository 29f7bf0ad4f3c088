internal import OrderedCollections

/// What is looked at every two seconds, and told once it has been so for as long as its rule says.
extension ClusterCore {
  static let flapping = "node-flapping"
  private static let longWait = Duration.seconds(600)
  private static let longRun = Duration.seconds(600)

  mutating func watchRules(at now: Now) {
    for lane in configuration.lanes {
      laneCounts[lane, default: LaneCounts()].mark(at: now.monotonic)
    }
    for item in laneItems(at: now) { watchLane(item, at: now) }
    watchLongRuns(at: now)
    // One that no worker hears is one alert, of its own.
    let others = Set(
      roster.peers.values.filter { $0.standing == .up && !isMissed($0.record.name) }
        .map(\.record.name))
    for worker in workers.values {
      watchClock(of: worker, at: now)
      watchLosses(of: worker, at: now)
      watchLinks(of: worker, to: others, at: now)
    }
    watchVersions(at: now)
    watchSinks(at: now)
    rulesSince = rulesSince.filter { rulesSeen.contains($0.key) }
    rulesSeen = []
  }

  /// - Parameter why: nil: it is not so.
  private mutating func watch(
    _ rule: String, _ subject: String, for patience: Duration, _ summary: String, why: String?,
    at now: Now
  ) {
    guard let why else { return resolveIfOpen(rule, subject, why: "it is over", at: now) }
    let key = "\(rule)/\(subject)"
    rulesSeen.insert(key)
    let since = rulesSince[key] ?? now.monotonic
    rulesSince[key] = since
    if now.monotonic - since >= patience {
      raise(rule, subject, .warning, summary, why: why, at: now)
    }
  }

  // MARK: lanes

  private mutating func watchLane(_ look: HealthPicture.LaneItem, at now: Now) {
    let lane = look.name
    let isWaiting = look.ready + look.waiting + look.parked > 0 && pauses[lane] == nil
    let unserved = isWaiting ? whyUnserved(lane) : nil
    watch(
      "lane-unserved", lane.text, for: .seconds(60), "jobs of lane \(lane) wait for a worker",
      why: unserved, at: now)
    let age = look.oldestSince.map { now.wall - $0 } ?? .zero
    let isOld = isWaiting && unserved == nil && age >= Self.longWait
    watch(
      "lane-waits", lane.text, for: .seconds(60), "a job of lane \(lane) has waited for long",
      why: isOld ? "for \(age.secondsText); \(look.waitsFor)" : nil, at: now)
    let recent = laneCounts[lane]?.recent(.seconds(300), at: now.monotonic)
    // Told from a half on, it is over below a quarter.
    let share = openAlerts["lane-fails/\(lane)"] == nil ? 2 : 4
    let failing = recent.flatMap {
      $0.finished >= 20 && $0.failed * share >= $0.finished ? $0 : nil
    }
    watch(
      "lane-fails", lane.text, for: .zero, "at least half of the jobs of lane \(lane) fail",
      why: failing.map {
        "\($0.failed) of \($0.finished) within 5 minutes; belfry job list --state dead lists them"
      }, at: now)
  }

  /// One run a lane is named, the longest: three times as long as 99 % of the lane's, and ten minutes.
  private mutating func watchLongRuns(at now: Now) {
    var longest: [Lane: Run] = [:]
    for run in runs.values {
      guard let lane = entries[run.job]?.job.lane else { continue }
      let isLonger = longest[lane].map {
        run.since != $0.since ? run.since < $0.since : run.assignment < $0.assignment
      }
      if isLonger ?? true { longest[lane] = run }
    }
    for lane in configuration.lanes {
      let usual = laneCounts[lane]?.runs.quantile(0.99, ofAtLeast: 100)
      let late = longest[lane].flatMap { run -> String? in
        guard let usual, now.monotonic - run.since >= max(usual * 3, Self.longRun) else {
          return nil
        }
        return
          "job \(run.job) has run on \(run.worker) for \((now.monotonic - run.since).secondsText); 99 % "
          + "of the runs of its lane end within \(usual.secondsText)"
      }
      watch(
        "job-runs-long", lane.text, for: .zero,
        "a job of lane \(lane) runs for far longer than others",
        why: late, at: now)
    }
  }

  // MARK: sinks

  /// Of what waits for a sink the last try has failed: told by the others.
  private mutating func watchSinks(at now: Now) {
    for sink in sinks.values {
      watch(
        "alert-delivery", sink.name, for: .seconds(300), "alerts do not get to sink \(sink.name)",
        why: sink.failure.isEmpty ? nil : "\(sink.waiting) wait: \(sink.failure)", at: now)
    }
  }

  mutating func sinksLooked(_ looks: [SinkLook]) {
    for look in looks { sinks[look.name] = look }
  }

  // MARK: nodes

  private mutating func watchClock(of worker: Worker, at now: Now) {
    let isOff = worker.isAlive && !(.seconds(-2)...(.seconds(2))).contains(worker.clockOffset)
    let (offset, isAhead) = (worker.clockOffset, worker.clockOffset > .zero)
    watch(
      "clock-offset", worker.name.text, for: .seconds(30),
      "the clock of worker \(worker.name) is wrong",
      why: isOff
        ? "it is \((isAhead ? offset : .zero - offset).secondsText) \(isAhead ? "ahead" : "behind"): times of its "
          + "outcomes are wrong by as much; timedatectl says whether it is synchronised" : nil,
      at: now)
  }

  /// Heard here, and without a session with another coordinator that writes.
  /// - Parameter others: that are up as far as the store says, which must be read for that.
  private mutating func watchLinks(
    of worker: Worker, to others: Set<NodeName>, at now: Now
  ) {
    let isKnown = parts.storeState.state == .up
    let cut = isKnown ? worker.misses.filter(others.contains).map(\.text).sorted() : []
    watch(
      "link-degraded", worker.name.text, for: .seconds(10),
      "worker \(worker.name) does not reach every coordinator",
      why: worker.isAlive && !cut.isEmpty
        ? "it has lost its session with \(cut.joined(separator: ", ")), and calls again; coordinator "
          + "\(configuration.name) hears it" : nil, at: now)
  }

  /// An upgrade, node after node, is done within an hour.
  private mutating func watchVersions(at now: Now) {
    let others =
      workers.values.lazy.filter(\.isAlive).map(\.hello.software)
      + roster.peers.values.lazy.filter { $0.standing == .up }.map(\.record.software)
    // What workers in other languages are, and in people's own programs, is another matter.
    let versions = Set(others + [configuration.software]).filter { $0.hasPrefix("belfry ") }
      .sorted()
    watch(
      "version-skew", "cluster", for: .seconds(3_600),
      "nodes of this cluster are of several versions",
      why: versions.count > 1 ? versions.prefix(4).joined(separator: ", ") : nil, at: now)
  }

  /// The third loss within ten minutes: it comes back each time.
  mutating func noteLoss(of worker: Worker, at now: Now) {
    worker.losses = worker.losses.filter { now.monotonic - $0 < .seconds(600) } + [now.monotonic]
    guard worker.losses.count >= 3 else { return }
    raise(
      Self.flapping, worker.name.text, .warning, "worker \(worker.name) comes and goes",
      why: "lost \(worker.losses.count) times within ten minutes; this time: \(worker.reason)",
      at: now)
  }

  private mutating func watchLosses(of worker: Worker, at now: Now) {
    guard let last = worker.losses.last, now.monotonic - last >= .seconds(600) else { return }
    worker.losses = []
    resolveIfOpen(Self.flapping, worker.name.text, why: "not lost for ten minutes", at: now)
  }
}
