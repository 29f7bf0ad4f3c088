/// What a worker and a coordinator say to each other on a session, as core values. The schema in
/// `proto/belfry/v1/session.proto` is their form on the wire.

package enum WorkerMessage: Sendable, Equatable {
  indirect case hello(Hello)
  case heartbeat(Heartbeat)
  /// Slots the coordinator may use: running total of the session.
  case credit(total: UInt64)
  /// Give back what is not used.
  case recall
  case already(job: JobID, refused: AssignmentID, holding: AssignmentID, hazard: Bool)
  case refused(job: JobID, assignment: AssignmentID, RefusalReason)
  case started(job: JobID, assignment: AssignmentID, attempt: Int, hazard: Bool)
  case finished(job: JobID, assignment: AssignmentID, FinishedResult)
  case progress(job: JobID, assignment: AssignmentID, JobProgress)
  /// Planned: everything is done or handed back.
  case leaving
}

package enum CoordinatorMessage: Sendable {
  indirect case welcome(Welcome)
  case heartbeat(Heartbeat)
  indirect case assign(Assign)
  case finishedAck(AssignmentID)
  case recorded(job: JobID, assignment: AssignmentID)
  case stop(job: JobID, assignment: AssignmentID)
  case cancel(job: JobID, assignment: AssignmentID)
  case drain
  case want(slots: Int)
  /// Credit given back: running total of the session.
  case returned(total: UInt64)
  /// Behind the welcome, and whenever it changes.
  case coordinators([CoordinatorAddress])
}

package enum RefusalReason: UInt8, Sendable {
  case noSlot = 1
  case hazard = 2
  case draining = 3
  case unknownKind = 4
  /// The job is here and is being stopped.
  case stopping = 5
}

/// How an assignment ended.
package enum FinishedResult: Sendable, Equatable {
  /// What the store holds, which may be another attempt's.
  indirect case recorded(Outcome)
  indirect case failed(Failure)
  /// Ended by Stop; nothing was recorded.
  case stopped
  /// The coordinator records it, and says *recorded*.
  indirect case unrecorded(Outcome)
}

/// First message of a session.
package struct Hello: Sendable, Equatable {
  package var worker: NodeName
  package var boot: BootID
  package var slots: Int
  package var kinds: [Kind]
  package var lanes: [Lane]
  /// Sorted.
  package var labels: [Label]
  package var coordinatorRecords: Bool
  package var holding: [Holding]
  package var software: String
  /// Of the process before this one; nil when it ended in order, or nothing is known.
  package var death: Death?
  /// It sends and reads heartbeat datagrams.
  package var datagrams: Bool
  /// That of the connection: never said by the worker itself. Nil: not known.
  package var certificate: CertificateLife?

  package init(
    worker: NodeName, boot: BootID, slots: Int, kinds: [Kind], lanes: [Lane] = [.default],
    labels: [Label] = [], coordinatorRecords: Bool = false, holding: [Holding] = [],
    software: String = "", death: Death? = nil, datagrams: Bool = false
  ) {
    self.worker = worker
    self.boot = boot
    self.slots = slots
    self.kinds = kinds
    self.lanes = lanes
    self.labels = labels.sorted()
    self.coordinatorRecords = coordinatorRecords
    self.holding = holding
    self.software = software
    self.death = death
    self.datagrams = datagrams
  }
}

/// One assignment that a worker runs, or has finished and not yet had acknowledged.
package struct Holding: Sendable, Equatable {
  package var job: JobID
  package var assignment: AssignmentID
  package var attempt: Int
  package var finished: Bool
  package var hazard: Bool

  package init(
    job: JobID, assignment: AssignmentID, attempt: Int, finished: Bool = false,
    hazard: Bool = false
  ) {
    self.job = job
    self.assignment = assignment
    self.attempt = attempt
    self.finished = finished
    self.hazard = hazard
  }
}

package struct Welcome: Sendable, Equatable {
  package var coordinator: NodeName
  package var boot: BootID
  /// Where outcomes are recorded, for a worker without a store of its own.
  package var store: String?
  package var coordinatorRecords: Bool
  /// Nil: no datagrams in this session.
  package var datagrams: DatagramOffer?

  package init(
    coordinator: NodeName, boot: BootID, store: String? = nil, coordinatorRecords: Bool = false,
    datagrams: DatagramOffer? = nil
  ) {
    self.coordinator = coordinator
    self.boot = boot
    self.store = store
    self.coordinatorRecords = coordinatorRecords
    self.datagrams = datagrams
  }
}

/// Both ways, every 500 ms.
package struct Heartbeat: Sendable, Equatable {
  package var sequence: UInt64
  /// The highest sequence seen from the other side.
  package var echo: UInt64
  /// How long that one had been here when this was sent.
  package var held: Duration
  /// Worker: slots in use.
  package var running: Int
  /// Worker: age of the oldest task that its pool has not run.
  package var stuck: Duration
  /// Worker: how long an outcome has waited for a store that does not answer.
  package var storeAway: Duration
  /// Worker: what its machine's clock says.
  package var wall: WallTime?
  /// Worker: coordinators with which it has a session.
  package var hears: [NodeName]
  /// Worker: those with which it had a session, and has none now.
  package var misses: [NodeName]

  package init(
    sequence: UInt64, echo: UInt64 = 0, held: Duration = .zero, running: Int = 0,
    stuck: Duration = .zero, storeAway: Duration = .zero, wall: WallTime? = nil,
    hears: [NodeName] = [], misses: [NodeName] = []
  ) {
    self.sequence = sequence
    self.echo = echo
    self.held = held
    self.running = running
    self.stuck = stuck
    self.storeAway = storeAway
    self.wall = wall
    self.hears = hears
    self.misses = misses
  }
}

/// One attempt given to a worker, with all that the outcome document needs.
package struct Assign: Sendable {
  package var job: Job
  package var assignment: AssignmentID
  package var attempt: Int
  /// Until the job's deadline: a duration, never a date.
  package var left: Duration?
  package var history: History
  /// Two losses or more: a worker runs at most one of these at a time.
  package var hazard: Bool

  package init(
    job: Job, assignment: AssignmentID, attempt: Int, left: Duration? = nil,
    history: History = History(), hazard: Bool = false
  ) {
    self.job = job
    self.assignment = assignment
    self.attempt = attempt
    self.left = left
    self.history = history
    self.hazard = hazard
  }
}
