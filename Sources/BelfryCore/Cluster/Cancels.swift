/// Jobs that somebody cancelled, as the store's collection `cancels` has them: a message of such a job,
/// whenever it comes, is settled by its outcome and not run. Forgotten after 7 days here and there.
struct Cancels {
  static let keptFor = Duration.seconds(7 * 86_400)
  private static let pruneEvery = Duration.seconds(3_600)

  private var jobs: [JobID: Instant] = [:]
  private var lastPruned: Instant?

  var count: Int { jobs.count }

  func contains(_ job: JobID) -> Bool { !jobs.isEmpty && jobs[job] != nil }

  /// True when it was not known.
  @discardableResult
  mutating func insert(_ job: JobID, at now: Instant) -> Bool {
    guard jobs[job] == nil else { return false }
    jobs[job] = now
    return true
  }

  mutating func remove(_ job: JobID) { jobs[job] = nil }

  mutating func prune(at now: Instant) {
    if let lastPruned, now - lastPruned < Self.pruneEvery { return }
    lastPruned = now
    jobs = jobs.filter { now - $0.value < Self.keptFor }
  }
}
