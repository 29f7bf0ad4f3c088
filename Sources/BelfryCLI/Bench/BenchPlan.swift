internal import Belfry
internal import Foundation

/// What a benchmark is to do.
struct BenchPlan: Sendable {
  /// Of this run: in its jobs' ids, and the label by which only its worker may run them.
  let id: String
  let lane: String
  let server: String
  let worker: (name: String, identity: String)
  let slots: Int
  let jobs: Int
  let size: Int
  let callers: Int
  let rate: Int
  let seconds: Int
  let limit: Duration

  static let kind = "belfry-bench"
  /// Jobs in a call while the lane is filled.
  static let batch = 100

  func job(_ id: String) -> NewJob {
    var job = NewJob(kind: Self.kind, payload: [UInt8](repeating: 0x78, count: size), id: id)
    job.lane = lane
    job.requires = ["bench": self.id]
    // What an interrupted run leaves behind goes by itself.
    let time = limit + .seconds(seconds)
    job.deadlineMilliseconds =
      Int64(Date().timeIntervalSince1970 * 1_000) + Int64(time / .milliseconds(1))
    return job
  }

  func filling(_ number: Int) -> String { "\(id)-fill-\(number)" }
  func steady(_ number: Int) -> String { "\(id)-steady-\(number)" }
}
