internal import DequeModule

/// Jobs whose Finished was heard here in the last 10 minutes, at most 100,000: their redeliveries
/// are looked up (C3). It saves work; nothing rests on it.
struct RecentJobs {
  static let age = Duration.seconds(600)
  static let countMax = 100_000

  private var order = Deque<(job: JobID, at: Instant)>()
  private var counts: [JobID: Int] = [:]

  func contains(_ job: JobID) -> Bool { counts[job] != nil }

  mutating func insert(_ job: JobID, at now: Instant) {
    order.append((job, now))
    counts[job, default: 0] += 1
    if order.count > Self.countMax { dropFirst() }
  }

  mutating func prune(at now: Instant) {
    while let first = order.first, now - first.at > Self.age { dropFirst() }
  }

  private mutating func dropFirst() {
    guard let first = order.popFirst(), let count = counts[first.job] else { return }
    counts[first.job] = count > 1 ? count - 1 : nil
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
