internal import OrderedCollections

/// A coordinator that alone has lost its store leaves the jobs to those that reach it.
struct StandingAside {
  private(set) var isOn = false
  /// When a worker recorded an outcome last, as it said here: then the store worked.
  var storeWorkedAt: WallTime?
  /// The same of a run that another coordinator had given out.
  var othersWorkedAt: WallTime?
  private var since = WallTime(milliseconds: 0)
  /// Nobody took the jobs: not again before the store is back.
  private var isInVain = false

  /// How long jobs may wait, and none of another coordinator's end.
  static let patience = Duration.seconds(30)

  mutating func judge(canLeave: Bool, jobsWait: Bool, at now: WallTime) {
    guard isOn else {
      isOn = canLeave && !isInVain
      since = now
      return
    }
    isInVain = jobsWait && now - max(since, othersWorkedAt ?? since) >= Self.patience
    isOn = canLeave && !isInVain
  }

  mutating func storeIsBack() { (isOn, isInVain) = (false, false) }
}

extension ClusterCore {
  /// Without the store a redelivery, a retry and the job of a lost worker wait for an answer. While the store
  /// answers others, and another coordinator is there, they are that one's: this one consumes nothing and
  /// gives back what it cannot judge. What runs goes on. Should nobody take them, it goes on as before: new jobs
  /// need no answer.
  mutating func standAsideWithoutStore(at now: Now) {
    let wasOn = standingAside.isOn
    if parts.storeState.state == .up {
      standingAside.storeIsBack()
    } else {
      let ready = laneQueues.contains { lane, queues in
        queues.dropLast().contains { laneCounts[lane]?.ready[$0] ?? 0 > 0 }
      }
      standingAside.judge(canLeave: isStoreAwayHereOnly(at: now), jobsWait: ready, at: now.wall)
    }
    if standingAside.isOn != wasOn {
      replanAll(at: now)
      ready.healthChanged = true
    }
    guard standingAside.isOn else { return }
    handBack(at: now)
    ledger.passOn(at: now, into: &ready)
  }

  /// A worker has recorded an outcome since it was last heard here, and workers have sessions with another
  /// coordinator, which serves all these lanes. What the store says of that one is old.
  private func isStoreAwayHereOnly(at now: Now) -> Bool {
    guard now.wall - parts.storeState.since >= Self.partDownAfter,
      let worked = standingAside.storeWorkedAt,
      worked - parts.storeState.since >= Self.partDownAfter
    else { return false }
    return roster.peers.values.contains { peer in
      peer.standing == .up && Set(peer.record.lanes).isSuperset(of: configuration.lanes)
        && workers.values.contains { $0.isAlive && $0.hears.contains(peer.record.name) }
    }
  }

  mutating func heardOfRecorded(_ outcome: Outcome, at now: Now) {
    // It may be told long after.
    let recorded = min(outcome.finishedAt, now.wall)
    standingAside.storeWorkedAt = recorded
    if outcome.assignment?.boot != configuration.boot { standingAside.othersWorkedAt = recorded }
  }
}
