/// What a coordinator holds of one job: the set of its deliveries, the union of their histories, and
/// how far it has come. An entry exists while there is something to ack or to settle.
final class Entry {
  enum State {
    /// C3: the store was asked for an outcome.
    case looking(ticket: UInt64)
    /// C3 again after an unknown answer, or a pause after a refusal.
    case resting(until: Instant, thenLook: Bool)
    /// C4: waits in the dispatcher.
    case queued
    /// Assigned or adopted.
    case running(AssignmentID)
    /// C5': the assignment's process is gone or does not name it; the store was asked.
    case verdict(Lost, ticket: UInt64)
    /// C5 to C7; `serial` tells this settlement from an earlier one of the same job.
    case settling(Settlement, serial: UInt64)
  }

  /// An assignment that ended without a word.
  struct Lost {
    let assignment: AssignmentID
    let worker: NodeName
    let boot: BootID
    let started: Bool
    /// A hazard ran on that worker at the time.
    let beside: Bool
    /// A partition of ours: no loss is charged.
    let uncharged: Bool
  }

  enum Settlement {
    /// The coordinator records (expired, poison, no tries left, cancelled, malformed), or does so
    /// for a worker that cannot.
    case recording(OutcomeRecorder.Ticket)
    /// A successor with this attempt is being published.
    case succeeding(attempt: Int)
    /// Event and replies are being published.
    indirect case announcing(Outcome, outstanding: Int)
  }

  var job: Job
  var attempt: Int
  var history: History
  var replies: [ReplyAddress]
  var deliveries: [DeliveryTag] = []
  /// Arrived while the set was being settled: not joined.
  var waiting: [(tag: DeliveryTag, arrival: Arrival)] = []
  var state: State
  var service: ServiceClass
  var runAt: WallTime?
  /// Since when the oldest delivery is held: long jobs are re-parked.
  var heldSince: Instant
  /// Since when it could have run, by the wall clock; nil: it came back, or had to wait for its time.
  let waitsSince: WallTime?
  /// Seen ten times by the broker: run as a hazard, an alert names it.
  var isSuspicious = false

  init(_ message: JobMessage, _ arrival: Arrival, state: State, at now: Instant) {
    job = message.job
    attempt = message.attempt
    history = message.history
    replies = message.job.reply.map { [$0] } ?? []
    self.state = state
    service = arrival.source == .again ? .again : ServiceClass(message.job.priority)
    runAt = message.runAt
    heldSince = now
    waitsSince = message.attempt == 1 && !message.isRepeat ? message.job.submittedAt : nil
    join(message, arrival)
  }

  /// C1: the set's history is the union, its attempt the greatest.
  func join(_ message: JobMessage, _ arrival: Arrival) {
    deliveries.append(arrival.tag)
    attempt = max(attempt, message.attempt)
    history.formUnion(message.history)
    if let reply = message.job.reply, !replies.contains(reply) { replies.append(reply) }
    if arrival.deliveryCount >= 10 { isSuspicious = true }
  }

  var isSettling: Bool { if case .settling = state { true } else { false } }
  var isQueued: Bool { if case .queued = state { true } else { false } }

  /// In C5' and in settlement a delivery is not joined: it waits.
  var makesArrivalsWait: Bool {
    switch state {
    case .verdict, .settling: true
    default: false
    }
  }
}

/// The belief that a worker runs an assignment.
struct Run {
  let job: JobID
  let assignment: AssignmentID
  let worker: NodeName
  let boot: BootID
  var started: Bool
  var isHazard: Bool
  /// Since when it is known here.
  var since: Instant
  /// Told to stop or cancel: not offered for adoption.
  var isStopping = false
  var progress: JobProgress?
}
