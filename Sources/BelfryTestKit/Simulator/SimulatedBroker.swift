import BelfryCore
import DequeModule

/// A message in a queue.
struct BrokerMessage {
  enum Content {
    case job(JobMessage)
    case malformed(Malformed)
  }

  var job: Int
  var content: Content
  var redelivered = false
  var deliveryCount = 0
}

/// A channel for consuming, and what it has delivered.
final class SimulatedChannel {
  struct Consumer {
    var queue: Int
    var prefetch: Int
  }

  struct Unacked {
    var tag: UInt64
    var queue: Int
    var message: BrokerMessage
    /// The coordinator has decided to ack it; the ack may be on its way.
    var isGivenUp = false
  }

  /// A delivery that the coordinator's core holds.
  struct Held {
    var tag: UInt64
    var job: Int
    var seen: UInt32 = 0
  }

  let index: Int
  let generation: ChannelGeneration
  let owner: SimulatedCoordinator
  let isAttached: Bool
  let toBroker: Int32
  let fromBroker: Int32
  /// For the broker it is open.
  var isOpen = true
  /// For the coordinator it is open.
  var isKnownUp = false
  var consumers: [Consumer] = []
  var unacked: [Unacked] = []
  var held: [Held] = []
  var nextTag: UInt64 = 1

  init(
    index: Int, generation: ChannelGeneration, owner: SimulatedCoordinator, isAttached: Bool,
    toBroker: Int32, fromBroker: Int32
  ) {
    self.index = index
    self.generation = generation
    self.owner = owner
    self.isAttached = isAttached
    self.toBroker = toBroker
    self.fromBroker = fromBroker
  }

  func room(_ queue: Int) -> Bool {
    guard isOpen, let consumer = consumers.first(where: { $0.queue == queue }) else { return false }
    return unacked.count { $0.queue == queue } < consumer.prefetch
  }
}

/// A connection for publishing, and what was published on it without an answer yet.
final class SimulatedPublisher {
  let index: Int
  let owner: SimulatedCoordinator
  let toBroker: Int32
  let fromBroker: Int32
  var isOpen = true
  var isKnownUp = false
  var pending: [(ticket: Int, id: PublishID)] = []
  var nextTicket = 0

  init(index: Int, owner: SimulatedCoordinator, toBroker: Int32, fromBroker: Int32) {
    self.index = index
    self.owner = owner
    self.toBroker = toBroker
    self.fromBroker = fromBroker
  }
}

/// The broker: queues that keep what was confirmed, whatever dies.
struct SimulatedBroker {
  /// Numbers of the queues: those of the lanes, in the order of `QueueTopology.queues`, then the
  /// attached one.
  enum Queue {
    static let ofLane = 5
    static let attached = ofLane * SimulationPlan.lanes.count
    static let count = attached + 1

    static func again(_ lane: Int) -> Int { lane * ofLane }
    static func parked(_ lane: Int) -> Int { lane * ofLane + 4 }

    static func lane(_ lane: Int, _ priority: Priority) -> Int {
      switch priority {
      case .high: lane * ofLane + 1
      case .normal: lane * ofLane + 2
      case .low: lane * ofLane + 3
      }
    }

    static func isParked(_ queue: Int) -> Bool { queue < attached && queue % ofLane == 4 }
  }

  static let names = SimulationPlan.lanes.flatMap { QueueTopology.queues($0) } + ["hello"]
  static let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })

  var queues = [Deque<BrokerMessage>](repeating: [], count: Queue.count)
  /// Returned what is published to it, until it is declared again.
  var isMissing = [Bool](repeating: false, count: Queue.count)
  var alarmUntil: Int64 = 0
  /// The backlog itself is what fills the memory: the alarm ends when it was acked.
  var lastsUntilDrained = false
  var downUntil: Int64 = 0

  static func lane(_ job: Job) -> Int { SimulationPlan.lanes.firstIndex(of: job.lane) ?? 0 }

  static func source(_ queue: Int) -> Arrival.Source {
    if queue == Queue.attached { return .attached }
    if Queue.isParked(queue) { return .parked }
    return queue % Queue.ofLane == 0 ? .again : .lane
  }
}

/// The store: outcomes, applied and then committed by a majority, and publishes that are owed.
struct SimulatedStore {
  struct Owed {
    var id: OwedID
    var what: Publish.What
    /// -1: none.
    var job: Int
    var due: WallTime
    var claimedUntil: Int64 = 0
    /// A coordinator has decided to remove it.
    var isGivenUp = false
  }

  /// What happens to the next write.
  enum Trick {
    case lost, appliedUnanswered, appliedLate, rolledBack
  }

  var committed = [Outcome?](repeating: nil, count: SimulationPlan.jobsMax)
  var applied = [Applied?](repeating: nil, count: SimulationPlan.jobsMax)
  var owed: [Owed] = []
  /// Whatever was owed once: a coordinator that claimed it keeps it when the document is gone.
  var owedOnce: [OwedID: Publish.What] = [:]
  /// In the order in which they were written.
  var cancels: [JobID] = []
  var pauses: [LanePause] = []
  var pausesVersion = 0
  var controls: [NodeControl] = []
  var controlsVersion = 0
  var outageUntil: Int64 = 0
  var staleUntil: Int64 = 0
  var trick: Trick?
}
