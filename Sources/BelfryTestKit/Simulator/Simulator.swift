package import BelfryCore

/// Runs the real cores of two coordinators and a few workers in a world of simulated broker, store
/// and network, in virtual time, with faults, and checks after every step what must hold (DESIGN,
/// section 2). All that happens follows from the seed: the same seed gives the same run.
///
/// Effects of one `Ready` are performed in any order at random later times; what is on its way when
/// a process dies is lost or not; what is due for a process that sleeps waits for it.
package final class Simulator {
  /// Virtual time 0 as wall time.
  package static let start = WallTime(milliseconds: 1_790_000_000_000)

  package let identity: SimulationCase
  /// Delays and orders of events.
  var random: SeededRandom
  /// Losses and delays of heartbeat datagrams.
  var beatRandom: SeededRandom
  let plan: SimulationPlan

  /// Virtual time, in nanoseconds.
  var now: Int64 = 0
  var queue = EventQueue()
  var links: [Link] = []
  var processes: [SimulatedProcess] = []
  /// The process of each node, -1 while it is away: coordinators first, then workers.
  var current: [Int32] = []
  var isGone: [Bool] = []
  var sessions: [SimulatedSession] = []
  var channels: [SimulatedChannel] = []
  var publishers: [SimulatedPublisher] = []
  /// Until when a worker (second index) cannot reach a coordinator (first).
  var unreachableUntil: [[Int64]] = []
  var boots: UInt64 = 0

  var broker = SimulatedBroker()
  var store = SimulatedStore()
  var ledger: SimulationLedger

  /// When faults come and which; each draws its victim and its length from `choice`.
  var faultRandom: SeededRandom
  var choice = SeededRandom(seed: 0)
  var faultsLeft: Int
  /// Of the faults that are written down, the next one.
  var nextFault = 0
  var faultsInjected: [PlannedFault] = []
  /// Events that a fault may follow, of the present virtual time.
  var eventsNow: (time: Int64, count: Int) = (-1, 0)
  var lastFaultAt: Int64 = 0
  var faultsDone = [Int](repeating: 0, count: FaultKind.allCases.count)

  var violation: Violation?
  var steps = 0
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  var places: UInt32 = 0
  /// What happened, in words; nil: nobody wants to read it.
  var trace: [String]?

  package convenience init(seed: UInt64, faults: Int? = nil, traces: Bool = false) {
    self.init(SimulationCase(seed: seed, faultsMax: faults), traces: traces)
  }

  package init(_ identity: SimulationCase, traces: Bool = false) {
    self.identity = identity
    let seed = identity.seed
    random = SeededRandom(seed: seed ^ identity.salt &* 0x9E37_79B9_7F4A_7C15, .events)
    beatRandom = SeededRandom(seed: seed ^ identity.salt, .beats)
    faultRandom = SeededRandom(seed: seed, .faults)
    plan = SimulationPlan(seed: seed, faults: identity.faultsMax)
    ledger = SimulationLedger(jobs: plan.jobs.count)
    faultsLeft = identity.faults?.count ?? plan.faults
    trace = traces ? [] : nil
  }

  /// Runs until everything has settled, or a promise is broken.
  package func run() -> SimulationResult {
    begin()
    defer { takeApart() }
    while violation == nil, let next = queue.pop() {
      now = next.time
      if now > max(lastFaultAt, ms(5_000)) + SimulationPlan.settleWithin {
        fail(.L5, "not settled: \(unsettled().joined(separator: "; "))")
      } else if handle(next), unsettled().isEmpty {
        break
      }
    }
    return SimulationResult(
      identity: identity, violation: violation, steps: steps, hash: hash, faults: faultsDone,
      faultsInjected: faultsInjected,
      jobs: plan.jobs.count, handlerRuns: ledger.handlerRuns,
      virtualTime: .nanoseconds(now), trace: trace ?? [])
  }

  /// Channels and sessions point at their owners: nothing would ever be freed.
  private func takeApart() {
    for node in processes {
      if isCoordinator(node.node) {
        coordinator(node).channels = []
        coordinator(node).publisher = nil
      }
    }
    sessions = []
    channels = []
    publishers = []
    processes = []
  }

  func isProduced(_ job: Int) -> Bool { identity.jobs?.contains(job) ?? true }

  private func begin() {
    note { self.describePlan() }
    for node in 0..<plan.coordinators {
      current.append(-1)
      isGone.append(false)
      unreachableUntil.append([Int64](repeating: 0, count: plan.workers.count))
      push(Event(body: .rebirth(node: node)), in: ms(300))
    }
    for index in plan.workers.indices {
      current.append(-1)
      isGone.append(false)
      queue.push(
        Event(body: .rebirth(node: plan.coordinators + index)), at: plan.workers[index].bornAt)
    }
    for (index, job) in plan.jobs.enumerated() where isProduced(index) {
      queue.push(Event(body: .produce(job: index)), at: job.publishAt)
    }
    queue.push(Event(body: .check), at: ms(250))
  }

  /// True after a look at whether all is settled is due.
  private func handle(_ next: EventQueue.Popped) -> Bool {
    let event = next.event
    if event.link >= 0 {
      let link = links[Int(event.link)]
      if now > link.cutAt { return false }
      if now < link.stalledUntil {
        queue.putBack(next, at: link.stalledUntil)
        return false
      }
    }
    if event.target >= 0 {
      let process = processes[Int(event.target)]
      guard process.isAlive else { return false }
      if now < process.pausedUntil {
        queue.putBack(next, at: process.pausedUntil)
        return false
      }
    }
    steps += 1
    mix(UInt64(bitPattern: now))
    mix(UInt64(UInt32(bitPattern: event.target)))
    if case .check = event.body {
      queue.push(event, at: now + ms(250))
      watchAlarm()
      return true
    }
    take(event)
    if faultsLeft > 0, event.body.isWorthAFault, violation == nil { injectFault() }
    return false
  }

  private func take(_ event: Event) {
    switch event.body {
    case .check: return
    case .tick, .cluster, .delivered, .openChannel, .channelUp, .channelDown, .openPublisher,
      .publisherUp, .publisherDown, .published, .leave, .worker, .handlerEnds, .handlerKills,
      .handlerTimesOut, .handlerIsGivenUp, .handlerReturns, .connect:
      happened(event.body, to: processes[Int(event.target)])
    case .rebirth(let node): rebirth(node)
    case .toCoordinator(let session, let messages): toCoordinator(sessions[session], messages)
    case .toWorker(let session, let messages): toWorker(sessions[session], messages)
    case .beatToCoordinator(let session, let beat): beatToCoordinator(sessions[session], beat)
    case .beatToWorker(let session, let beat): beatToWorker(sessions[session], beat)
    case .coordinatorNotices(let session): coordinatorNotices(sessions[session])
    case .workerNotices(let session): workerNotices(sessions[session])
    case .acks, .requeues, .command, .publishes, .alarmEnds: brokerHears(event.body)
    case .insert, .commit, .rollBack, .find, .lookups, .owe, .commitOwed, .claim, .settleOwed,
      .addCancel, .resume, .uncordon:
      storeHears(event.body)
    case .produce(let job): produce(job)
    case .producerHears(let job): ledger.isConfirmed[job] = true
    }
  }

  // MARK: time and streams

  /// Within a delay of at most `most`, drawn.
  func push(_ event: Event, in most: Int64) {
    queue.push(event, at: now + random.within(0...most))
  }

  func newLink(of owners: SimulatedProcess...) -> Int32 {
    links.append(Link())
    let link = Int32(links.count - 1)
    for owner in owners { owner.outgoing.append(link) }
    return link
  }

  /// Sends on a stream: after what was sent on it before.
  func send(_ body: Event.Body, to process: SimulatedProcess?, on link: Int32, within most: Int64) {
    let arrival = max(now + random.within(0...most), links[Int(link)].last)
    links[Int(link)].last = arrival
    queue.push(Event(link: link, target: process?.index ?? -1, body: body), at: arrival)
  }

  func cut(_ link: Int32, within most: Int64 = 0) {
    links[Int(link)].cutAt = min(links[Int(link)].cutAt, now + random.within(0...most))
  }

  /// Nothing arrives on the stream before `time`.
  func stall(_ link: Int32, until time: Int64) {
    links[Int(link)].stalledUntil = max(links[Int(link)].stalledUntil, time)
  }

  func time(of process: SimulatedProcess) -> Now {
    Now(
      monotonic: Instant(nanoseconds: now + process.monotonicOffset),
      wall: WallTime(
        milliseconds: Self.start.milliseconds + (now + process.wallOffset) / 1_000_000))
  }

  // MARK: what is kept of a run

  func mix(_ value: UInt64) {
    hash = (hash ^ value) &* 0x100_0000_01B3
    hash ^= hash >> 29
  }

  func note(_ text: () -> String) {
    guard trace != nil else { return }
    let tenths = now / 100_000
    trace?.append("\(tenths / 10).\(tenths % 10) ms  \(text())")
  }

  /// A trace is read by people: of a beat that led to nothing but a beat, nothing.
  func noteStep(
    of process: SimulatedProcess, _ input: @autoclosure () -> String, _ effects: () -> [String]
  ) {
    guard trace != nil else { return }
    let isBeat = { (line: String) in
      (line.contains(": heartbeat ") && !line.contains("|")) || line.hasPrefix("datagram ")
        || line.hasPrefix("beat")
    }
    let input = input()
    let lines = effects().filter { !isBeat($0) }
    if lines.isEmpty, input == "tick" || isBeat(input) { return }
    note {
      (["\(process.name) <- \(input)"] + lines.map { "    \(process.name) -> \($0)" })
        .joined(separator: "\n")
    }
  }

  func fail(_ invariant: Invariant, _ message: String) {
    guard violation == nil else { return }
    violation = Violation(invariant: invariant, message: message)
    note { "VIOLATION \(invariant.rawValue): \(message)" }
  }
}

extension Event.Body {
  /// Faults follow what belongs to the way of a job, not the beat of the clock.
  var isWorthAFault: Bool {
    switch self {
    case .check, .tick, .command, .claim, .beatToCoordinator, .beatToWorker: return false
    case .toCoordinator(_, let messages):
      if case .heartbeat? = messages.first { return messages.count > 1 }
      return true
    case .toWorker(_, let messages):
      if case .heartbeat? = messages.first { return messages.count > 1 }
      return true
    case .cluster(.queue(.depth)), .cluster(.queue(.readDone)): return false
    default: return true
    }
  }
}

/// What came of one run.
package struct SimulationResult: Sendable {
  package let identity: SimulationCase
  package let violation: Violation?
  package let steps: Int
  /// Of all that happened, in order: the same seed has the same.
  package let hash: UInt64
  /// Done, by `FaultKind`.
  package let faults: [Int]
  /// The same, in order, as they can be written down.
  package let faultsInjected: [PlannedFault]
  package let jobs: Int
  package let handlerRuns: Int
  package let virtualTime: Duration
  package let trace: [String]

  /// The seed gave another run the second time.
  package var differing: SimulationResult {
    SimulationResult(
      identity: identity,
      violation: violation
        ?? Violation(invariant: .D1, message: "the same seed gave another run the second time"),
      steps: steps, hash: hash, faults: faults, faultsInjected: faultsInjected, jobs: jobs,
      handlerRuns: handlerRuns, virtualTime: virtualTime, trace: trace)
  }
}
