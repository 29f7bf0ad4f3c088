internal import BelfryAPI
internal import SwiftProtobuf

/// Which jobs are meant. What is left out matches all.
///
/// ```swift
/// var dead = JobQuery()
/// dead.states = ["dead"]
/// dead.kind = "resize"
/// for try await job in client.find(dead) { print(job.id, job.errorMessage) }
/// ```
public struct JobQuery: Sendable, Equatable {
  /// At most 1,000.
  public var ids: [String] = []
  /// Ids that begin with this.
  public var idPrefix: String?
  /// Of queued, running, delayed, succeeded, failed, cancelled, expired; "dead" is failed and expired.
  public var states: [String] = []
  public var kind: String?
  public var lane: String?
  /// The worker that runs it, or ran it.
  public var worker: String?
  /// Labels that the job asks for.
  public var requires: [String: String] = [:]
  /// Outcomes: finished then or later, as Unix time in milliseconds.
  public var sinceMilliseconds: Int64?
  /// Outcomes: finished before.
  public var untilMilliseconds: Int64?
  /// At most so many; nil: 100 for `find`, 10,000 for `retry` and `forget`, which is the most.
  public var limit: Int?

  public init(ids: [String] = []) { self.ids = ids }

  var request: Belfry_V1_FindRequest {
    .with {
      $0.ids = ids
      $0.idPrefix = idPrefix ?? ""
      $0.states = states
      $0.kind = kind ?? ""
      $0.lane = lane ?? ""
      $0.worker = worker ?? ""
      $0.requires = requires.sorted { $0.key < $1.key }.map { key, value in
        .with {
          $0.key = key
          $0.value = value
        }
      }
      $0.sinceMs = sinceMilliseconds ?? 0
      $0.untilMs = untilMilliseconds ?? 0
      $0.limit = UInt32(clamping: limit ?? 0)
    }
  }
}

/// What became of the retry of a dead job.
public enum RetryVerdict: Sendable, Equatable {
  /// A new job; its id is made of the old one's, so that who asks twice gets the same.
  case retried(id: String, newID: String)
  case refused(id: String, why: String)
}
