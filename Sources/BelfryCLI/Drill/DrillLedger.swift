internal import BelfryAPI
internal import Foundation

/// What a drill knows of its jobs: what was accepted, what came of it, and when.
actor DrillLedger {
  /// An outcome as it was first read, and what it was when it was read again.
  private struct Seen {
    let at: ContinuousClock.Instant
    let outcome: Belfry_V1_Outcome
    var hasChanged = false
  }

  private var accepted: [String: ContinuousClock.Instant] = [:]
  private var seen: [String: Seen] = [:]
  private(set) var repeatedSubmits = 0
  private(set) var hasStruck = false

  func struck() { hasStruck = true }
  func submitRepeated() { repeatedSubmits += 1 }
  func wasAccepted(_ id: String) { accepted[id] = .now }

  var acceptedCount: Int { accepted.count }
  var ids: [String] { accepted.keys.sorted() }
  /// Accepted, and no outcome was read.
  var outstanding: [String] { accepted.keys.filter { seen[$0] == nil }.sorted() }

  /// An outcome never changes: one that does was recorded twice.
  func read(_ view: Belfry_V1_JobView) {
    guard view.hasOutcome, accepted[view.id] != nil else { return }
    if let first = seen[view.id] {
      if first.outcome != view.outcome { seen[view.id]?.hasChanged = true }
    } else {
      seen[view.id] = Seen(at: .now, outcome: view.outcome)
    }
  }

  /// When the last of the jobs that were accepted by then had its outcome; nil: one has none.
  func recovered(acceptedBy time: ContinuousClock.Instant) -> ContinuousClock.Instant? {
    var last = time
    for (id, at) in accepted where at <= time {
      guard let seen = seen[id] else { return nil }
      last = max(last, seen.at)
    }
    return last
  }

  /// - Parameter runs: assignments by job, as the commands wrote them down.
  func counts(runs: [String: [String]]) -> DrillCounts {
    var counts = DrillCounts(jobs: accepted.count, lost: outstanding.count)
    counts.lostIDs = outstanding
    for (id, seen) in seen {
      let outcome = seen.outcome
      if outcome.state != "succeeded" { counts.failed += 1 }
      // The result must be of the run that is recorded, and that run must have been.
      let isForeign =
        outcome.state == "succeeded"
        && (outcome.result != Data("\(id) \(outcome.assignment)\n".utf8)
          || runs[id]?.contains(outcome.assignment) != true)
      if seen.hasChanged || isForeign { counts.twiceIDs.append(id) }
      counts.ranAgain += max(0, (runs[id]?.count ?? 0) - 1)
    }
    counts.twiceIDs.sort()
    return counts
  }
}

struct DrillCounts {
  var jobs = 0
  /// Accepted, and without an outcome when the drill's time was over.
  var lost = 0
  /// Whose outcome changed, or is not of the run that it names.
  var twice: Int { twiceIDs.count }
  var failed = 0
  /// Runs more than one a job: what a dead worker held runs again.
  var ranAgain = 0
  var lostIDs: [String] = []
  var twiceIDs: [String] = []
}
