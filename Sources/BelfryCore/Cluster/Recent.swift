internal import DequeModule

/// Jobs whose Finished was heard here, or whose outcome was met, in the last 10 minutes, at most 100,000: their redeliveries
/// are looked up (C3). It saves work; nothing rests on it.
struct RecentJobs {
  static let age = Duration.seconds(600)
  static let countMax = 100_000

  private struct Heard {
    /// How often it is in `order`.
    var count = 0
    var hasOutcome = false

    mutating func again(hasOutcome: Bool) {
      count += 1
      self.hasOutcome = self.hasOutcome || hasOutcome
    }
  }

  private var order = Deque<(job: JobID, at: Instant)>()
  private var heard: [JobID: Heard] = [:]

  func contains(_ job: JobID) -> Bool { heard[job] != nil }
  /// An outcome of the job was met here; of a failure that may be tried again, nothing is known.
  func hasOutcome(_ job: JobID) -> Bool { heard[job]?.hasOutcome ?? false }

  mutating func insert(_ job: JobID, hasOutcome: Bool, at now: Instant) {
    order.append((job, now))
    heard[job, default: Heard()].again(hasOutcome: hasOutcome)
    if order.count > Self.countMax { dropFirst() }
  }

  mutating func prune(at now: Instant) {
    while let first = order.first, now - first.at > Self.age { dropFirst() }
  }

  private mutating func dropFirst() {
    guard let first = order.popFirst(), let index = heard.index(forKey: first.job) else { return }
    if heard.values[index].count > 1 {
      heard.values[index].count -= 1
    } else {
      heard.remove(at: index)
    }
  }
}

/// Failures heard while the job's message was back in its queue, at most 10,000, the oldest dropped
/// first: then the failure is not charged, and the job runs once more than its policy says.
struct RememberedFailures {
  static let countMax = 10_000

  private var order = Deque<JobID>()
  private var failures: [JobID: (run: Run, failure: Failure)] = [:]

  mutating func remember(_ job: JobID, _ run: Run, _ failure: Failure) {
    if failures.updateValue((run, failure), forKey: job) == nil { order.append(job) }
    if order.count > Self.countMax, let oldest = order.popFirst() { failures[oldest] = nil }
  }

  mutating func take(_ job: JobID) -> (run: Run, failure: Failure)? {
    guard !failures.isEmpty, let found = failures.removeValue(forKey: job) else { return nil }
    order.removeAll { $0 == job }
    return found
  }
}
