/// The port to what people tell a cluster and ask of its past, kept in the store: cancels, paused lanes,
/// searches, dead jobs. Nothing of a job's way rests on it but that a cancel outlives a process.
///
/// *Nil*, or a problem, means that the store did not answer: nobody can know what was written; the
/// same call may be made again.
package protocol ControlStore: Sendable {
  /// Makes a cancel known to all coordinators: those there are and those that will be, for 7 days. A publish
  /// of that job that is owed becomes due.
  func addCancel(_ job: JobID, by: String) async -> StoreProblem?

  /// Cancels and withdrawals written since `mark`, and some from just before it; nil: all there are.
  func cancels(since mark: CancelMark?) async -> CancelNews?

  /// All lanes that are paused.
  func pauses() async -> [LanePause]?

  /// Pauses a lane, or lets it go on (`nil`).
  func setPause(_ pause: LanePause?, of lane: Lane) async -> StoreProblem?

  /// Outcomes that match, without results' bytes, the newest first.
  func search(_ filter: OutcomeFilter, limit: Int) async -> Result<[Outcome], StoreProblem>

  /// Dead jobs (failed, expired) that match, with what was asked for, the newest first.
  func dead(_ filter: OutcomeFilter, limit: Int) async -> Result<[Outcome], StoreProblem>

  /// Jobs whose publish is owed, the next first.
  func delayed(_ filter: OutcomeFilter, limit: Int) async -> Result<[DelayedJob], StoreProblem>

  /// Removes outcomes with their results, and withdraws the cancels of those ids.
  func forget(_ jobs: [JobID]) async -> StoreProblem?

  /// Removes outcomes that were recorded longer than `age` ago, at most so many, with their results, and
  /// cancels older than 7 days. When an outcome was recorded is the store's own word: a worker's clock
  /// that is wrong keeps none for ever and lets none go early. Two clocks must agree that it is old, ours
  /// and the store's: one that is ahead must not make an id unknown whose job may still come again. How
  /// many it were; nil: not answered. To be called again while there are any.
  func purge(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int?

  /// Removes chunks of results that were kept longer than `age` ago and that no outcome names: their
  /// worker died, or another attempt won. `age` must be longer than any worker may take from its chunks
  /// to its outcome. How many chunks were looked at, at most `limit`; nil: not answered.
  func purgeChunks(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int?
}

/// What matches: a nil or empty field matches all.
package struct OutcomeFilter: Sendable, Equatable {
  package static let idsMax = 1_000
  package static let limitMax = 10_000

  package var ids: [JobID] = []
  package var idPrefix = ""
  package var states: [Outcome.State] = []
  package var kind: Kind?
  package var lane: Lane?
  package var worker: NodeName?
  package var requires: [Label] = []
  /// Finished then or later.
  package var since: WallTime?
  /// Finished before.
  package var until: WallTime?

  package init() {}

  package func matches(_ outcome: Outcome) -> Bool {
    matches(outcome.id, outcome.kind, outcome.lane, outcome.requires)
      && (states.isEmpty || states.contains(outcome.state))
      && (worker == nil || outcome.worker == worker)
      && since.map { outcome.finishedAt >= $0 } ?? true
      && until.map { outcome.finishedAt < $0 } ?? true
  }

  package func matches(_ id: JobID, _ kind: Kind?, _ lane: Lane, _ requires: [Label]) -> Bool {
    (ids.isEmpty || ids.contains(id)) && (idPrefix.isEmpty || id.text.hasPrefix(idPrefix))
      && (self.kind == nil || kind == self.kind) && (self.lane == nil || lane == self.lane)
      && self.requires.allSatisfy { requires.contains($0) }
  }
}

/// How far somebody has read the cancels: a time of the store's clock.
package struct CancelMark: Sendable, Equatable {
  package var time: WallTime
  package init(time: WallTime) { self.time = time }
}

package struct CancelNews: Sendable, Equatable {
  package var cancelled: [JobID]
  package var withdrawn: [JobID]
  package var mark: CancelMark?

  package init(cancelled: [JobID] = [], withdrawn: [JobID] = [], mark: CancelMark? = nil) {
    self.cancelled = cancelled
    self.withdrawn = withdrawn
    self.mark = mark
  }
}

/// A job whose publish waits in the store: for its time, its back-off, or until the broker takes it.
package struct DelayedJob: Sendable, Equatable {
  package var id: JobID
  package var kind: Kind?
  package var lane: Lane
  package var attempt: Int
  package var due: WallTime

  package init(id: JobID, kind: Kind?, lane: Lane, attempt: Int, due: WallTime) {
    self.id = id
    self.kind = kind
    self.lane = lane
    self.attempt = attempt
    self.due = due
  }
}

extension DelayedJob {
  /// Nil for what is no job: an event or a reply that is owed.
  package init?(_ owed: OwedPublish) {
    guard owed.what == .job, let id = owed.job,
      let lane = QueueTopology.lane(exchange: owed.exchange, routingKey: owed.routingKey)
    else { return nil }
    self.init(
      id: id, kind: owed.message.type.flatMap { Kind($0) }, lane: lane, attempt: owed.attempt,
      due: owed.due)
  }
}

/// What a coordinator needs of the store.
package typealias ClusterStore = OutcomeStore & ControlStore & ScheduleStore & RecordStore
  & AlertStore
