internal import DequeModule

/// One assignment on a worker, from Assign until every coordinator has acknowledged its end.
final class WorkerRun {
  enum Phase {
    case running
    /// Told to end without an outcome.
    case stopping
    /// Told to end with the outcome `cancelled`.
    case cancelling
    case recording
    /// Ended; reported until acknowledged.
    case finished(FinishedResult)
  }

  let assign: Assign
  fileprivate(set) var phase = Phase.running
  /// Coordinators, by address, that have yet to acknowledge the end.
  var owedTo: [String] = []
  /// One of them has.
  var isHeard = false
  let assignedBy: SessionID
  /// Told to end because of its time-out.
  var timedOutAfter: Duration?
  /// What its handler said last.
  var progress: JobProgress?
  var progressTold: Instant?

  init(_ assign: Assign, by session: SessionID, owedTo coordinators: [String]) {
    self.assign = assign
    assignedBy = session
    owedTo = coordinators
  }

  var job: JobID { assign.job.id }

  var holdsSlot: Bool {
    switch phase {
    case .running, .stopping, .cancelling, .recording: true
    case .finished(.unrecorded): true
    case .finished: false
    }
  }

  var isFinished: Bool { if case .finished = phase { true } else { false } }

  /// What keeping it after its end takes.
  fileprivate var bytes: Int {
    guard case .finished(.recorded(let outcome)) = phase else { return assign.job.payload.size }
    return assign.job.payload.size + (outcome.result?.bytes.size ?? 0)
  }

  /// A hazard holds its place until its handler has ended.
  var isRunningHazard: Bool {
    guard assign.hazard else { return false }
    switch phase {
    case .running, .stopping, .cancelling: return true
    case .recording, .finished: return false
    }
  }
}

/// A session with one coordinator, and its credit.
struct CoordinatorSession {
  let coordinator: String
  var isWelcome = false
  /// This coordinator records for us.
  var records = false

  /// Running totals: granted by us, spent by its Assigns, given back by it.
  var granted: UInt64 = 0
  var spent: UInt64 = 0
  var returned: UInt64 = 0
  var isRecalling = false
  var wanted = 0

  var sent: UInt64 = 0
  var seen: UInt64 = 0
  var seenAt: Instant

  /// When anything came on the stream.
  var streamHeardAt: Instant
  /// There are datagrams beside it.
  var hasBeats = false
  var pace = BeatPace()
  /// What the coordinator said last by datagram, and when.
  var heard: (at: Instant, beat: HeardBeat)?
  /// Its silence has been told.
  var isSilent = false
  /// When a fresh connection was asked for last.
  var renewedAt: Instant?

  init(coordinator: String, at now: Instant) {
    self.coordinator = coordinator
    seenAt = now
    streamHeardAt = now
  }

  /// Slots it may still use; offered to nobody else until it has returned them.
  var outstanding: Int { Int(clamping: granted &- min(granted, spent &+ returned)) }
}

/// The runs of a worker, with the slots they hold kept as a count: a worker may have a thousand.
struct WorkerRuns {
  /// Of runs that have ended and hold no slot: a coordinator that stays away acknowledges none of
  /// them, and others give out jobs meanwhile. What it is not told then it asks the store for.
  static let endedMax = 10_000
  static let endedBytesMax = 32 << 20

  private(set) var byAssignment: [AssignmentID: WorkerRun] = [:]
  private(set) var slotsTaken = 0
  private(set) var hazards = 0
  private var endedCount = 0
  private var endedBytes = 0
  /// In the order of their ends, with some that are gone already.
  private var ended = Deque<AssignmentID>()

  subscript(assignment: AssignmentID) -> WorkerRun? { byAssignment[assignment] }
  var isEmpty: Bool { byAssignment.isEmpty }
  /// In order of assignment: effects never follow a dictionary's order.
  var sorted: [(assignment: AssignmentID, run: WorkerRun)] {
    byAssignment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  mutating func add(_ run: WorkerRun) {
    byAssignment[run.assign.assignment] = run
    count(run, by: 1)
  }

  mutating func move(_ run: WorkerRun, to phase: WorkerRun.Phase) {
    count(run, by: -1)
    run.phase = phase
    count(run, by: 1)
    if run.isFinished, !run.holdsSlot { ended.append(run.assign.assignment) }
  }

  /// The one that ended first, when more have ended than are kept.
  mutating func surplus() -> AssignmentID? {
    if ended.count > 2 * Self.endedMax { ended.removeAll { byAssignment[$0] == nil } }
    while let first = ended.first {
      let isGone = byAssignment[first] == nil
      guard isGone || endedCount > Self.endedMax || endedBytes > Self.endedBytesMax else {
        return nil
      }
      ended.removeFirst()
      if !isGone { return first }
    }
    return nil
  }

  mutating func remove(_ assignment: AssignmentID) -> WorkerRun? {
    guard let run = byAssignment.removeValue(forKey: assignment) else { return nil }
    count(run, by: -1)
    return run
  }

  private mutating func count(_ run: WorkerRun, by step: Int) {
    if run.holdsSlot { slotsTaken += step }
    if run.isRunningHazard { hazards += step }
    guard run.isFinished, !run.holdsSlot else { return }
    endedCount += step
    endedBytes += step * run.bytes
  }
}
