/// What the shell must do after a step. Everything in one `Ready` may be done at once and in any
/// order: what depends on something durable is emitted only by the later step that hears of it. So
/// an ack is here only when its outcome is recorded and announced, or its successor counts.
package struct Ready: Sendable {
  /// Ask the store for an outcome; answer with `Input.lookedUp`.
  package var lookups: [Lookup] = []
  /// Requests of the recorder; answer with `Input.inserted` and `Input.found`.
  package var records: [OutcomeRecorder.Request] = []
  package var publishes: [Publish] = []
  /// Publishes to write to the store instead, to be published when due.
  package var owes: [Owe] = []
  /// Owed publishes whose publish counted: remove them.
  package var settledOwed: [OwedID] = []
  package var sends: [(session: SessionID, message: CoordinatorMessage)] = []
  package var closes: [(session: SessionID, why: String)] = []
  /// Datagrams to send, where the session's last authentic one came from.
  package var beats: [(session: SessionID, beat: Beat)] = []
  /// Sessions of which no datagram is read or sent any more.
  package var beatsOver: [SessionID] = []
  package var acks: [DeliveryTag] = []
  package var requeues: [DeliveryTag] = []
  package var commands: [QueueCommand] = []
  package var alerts: [Alert] = []
  package var notices: [Notice] = []
  /// For the alerts' desk, which must not wait for a store that is away; nil when nothing was heard.
  package var storeIsUp: Bool?
  package var answers: [Answer] = []
  /// Outcomes announced in this step, for those who wait for them.
  package var settled: [Outcome] = []
  package var healthChanged = false

  package init() {}
}

package struct Lookup: Sendable, Equatable {
  package let ticket: UInt64
  package let job: JobID
}

package struct Publish: Sendable {
  package indirect enum What: Sendable {
    case job(JobMessage, Destination)
    case event(Outcome)
    case reply(ReplyAddress, Outcome)
    case rejected(Malformed)
    /// As it was kept in the store, with the repeat mark and without its run-at.
    case owed(OwedPublish)
  }

  package enum Destination: Sendable, Equatable {
    case lane
    case again
    case parked
  }

  package let id: PublishID
  package let what: What
}

package struct Owe: Sendable {
  package let id: PublishID
  package let what: Publish.What
  package let due: WallTime
  package let owedID: OwedID
}

package enum Answer: Sendable, Equatable {
  case submitted(token: UInt64, SubmitAnswer)
  /// What the store holds: cancelled, or finished first. `wasSeen`: this
  /// coordinator held the job, or the store had an outcome of it.
  case cancelled(token: UInt64, Outcome, wasSeen: Bool)
}

package enum SubmitAnswer: Sendable, Equatable {
  case accepted
  /// Nothing was accepted, or nobody can know; the same id may be submitted again.
  case unavailable(String)
  /// No queue took it.
  case noSuchLane
}
