/// How many durations there were of each size, for a histogram.
package struct DurationCounts: Sendable, Equatable {
  /// Upper bounds of all but the last.
  package static let bounds: [Duration] = [
    .milliseconds(5), .milliseconds(10), .milliseconds(25), .milliseconds(50),
    .milliseconds(100), .milliseconds(250), .milliseconds(500), .seconds(1), .milliseconds(2_500),
    .seconds(5), .seconds(10), .seconds(30), .seconds(60), .seconds(300), .seconds(1_800),
    .seconds(7_200),
  ]

  /// Of each bound, those that are no longer and longer than the bound before it; the last are the rest.
  package private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  package private(set) var sum = Duration.zero

  private static let longest = Duration.seconds(366 * 86_400)

  package init() {}

  /// The bound that this share of them does not pass; nil: they are fewer, or pass the last bound.
  package func quantile(_ share: Double, ofAtLeast least: UInt64) -> Duration? {
    let total = counts.reduce(0, +)
    guard total >= least else { return nil }
    var sum: UInt64 = 0
    for (bound, count) in zip(Self.bounds, counts) {
      sum += count
      if Double(sum) >= share * Double(total) { return bound }
    }
    return nil
  }

  /// What two clocks make negative is none.
  package mutating func add(_ duration: Duration) {
    // And what a worker says is believed up to a year: the sum must not overflow.
    let duration = min(max(.zero, duration), Self.longest)
    counts[Self.bounds.firstIndex { duration <= $0 } ?? Self.bounds.count] += 1
    sum += duration
  }
}

/// A lane in time, as one coordinator has seen it since it started.
package struct LaneTimes: Sendable, Equatable {
  package var lane: Lane
  /// Of the jobs held here that do not run, how long the first has waited; zero when there is none.
  package var oldestAge: Duration
  /// Of first attempts: from when a job could have run until it was given to a worker.
  package var waits: DurationCounts
  /// Of each run that its worker has told the end of, whatever became of it.
  package var runs: DurationCounts
}

extension ClusterCore {
  package func laneTimes(at now: Now) -> [LaneTimes] {
    var oldest: [Lane: Duration] = [:]
    for entry in entries.values {
      switch entry.state {
      case .queued, .looking, .resting:
        oldest[entry.job.lane] = max(oldest[entry.job.lane] ?? .zero, entry.waited(at: now))
      case .running, .verdict, .settling: continue
      }
    }
    return configuration.lanes.map { lane in
      let counts = laneCounts[lane] ?? LaneCounts()
      return LaneTimes(
        lane: lane, oldestAge: oldest[lane] ?? .zero, waits: counts.waits, runs: counts.runs)
    }
  }

  mutating func countWait(of entry: Entry, at now: Now) {
    guard entry.attempt == 1 else { return }
    laneCounts[entry.job.lane, default: LaneCounts()].waits.add(entry.waited(at: now))
  }

  /// - Parameter lane: of the job, where it is held here.
  mutating func countRun(_ assignment: AssignmentID, _ result: FinishedResult, lane: Lane?) {
    switch result {
    case .recorded(let outcome), .unrecorded(let outcome):
      // What the store holds may be of another run.
      guard outcome.assignment == assignment, let began = outcome.startedAt else { return }
      laneCounts[outcome.lane, default: LaneCounts()].runs.add(outcome.finishedAt - began)
    case .failed(let failure):
      guard let lane else { return }
      laneCounts[lane, default: LaneCounts()].runs.add(failure.finishedAt - failure.startedAt)
    case .stopped: return
    }
  }
}

extension Entry {
  /// Since its submission; of what waited for its time, or came back, since it came here.
  func waited(at now: Now) -> Duration {
    max(.zero, waitsSince.map { now.wall - $0 } ?? (now.monotonic - heldSince))
  }
}
