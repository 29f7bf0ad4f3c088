internal import OrderedCollections

/// The worker, pure: slots and credit, what runs, what is recorded, what each coordinator has yet to
/// acknowledge. Inputs go in with the time, effects come out; the shell owns handlers and sockets.
///
/// W1 to W4 of the way of a job are taken here.
package struct WorkerCore {
  package struct Configuration: Sendable {
    package var name: NodeName
    package var boot: BootID
    package var slots: Int
    package var kinds: [Kind]
    package var lanes: [Lane]
    package var labels: [Label]
    package var software: String
    /// How the process before this one ended.
    package var death: Death?
    /// No store is configured here: coordinators record, unless one says where to.
    package var hasStore: Bool
    /// Where coordinators are, `host:port`, as somebody has configured it.
    package var coordinators: [String] = []
    /// A coordinator that stays away so long is forgotten, and with it what it has not acknowledged.
    package var forgetAfter: Duration = .seconds(600)
    /// Heartbeat datagrams beside the sessions, where a coordinator speaks them too.
    package var datagrams = true

    package init(
      name: NodeName, boot: BootID, slots: Int, kinds: [Kind], lanes: [Lane] = [.default],
      labels: [Label] = [], software: String = "", hasStore: Bool = true
    ) {
      self.name = name
      self.boot = boot
      self.slots = slots
      self.kinds = kinds
      self.lanes = lanes
      self.labels = labels
      self.software = software
      self.hasStore = hasStore
    }
  }

  package enum Input: Sendable {
    case tick
    /// The stream to a coordinator is open; `coordinator` is the address it was configured under.
    case connected(SessionID, coordinator: String)
    case disconnected(SessionID)
    /// What an earlier start of this worker was told of coordinators.
    case remembered([CoordinatorAddress])
    case received(SessionID, [CoordinatorMessage])
    /// A datagram of this session, which may have lost its stream.
    case beat(SessionID, HeardBeat)
    case handlerEnded(AssignmentID, HandlerResult)
    /// A handler that cannot be killed ran into its time-out and was told to end.
    case handlerTimedOut(AssignmentID, after: Duration)
    /// It did not end: the failure is reported, its slot stays taken until it returns.
    case handlerGivenUp(AssignmentID, Failure)
    case handlerReturned(AssignmentID)
    /// What handlers said last of how far they are.
    case progressed([(assignment: AssignmentID, progress: JobProgress)])
    case inserted(batch: UInt64, [InsertAnswer])
    case found(batch: UInt64, [FindAnswer])
    /// Planned leave: no new jobs; `Ready.hasDrained` says when nothing is left.
    case drain
    /// The time for leaving is over: what still runs is stopped and given back.
    case handBack
  }

  package enum HandlerResult: Sendable, Equatable {
    case succeeded(JobResult, startedAt: WallTime, finishedAt: WallTime)
    case failed(Failure)
    /// Ended because it was told to stop or cancel.
    case ended(startedAt: WallTime, finishedAt: WallTime)
  }

  /// Everything in one `Ready` may be done at once and in any order.
  package struct Ready: Sendable {
    package var sends: [(session: SessionID, message: WorkerMessage)] = []
    package var starts: [Assign] = []
    /// Handlers to end; each is answered by `handlerEnded`.
    package var ends: [AssignmentID] = []
    package var records: [OutcomeRecorder.Request] = []
    /// A coordinator named the store, and none is configured here.
    package var store: String?
    package var links: [LinkPlan.Step] = []
    /// Coordinators to be remembered for the next start, when they have changed.
    package var learned: [CoordinatorAddress]?
    package var hasDrained = false
    /// Coordinators that have not been heard for 4 s: people are told.
    package var silent: [String] = []
    /// Sessions whose coordinator has not been heard for 8 s.
    package var closes: [SessionID] = []
    /// Datagrams to send.
    package var beats: [(session: SessionID, beat: Beat)] = []
    /// Sessions of which no datagram is read or sent any more.
    package var beatsOver: [SessionID] = []
    /// Sessions whose stream does not get through, to a coordinator that is heard: a fresh connection
    /// is opened now, beside the old one.
    package var renews: [SessionID] = []
    /// Half of the slots are taken by handlers that do not end: the worker leaves.
    package var isWedged = false
  }

  package let configuration: Configuration

  var ready = Ready()
  var sessions = OrderedDictionary<SessionID, CoordinatorSession>()
  var runs = WorkerRuns()
  var runsOfJob: [JobID: AssignmentID] = [:]
  /// Coordinators by configured address, and since when they are away.
  var coordinators = OrderedDictionary<String, Instant?>()
  /// Sessions that have lost their stream: their datagrams go on until there is a new one.
  var streamless = OrderedDictionary<SessionID, StreamlessSession>()
  var links: LinkPlan
  private var toldLearned: [CoordinatorAddress] = []
  var recorder = OutcomeRecorder()
  var recording: [OutcomeRecorder.Ticket: AssignmentID] = [:]
  /// Outcomes are recorded here, and not by a coordinator.
  package internal(set) var hasStore: Bool
  var isDraining = false
  /// By any coordinator, ever.
  var hasBeenWelcome = false
  /// Whose wish for credit was served last.
  var lastWishServed: SessionID?
  /// Slots of handlers that were given up and have not returned.
  var stuckSlots: Set<AssignmentID> = []
  /// Runs whose progress the coordinators have not been told.
  private var progressUntold: Set<AssignmentID> = []
  private var lastTick: Instant?
  /// Nil: the next one is due at the next tick.
  var lastHeartbeat: Instant?

  /// What the shell measures: age of the oldest task that the handlers' pool has not run.
  package var stuck: Duration = .zero
  /// What the machine's clock says, which nothing here goes by.
  package var machineWall: WallTime?

  package init(_ configuration: Configuration) {
    self.configuration = configuration
    hasStore = configuration.hasStore
    links = LinkPlan(configured: configuration.coordinators)
  }

  package static let tickEvery = Duration.milliseconds(100)
  static let heartbeatEvery = Duration.milliseconds(500)
  static let progressEvery = Duration.milliseconds(500)
  package static let silenceTold = Duration.seconds(4)
  static let silenceMax = Duration.seconds(8)

  package mutating func step(_ input: Input, at now: Now) -> Ready {
    ready = Ready()
    take(input, at: now)
    grantCredit()
    while let request = recorder.nextRequest(at: now.monotonic) { ready.records.append(request) }
    if !ready.links.isEmpty { noteLearned() }
    if isDraining, !mustStay { ready.hasDrained = true }
    let result = ready
    ready = Ready()
    return result
  }

  private mutating func take(_ input: Input, at now: Now) {
    switch input {
    case .tick: ticked(at: now)
    case .connected(let session, let coordinator): connected(session, coordinator, at: now)
    case .disconnected(let session): disconnected(session, at: now)
    case .remembered(let list):
      ready.links += links.told(list)
      toldLearned = links.learned
    case .received(let session, let messages):
      guard sessions[session] != nil else { return }
      sessions[session]?.streamHeardAt = now.monotonic
      for message in messages { take(message, session, at: now) }
    case .beat(let session, let beat): beatHeard(beat, on: session, at: now)
    case .handlerEnded(let assignment, let result): ended(assignment, result, at: now)
    case .handlerTimedOut(let assignment, let limit): runs[assignment]?.timedOutAfter = limit
    case .handlerGivenUp(let assignment, let failure): givenUp(assignment, failure, at: now)
    case .handlerReturned(let assignment): stuckSlots.remove(assignment)
    case .progressed(let news): progressed(news)
    case .inserted(let batch, let answers):
      recorded(recorder.inserted(batch: batch, answers, at: now.monotonic))
    case .found(let batch, let answers):
      recorded(recorder.found(batch: batch, answers, at: now.monotonic))
    case .drain: beginDraining()
    case .handBack:
      beginDraining()
      for (assignment, _) in runs.sorted { end(assignment, as: .stopping) }
    }
  }

  private mutating func noteLearned() {
    let learned = links.learned
    guard learned != toldLearned else { return }
    toldLearned = learned
    ready.learned = learned
  }

  private mutating func progressed(_ news: [(assignment: AssignmentID, progress: JobProgress)]) {
    for (assignment, progress) in news {
      guard let run = runs[assignment] else { continue }
      run.progress = progress
      progressUntold.insert(assignment)
    }
  }

  /// At most twice a second a run; of what came in between the last is told when it is time.
  private mutating func tellProgress(at now: Now) {
    for assignment in progressUntold.sorted() {
      if let told = runs[assignment]?.progressTold, now.monotonic - told < Self.progressEvery {
        continue
      }
      progressUntold.remove(assignment)
      guard let run = runs[assignment], !run.isFinished, let progress = run.progress else {
        continue
      }
      run.progressTold = now.monotonic
      for (id, session) in sessions where session.isWelcome {
        ready.sends.append((id, .progress(job: run.job, assignment: assignment, progress)))
      }
    }
  }

  mutating func beginDraining() {
    guard !isDraining else { return }
    isDraining = true
    for session in sessions.keys { ready.sends.append((session, .leaving)) }
  }

  /// The attempt has failed for everybody else; here its slot is lost until the handler returns.
  private mutating func givenUp(_ assignment: AssignmentID, _ failure: Failure, at now: Now) {
    guard runs[assignment] != nil else { return }
    stuckSlots.insert(assignment)
    ended(assignment, .failed(failure), at: now)
    if stuckSlots.count * 2 >= configuration.slots {
      ready.isWedged = true
      beginDraining()
    }
  }

  private mutating func ticked(at now: Now) {
    closeSilent(at: now)
    tellProgress(at: now)
    sendBeats(at: now)
    renewStuck(at: now)
    if lastHeartbeat.map({ now.monotonic - $0 >= Self.heartbeatEvery - .milliseconds(50) }) ?? true
    {
      sendHeartbeats(at: now)
    }
    forgetAway(at: now)
  }

  mutating func sendHeartbeats(at now: Now) {
    lastHeartbeat = now.monotonic
    for id in sessions.keys {
      guard let session = sessions[id], session.isWelcome else { continue }
      sessions[id]?.sent += 1
      let heartbeat = Heartbeat(
        sequence: session.sent + 1, echo: session.seen, held: now.monotonic - session.seenAt,
        running: slotsTaken, stuck: stuck,
        storeAway: recorder.unansweredSince.map { now.monotonic - $0 } ?? .zero,
        wall: machineWall, hears: links.heard, misses: links.missed)
      ready.sends.append((id, .heartbeat(heartbeat)))
    }
  }

  /// A coordinator that says nothing for 8 s, on no way, is cut off and called again; time that this
  /// process itself did not run does not count.
  private mutating func closeSilent(at now: Now) {
    let gap = lastTick.map { now.monotonic - $0 } ?? .zero
    lastTick = now.monotonic
    let slept = gap > Self.tickEvery * 6 ? gap : .zero
    for (id, session) in sessions.elements {
      let streamHeardAt = min(session.streamHeardAt + slept, now.monotonic)
      sessions[id]?.streamHeardAt = streamHeardAt
      // What was said of our silence while we slept is no word on the stream.
      if slept > .zero { sessions[id]?.heard = nil }
      let heardAt = max(streamHeardAt, session.heard?.at ?? streamHeardAt)
      let silence = now.monotonic - heardAt
      if silence >= Self.silenceTold, !session.isSilent { ready.silent.append(session.coordinator) }
      sessions[id]?.isSilent = silence >= Self.silenceTold
      if silence >= Self.silenceMax { ready.closes.append(id) }
    }
  }

  /// A coordinator away for 10 minutes is forgotten: what it has not acknowledged is let go.
  private mutating func forgetAway(at now: Now) {
    for (coordinator, awaySince) in coordinators.elements {
      guard let since = awaySince, now.monotonic - since >= configuration.forgetAfter
      else { continue }
      coordinators.removeValue(forKey: coordinator)
      for (assignment, _) in runs.sorted { acknowledge(assignment, by: coordinator) }
    }
  }

  /// Slots held: from Assign until the outcome is known.
  package var slotsTaken: Int { runs.slotsTaken }
  /// With those of handlers that were given up and have not returned. While the end of such a run is
  /// being recorded the run and its handler are one slot.
  var slotsInUse: Int { slotsTaken + stuckSlots.count { runs[$0]?.holdsSlot != true } }
  /// Something still runs, is being recorded, or waits to be acknowledged.
  package var hasWork: Bool { !runs.isEmpty }

  /// There is something that a leaving worker must see to its end first. A coordinator that is away
  /// is not waited for, unless it has to hear what only this worker knows: an outcome it finds in the store.
  private var mustStay: Bool {
    runs.byAssignment.values.contains { run in
      guard case .finished(let result) = run.phase else { return true }
      switch result {
      case .unrecorded: return true
      case .failed where !run.isHeard: return true
      case .failed, .recorded, .stopped: return run.owedTo.contains(where: isHere)
      }
    }
  }

  private func isHere(_ coordinator: String) -> Bool {
    if case .some(.none) = coordinators[coordinator] { true } else { false }
  }
}
