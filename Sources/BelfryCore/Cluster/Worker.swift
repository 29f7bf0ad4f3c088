/// What a coordinator knows of one worker: the process it last heard of, its session, its credit.
final class Worker {
  enum Standing: Equatable {
    case up
    case lost(String)
    case left
  }

  let name: NodeName
  var hello: Hello { didSet { describe() } }
  /// What operators have set of it.
  var control: NodeControl? { didSet { describe() } }
  /// Its own and those that operators have set, by which jobs come to it. Sorted.
  private(set) var labels: [Label]
  private(set) var ability: Ability
  var address: String
  var session: SessionID?
  var detector: FailureDetector
  var standing = Standing.up
  var reason = ""
  var since: WallTime
  var isDraining = false
  /// The worker records through us.
  var coordinatorRecords = false

  /// Running totals of the session: granted by the worker, spent by Assign, given back on recall.
  var granted: UInt64 = 0
  var spent: UInt64 = 0
  var returned: UInt64 = 0

  /// Assignments believed to run there; iterate sorted.
  var runs: Set<AssignmentID> = []

  var heartbeatSent: UInt64 = 0
  var heartbeatSentAt: [(sequence: UInt64, at: Instant)] = []
  var heartbeatSeen: UInt64 = 0
  var heartbeatSeenAt: Instant
  var running = 0
  /// What it said last of itself: age of the oldest task its pool has not run, and of the oldest outcome
  /// that its store has not answered.
  var stuck: Duration = .zero
  var storeAway: Duration = .zero
  /// How far its machine's clock is ahead.
  var clockOffset: Duration = .zero
  /// Coordinators with which it said last that it has a session, and those with which it had one.
  var hears: [NodeName] = []
  var misses: [NodeName] = []

  /// The session whose datagrams are its: they outlive the stream, until a new session is open.
  var beats: SessionID?
  var pace = BeatPace()

  init(
    _ hello: Hello, _ control: NodeControl?, session: SessionID, address: String, at now: Now
  ) {
    name = hello.worker
    self.hello = hello
    self.control = control
    labels = Self.labels(hello, control)
    ability = Ability(hello, labels)
    self.address = address
    self.session = session
    detector = FailureDetector(heardAt: now.monotonic)
    since = now.wall
    heartbeatSeenAt = now.monotonic
  }

  /// When it was lost, within the last ten minutes.
  var losses: [Instant] = []

  var boot: BootID { hello.boot }
  var freeCredit: UInt64 {
    let used = spent &+ returned
    return granted > used ? granted - used : 0
  }

  var isAlive: Bool { session != nil && standing == .up }

  var isSuspect: Bool { if case .suspect = detector.state { true } else { false } }
  var isInSession: Bool { session != nil && standing == .up && !isDraining }
  var isCordoned: Bool { control?.cordon != nil }
  /// Whatever its load: a lane it serves is served.
  var offersSlots: Bool { isInSession && !isCordoned }
  var takesNewJobs: Bool { offersSlots && detector.state == .up && trouble == nil }

  /// Why it can do nothing new although it is heard.
  enum Trouble: String, CaseIterable {
    case wedged = "node-wedged"
    case storeAway = "node-store-down"
  }

  static let troubleAfter = Duration.seconds(5)

  var trouble: Trouble? {
    guard isAlive else { return nil }
    if stuck >= Self.troubleAfter { return .wedged }
    return storeAway >= Self.troubleAfter ? .storeAway : nil
  }

  /// In words; empty when it has none.
  var troubleText: String {
    switch trouble {
    case .wedged: "its handlers have left its threads no time for \(stuck.secondsText)"
    case .storeAway: "it has not reached its store for \(storeAway.secondsText)"
    case nil: ""
    }
  }

  func serves(_ demand: Demand) -> Bool {
    hello.lanes.contains(demand.lane) && hello.kinds.contains(demand.kind)
      && demand.requires.allSatisfy(labels.contains)
  }

  struct Ability: Hashable {
    let lanes: Set<Lane>
    let kinds: Set<Kind>
    let labels: Set<Label>

    init(_ hello: Hello, _ labels: [Label]) {
      lanes = Set(hello.lanes)
      kinds = Set(hello.kinds)
      self.labels = Set(labels)
    }

    /// Every demand that the other serves is served by this one, too.
    func covers(_ other: Ability) -> Bool {
      lanes.isSuperset(of: other.lanes) && kinds.isSuperset(of: other.kinds)
        && labels.isSuperset(of: other.labels)
    }
  }

  private func describe() {
    labels = Self.labels(hello, control)
    ability = Ability(hello, labels)
  }

  private static func labels(_ hello: Hello, _ control: NodeControl?) -> [Label] {
    control?.labels(beside: hello.labels) ?? hello.labels
  }

  func resetSession(_ session: SessionID, hello: Hello, address: String, at now: Now) {
    // Another process; the same one says in its next heartbeat how it is.
    if hello.boot != boot {
      stuck = .zero
      storeAway = .zero
    }
    self.session = session
    self.hello = hello
    self.address = address
    granted = 0
    spent = 0
    returned = 0
    heartbeatSentAt = []
    heartbeatSeen = 0
    heartbeatSeenAt = now.monotonic
    hears = []
    misses = []
    isDraining = false
    detector = FailureDetector(heardAt: now.monotonic)
  }
}
