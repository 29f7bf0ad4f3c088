/// The port to the store: the one durable write a job, and what else must outlive a process.
///
/// Nothing here throws: for an insert, *unknown* is an answer that the protocol must deal with, not
/// an exception. Implementations keep their own time limits (5 s to find a server, 10 s a call).
package protocol OutcomeStore: Sendable {
  /// Inserts each outcome under its job's id, majority and journaled, in one batch; one answer each,
  /// in the order given. A duplicate stops none of the others.
  func insert(_ outcomes: [Outcome]) async -> [InsertAnswer]

  /// Reads outcomes with read concern majority; one answer each, in the order given.
  func find(_ jobs: [JobID]) async -> [FindAnswer]

  /// Keeps chunks of a result, majority and journaled; one answer each. All of them go in before the
  /// outcome that names their assignment. A duplicate is there already, from a call whose answer was
  /// lost: nobody else writes chunks of that assignment.
  func insertChunks(_ chunks: [ResultChunk]) async -> [InsertAnswer]

  /// Reads one chunk; nil: it is not there.
  func chunk(_ id: ChunkID) async -> Result<Payload?, StoreProblem>

  /// Writes publishes that are owed, majority and journaled; one answer each. A duplicate key is
  /// reported as unknown: it is no confirm.
  func owe(_ items: [OwedPublish]) async -> [InsertAnswer]

  /// Claims up to `limit` owed publishes that are due by the store's clock, for 10 s each.
  func claimOwed(limit: Int, claimant: String) async -> [OwedPublish]

  /// Removes owed publishes whose publish was confirmed. Best effort: a left one is published again.
  func settleOwed(_ ids: [OwedID]) async

  /// Opens an alert episode, unless one of that rule and subject is open. True: this caller opened it, and sends it.
  func openAlert(_ alert: Alert) async -> Bool?

  /// Closes the open episode. True: this caller closed it, and sends it; nil: the store did not answer.
  func closeAlert(_ alert: Alert) async -> Bool?

  /// Checks that the store is there and can keep the promise (a replica set): nil when it can.
  func check() async -> StoreProblem?

  /// The store's clock. Nil: it does not answer, or has none but the machine's.
  func time() async -> WallTime?
}

extension OutcomeStore {
  package func time() async -> WallTime? { nil }
}

/// Why the store cannot be used.
package struct StoreProblem: Error, Sendable, Equatable {
  /// Waiting will not mend it: no replica set, not authorised, a newer schema.
  package var isPermanent: Bool
  package var message: String

  package init(isPermanent: Bool, message: String) {
    self.isPermanent = isPermanent
    self.message = message
  }
}

package enum InsertAnswer: Sendable, Equatable {
  case inserted
  /// The key is taken: read the winner.
  case duplicate
  /// No answer: it may be there, now or later, or not.
  case unknown(String)
  /// The store will never take this document (too large, too deep).
  case refused(String)
}

package enum FindAnswer: Sendable, Equatable {
  case found(Outcome)
  case absent
  case unknown(String)
}

/// Names a publish that is owed: the boot id of the coordinator that owes it, and a number. Never
/// merged, never used twice.
package struct OwedID: Hashable, Sendable, CustomStringConvertible {
  package let boot: BootID
  package let number: UInt64

  package init(boot: BootID, number: UInt64) {
    self.boot = boot
    self.number = number
  }

  package init?(_ text: String) {
    let parts = text.split(separator: "/")
    guard parts.count == 2, let boot = BootID(parts[0]), let number = UInt64(parts[1])
    else { return nil }
    self.init(boot: boot, number: number)
  }

  package var description: String { "\(boot)/\(number)" }
}

/// A publish that waits in the store: due later, or kept there while the broker takes none.
package struct OwedPublish: Sendable, Equatable {
  package enum What: String, Sendable {
    case job, event, reply
  }

  package var id: OwedID
  package var what: What
  package var job: JobID?
  package var attempt: Int
  package var due: WallTime
  package var exchange: String
  package var routingKey: String
  package var message: QueueMessage

  package init(
    id: OwedID, what: What, job: JobID?, attempt: Int, due: WallTime, exchange: String,
    routingKey: String, message: QueueMessage
  ) {
    self.id = id
    self.what = what
    self.job = job
    self.attempt = attempt
    self.due = due
    self.exchange = exchange
    self.routingKey = routingKey
    self.message = message
  }
}
