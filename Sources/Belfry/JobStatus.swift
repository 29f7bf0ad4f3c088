internal import BelfryAPI
internal import Foundation

/// What is known of a job: where it is, or its outcome.
public struct JobStatus: Sendable, Equatable {
  public let id: String
  /// delayed, queued, running, or the outcome's: succeeded, failed, cancelled, expired.
  public let state: String
  public let kind: String
  public let lane: String
  /// From 1; 0 when it has none yet.
  public let attempt: Int
  public let worker: String
  /// Why it waits, in words; empty when it does not.
  public let waitingFor: String
  /// When a delayed job is due, as Unix time in milliseconds; else nil.
  public let dueMilliseconds: Int64?
  /// How far it is, as its handler says, from 0 to 1; and in words.
  public let progress: Double
  public let progressText: String

  /// Stable code of the outcome's reason; empty for a success.
  public let reason: String
  /// The handler's own failures.
  public let tries: Int
  /// Workers that died under it.
  public let losses: Int
  /// The result up to 1 MiB. Empty where the job is one of a list, and where the result is in chunks.
  public let result: [UInt8]
  public let contentType: String
  /// Of the whole result, in bytes.
  public let resultSize: Int
  /// The result is larger than 1 MiB and kept beside the outcome: `BelfryClient.result(of:)` brings it.
  public let isResultInChunks: Bool
  public let errorCode: String
  public let errorMessage: String
  /// The end of what a failed command wrote to standard error.
  public let errorStderr: String
  /// As Unix time in milliseconds; nil: unknown, or not yet.
  public let submittedMilliseconds: Int64?
  public let startedMilliseconds: Int64?
  public let finishedMilliseconds: Int64?
  /// The dead job that this one is a retry of; empty when it is none.
  public let retryOf: String
  /// Attempts that did not end the job, the oldest first.
  public let history: [PastAttempt]

  public var isDone: Bool { ["succeeded", "failed", "cancelled", "expired"].contains(state) }

  /// An attempt that did not end its job.
  public struct PastAttempt: Sendable, Equatable {
    public let attempt: Int
    /// failed, timeout, or lost: its worker died.
    public let what: String
    public let worker: String
    public let milliseconds: Int64
    public let code: String
    public let message: String
    /// The end of what a command wrote to standard error, at most 1 KiB.
    public let stderr: String
  }

  init(_ view: Belfry_V1_JobView) {
    let outcome = view.outcome
    id = view.id
    state = view.state
    kind = view.kind
    lane = view.lane
    attempt = Int(view.attempt)
    worker = view.worker
    waitingFor = view.waitingFor
    dueMilliseconds = Self.time(view.dueMs)
    progress = Double(view.progressPermille) / 1_000
    progressText = view.progressText
    reason = outcome.reason
    tries = Int(outcome.tries)
    losses = Int(outcome.losses)
    result = [UInt8](outcome.result)
    contentType = outcome.contentType
    resultSize = Int(clamping: outcome.resultSize)
    isResultInChunks = outcome.resultChunks > 0
    errorCode = outcome.errorCode
    errorMessage = outcome.errorMessage
    errorStderr = outcome.errorStderr
    submittedMilliseconds = Self.time(outcome.submittedAtMs)
    startedMilliseconds = Self.time(outcome.startedAtMs)
    finishedMilliseconds = Self.time(outcome.finishedAtMs)
    retryOf = outcome.retryOf
    history = outcome.history.map { line in
      PastAttempt(
        attempt: Int(line.attempt), what: line.what, worker: line.worker, milliseconds: line.atMs,
        code: line.code, message: line.message, stderr: line.stderr)
    }
  }

  private static func time(_ milliseconds: Int64) -> Int64? {
    milliseconds == 0 ? nil : milliseconds
  }
}
