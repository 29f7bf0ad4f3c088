/// The one final record of a job. Inserted once under the job's id, never updated.
package struct Outcome: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    case succeeded, failed, cancelled, expired
  }

  package var id: JobID
  package var state: State
  /// Why, as a stable code: empty for success, else `error`, `timeout`, `poison`, `too-large`,
  /// `malformed`, `result-too-large`, `unrecordable`, `deadline`, `cancelled`.
  package var reason: String
  package var kind: Kind?
  package var lane: Lane
  package var attempt: Int
  package var tries: Int
  package var losses: Int
  package var assignment: AssignmentID?
  package var worker: NodeName?
  package var submittedAt: WallTime?
  package var startedAt: WallTime?
  package var finishedAt: WallTime
  package var result: JobResult?
  package var error: JobError?
  package var history: [HistoryLine]
  package var retryOf: JobID?
  /// Labels that the job asked for. Sorted.
  package var requires: [Label]
  /// What was asked for, kept with what a coordinator records as failed or expired, so that a person can
  /// submit it anew. Reading an outcome by its id leaves it out: `ControlStore.dead` brings it.
  package var job: Job?

  package init(
    id: JobID, state: State, reason: String = "", kind: Kind?, lane: Lane, attempt: Int,
    tries: Int = 0, losses: Int = 0, assignment: AssignmentID? = nil, worker: NodeName? = nil,
    submittedAt: WallTime? = nil, startedAt: WallTime? = nil, finishedAt: WallTime,
    result: JobResult? = nil, error: JobError? = nil, history: [HistoryLine] = [],
    retryOf: JobID? = nil, requires: [Label] = [], job: Job? = nil
  ) {
    self.id = id
    self.state = state
    self.reason = reason
    self.kind = kind
    self.lane = lane
    self.attempt = attempt
    self.tries = tries
    self.losses = losses
    self.assignment = assignment
    self.worker = worker
    self.submittedAt = submittedAt
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.result = result
    self.error = error
    self.history = history
    self.retryOf = retryOf
    self.requires = requires
    self.job = job
  }
}

/// What a handler returned: its bytes, or where in the store they are.
package struct JobResult: Sendable, Equatable {
  package var contentType: String
  /// Empty when the result is kept in chunks.
  package var bytes: Payload
  /// Set when the bytes are kept beside the outcome, as chunks of the outcome's assignment.
  package var chunks: ResultChunks?

  /// How many bytes an outcome holds itself, at most: a document of MongoDB holds 16 MiB, and outcomes
  /// travel through sessions and memory. What is larger is kept in chunks of this size.
  package static let inlineBytesMax = 1 << 20

  package init(contentType: String = "application/octet-stream", bytes: Payload) {
    self.contentType = contentType
    self.bytes = bytes
  }

  package init(contentType: String, chunks: ResultChunks) {
    self.contentType = contentType
    self.bytes = .empty
    self.chunks = chunks
  }

  /// Of the whole result, in bytes.
  package var size: Int { chunks?.size ?? bytes.size }
}

/// How a result is kept beside its outcome.
package struct ResultChunks: Sendable, Equatable {
  package let count: Int
  /// Of the whole result, in bytes.
  package let size: Int

  package init(count: Int, size: Int) {
    self.count = count
    self.size = size
  }
}

/// Names a chunk of a result. An assignment id is never used twice, so neither is this.
package struct ChunkID: Hashable, Sendable, CustomStringConvertible {
  package let job: JobID
  package let assignment: AssignmentID
  /// From 0.
  package let number: Int

  package init(job: JobID, assignment: AssignmentID, number: Int) {
    self.job = job
    self.assignment = assignment
    self.number = number
  }

  package var description: String { "\(job)/\(assignment)/\(number)" }
}

package struct ResultChunk: Sendable, Equatable {
  package let id: ChunkID
  package let bytes: Payload

  package init(id: ChunkID, bytes: Payload) {
    self.id = id
    self.bytes = bytes
  }
}

/// Why a job failed, for people: a code, a sentence, and the end of what it printed.
package struct JobError: Sendable, Equatable {
  package var code: String
  package var message: String
  package var stderr: String

  package init(code: String, message: String, stderr: String = "") {
    self.code = code
    self.message = message
    self.stderr = stderr
  }
}

/// One failure of a handler: nothing is recorded yet, the retry policy decides.
package struct Failure: Sendable, Equatable {
  package var isTimeout: Bool
  package var neverAgain: Bool
  package var error: JobError
  package var startedAt: WallTime
  package var finishedAt: WallTime

  package init(
    isTimeout: Bool = false, neverAgain: Bool = false, error: JobError, startedAt: WallTime,
    finishedAt: WallTime
  ) {
    self.isTimeout = isTimeout
    self.neverAgain = neverAgain
    self.error = error
    self.startedAt = startedAt
    self.finishedAt = finishedAt
  }
}
