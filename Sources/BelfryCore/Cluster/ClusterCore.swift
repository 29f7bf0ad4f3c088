internal import OrderedCollections

/// The coordinator, pure: every decision about jobs, workers and alerts, and nothing else. Inputs go
/// in with the time, effects come out; there is no clock, no I/O and no randomness in it, so that the
/// coordinator, the simulator and the transcripts run the same code.
///
/// The way of a job is the table in `docs/protocol.md`; the steps (C1 to C7) are named where they
/// are taken. Nothing here iterates a set or a dictionary without sorting it.
package struct ClusterCore {
  package let configuration: ClusterConfiguration

  var ready = Ready()
  var entries: [JobID: Entry] = [:]
  var workers = OrderedDictionary<NodeName, Worker>()
  var sessions: [SessionID: NodeName] = [:]
  /// Sessions whose datagrams are heeded.
  var beatSessions: [SessionID: NodeName] = [:]
  var runs: [AssignmentID: Run] = [:]
  var runsOfJob: [JobID: [AssignmentID]] = [:]
  var dispatcher = Dispatcher()
  var recorder = OutcomeRecorder()
  var recording: [OutcomeRecorder.Ticket: RecordPurpose] = [:]
  /// Outcomes being recorded for workers that cannot, by assignment.
  var recordingFor: [AssignmentID: NodeName] = [:]
  var ledger: PublishLedger
  var recentlyFinished = RecentJobs()
  /// Failures heard while the job's message was back in its queue, charged when it comes.
  var rememberedFailures = RememberedFailures()
  var cancels = Cancels()
  var deaths = Deaths()
  var pauses: [Lane: LanePause] = [:]
  var purges: [Lane: LanePurge] = [:]
  /// Of workers that are here, and of those that are not.
  var controls: [NodeName: NodeControl] = [:]
  var consumers = ConsumerPlan()
  var foreign = ForeignQueues()
  var generations: Set<ChannelGeneration> = []
  var brake = MassLossBrake()
  /// Raised here.
  var openAlerts = OrderedDictionary<String, Alert>()
  /// All that are open, as the store said last.
  var readAlerts: [Alert] = []
  /// Those raised here that the store was seen to have.
  var alertsRecorded: Set<String> = []
  /// Since when what a rule is about is so, by its alert; and of which this was seen in this round.
  var rulesSince: [String: Instant] = [:]
  var rulesSeen: Set<String> = []
  var sinks = OrderedDictionary<String, SinkLook>()
  var laneCounts: [Lane: LaneCounts] = [:]
  var parts = PartStates()
  var parkedRead = ParkedReading()
  var resting: [JobID: Instant] = [:]
  /// Lookups on their way, by ticket.
  var lookups: [UInt64: JobID] = [:]
  var roster = CoordinatorRoster()
  /// Since when this coordinator is up, or draining.
  var ownSince: WallTime?
  /// The coordinator's own, which may be renewed.
  var certificate: CertificateLife?
  var isDraining = false
  var standingAside = StandingAside()

  private(set) var lastTick: Instant?
  private(set) var firstTick: Instant?
  private var nextAssignment: UInt64 = 1
  private var nextTicket: UInt64 = 1
  private var nextSerial: UInt64 = 1
  var lastHousekeeping: Instant?
  var lastWant: Instant?
  var dispatchCursor = 0
  /// Something changed that may let a job be given out.
  var dispatchNeeded = false

  /// The queues of each configured lane, in the order in which they are served, `parked` last.
  let laneQueues: [(lane: Lane, queues: [String])]
  let allQueues: [String]
  /// The queue by which others see that the broker has a connection of ours, and whether it is there.
  let ownPresence: String
  var isPresent = false

  package init(_ configuration: ClusterConfiguration) {
    self.configuration = configuration
    certificate = configuration.certificate
    laneQueues = configuration.lanes.map { ($0, QueueTopology.queues($0)) }
    allQueues = laneQueues.flatMap(\.queues)
    ownPresence = QueueTopology.presence(of: configuration.boot)
    ledger = PublishLedger(boot: configuration.boot)
  }

  /// How often `tick` must come, and how late it may be before the observer counts as having slept.
  package static let tickEvery = Duration.milliseconds(100)
  static let sleptAfter = Duration.milliseconds(500)

  /// When the next `tick` is due.
  package var nextDeadline: Instant? { lastTick.map { $0 + Self.tickEvery } }

  /// Takes one input and returns what must be done.
  package mutating func step(_ input: Input, at now: Now) -> Ready {
    ready = Ready()
    take(input, at: now)
    if dispatchNeeded {
      dispatchNeeded = false
      dispatch(at: now)
    }
    while let request = recorder.nextRequest(at: now.monotonic) { ready.records.append(request) }
    let result = ready
    ready = Ready()
    return result
  }

  private mutating func take(_ input: Input, at now: Now) {
    switch input {
    case .tick: ticked(at: now)
    case .arrived(let arrivals):
      for arrival in arrivals { arrived(arrival, at: now) }
    case .queue(let news): heardFromQueue(news, at: now)
    case .lookedUp(let answers):
      for (ticket, answer) in answers { lookedUp(ticket, answer, at: now) }
    case .inserted(let batch, let answers):
      recorded(recorder.inserted(batch: batch, answers, at: now.monotonic), at: now)
    case .found(let batch, let answers):
      recorded(recorder.found(batch: batch, answers, at: now.monotonic), at: now)
    case .owed(let answers):
      counted(ledger.owed(answers, at: now, into: &ready), at: now)
    case .claimed(let items):
      for item in items { ledger.add(.owed(item), for: .owed(item.id), at: now, into: &ready) }
    case .sessionOpened(let session, let hello, let address, let offer):
      sessionOpened(session, hello, from: address, datagrams: offer, at: now)
    case .sessionClosed(let session, let why, let end): sessionClosed(session, why, end, at: now)
    case .received(let session, let messages): received(session, messages, at: now)
    case .beats(let beats):
      for (session, beat) in beats { beatHeard(beat, on: session, at: now) }
    case .submitted(let token, let message): submitted(token, message, at: now)
    case .cancelled(let token, let job, let by): cancel(token, job, by: by, at: now)
    case .cancelsRead(let jobs):
      for job in jobs { cancelRead(job, at: now) }
    case .forgotten(let jobs):
      for job in jobs { cancels.remove(job) }
    case .pausesRead(let pauses): pausesRead(pauses, at: now)
    case .purgesRead(let purges): purgesRead(purges, at: now)
    case .attachmentsRead(let queues): attachmentsRead(queues)
    case .controlsRead(let controls): controlsRead(controls, at: now)
    case .coordinatorsRead(let records): coordinatorsRead(records, at: now)
    case .certificate(let life):
      certificate = life
      ready.healthChanged = true
    case .storeAsked: parts.storeAsked(at: now)
    case .storeAnswered(let problem): storeAnswered(problem, at: now)
    case .alertsRead(let alerts): alertsRead(alerts, at: now)
    case .sinksLooked(let looks): sinksLooked(looks)
    case .drain: drain(at: now)
    }
  }

  private mutating func ticked(at now: Now) {
    if let last = lastTick {
      let gap = now.monotonic - last
      if gap > Self.tickEvery + Self.sleptAfter {
        for worker in workers.values {
          worker.detector.slept(gap - Self.tickEvery, until: now.monotonic)
        }
        parts.slept(gap - Self.tickEvery, until: now.monotonic)
      }
    }
    lastTick = now.monotonic
    firstTick = firstTick ?? now.monotonic
    ownSince = ownSince ?? now.wall
    judgeWorkers(at: now)
    sendHeartbeats(at: now)
    sendBeats(at: now)
    wakeResting(at: now)
    ledger.ticked(at: now, into: &ready)
    watchPublishes(at: now)
    parkUnserved(at: now)
    standAsideWithoutStore(at: now)
    keepHouse(at: now)
    dispatchNeeded = true
  }

  mutating func newAssignment() -> AssignmentID {
    defer { nextAssignment += 1 }
    return AssignmentID(boot: configuration.boot, counter: nextAssignment)
  }

  mutating func newTicket() -> UInt64 {
    defer { nextTicket += 1 }
    return nextTicket
  }

  mutating func newSerial() -> UInt64 {
    defer { nextSerial += 1 }
    return nextSerial
  }
}

/// Counters of a lane since the coordinator started, and depths as the broker last said.
struct LaneCounts {
  var ready: [String: Int] = [:]
  var finished = 0
  var failed = 0
  /// How many there were, every two seconds of the last minutes.
  private var marks: [(at: Instant, finished: Int, failed: Int)] = []
  static let marksFor = Duration.seconds(300)
  /// Cancelled here because the lane was emptied.
  var purged = 0
  var waits = DurationCounts()
  var runs = DurationCounts()
  /// Demands that were seen parked.
  var unserved: [Demand] = []

  mutating func mark(at now: Instant) {
    marks.append((now, finished, failed))
    if let old = marks.firstIndex(where: { now - $0.at <= Self.marksFor }), old > 1 {
      marks.removeFirst(old - 1)
    }
  }

  /// What has ended within about that time; nil: nobody has counted yet.
  func recent(
    _ window: Duration, at now: Instant
  ) -> (finished: Int, failed: Int, within: Duration)? {
    guard let from = marks.last(where: { now - $0.at >= window }) ?? marks.first, from.at < now
    else { return nil }
    return (finished - from.finished, failed - from.failed, now - from.at)
  }
}

/// Why something is recorded here.
enum RecordPurpose {
  /// The entry of this job is settled by it.
  case entry(JobID, serial: UInt64, reporter: AssignmentID?)
  /// A worker without a store waits for *recorded*, and nothing is held here.
  case worker(JobID, AssignmentID)
  case cancel(token: UInt64, JobID, wasSeen: Bool)
}
