internal import BelfryCore

/// Those who wait for a job's outcome.
struct OutcomeWaiters {
  typealias Continuation = CheckedContinuation<Outcome?, Never>

  private var nextID: UInt64 = 1
  private var byJob: [JobID: [UInt64]] = [:]
  private var waiting: [UInt64: (job: JobID, continuation: Continuation)] = [:]
  private var newJobs: [JobID] = []

  var jobs: [JobID] { byJob.keys.sorted() }

  mutating func newID() -> UInt64 {
    defer { nextID += 1 }
    return nextID
  }

  mutating func add(_ id: UInt64, _ job: JobID, _ continuation: Continuation) {
    waiting[id] = (job, continuation)
    byJob[job, default: []].append(id)
    newJobs.append(job)
  }

  mutating func takeNewJobs() -> [JobID] {
    defer { newJobs = [] }
    return newJobs.filter { byJob[$0] != nil }
  }

  mutating func cancel(_ id: UInt64) {
    guard let (job, continuation) = waiting.removeValue(forKey: id) else { return }
    byJob[job]?.removeAll { $0 == id }
    if byJob[job]?.isEmpty ?? false { byJob[job] = nil }
    continuation.resume(returning: nil)
  }

  mutating func settled(_ outcomes: [Outcome]) {
    guard !waiting.isEmpty else { return }
    for outcome in outcomes {
      for id in byJob.removeValue(forKey: outcome.id) ?? [] {
        waiting.removeValue(forKey: id)?.continuation.resume(returning: outcome)
      }
    }
  }
}
