import BelfryCore

/// One start of a node: it lives until it crashes or leaves, and the next start is another one.
class SimulatedProcess {
  let index: Int32
  /// 0 and 1: coordinators; from 2: workers.
  let node: Int
  let boot: BootID
  let name: NodeName
  var isAlive = true
  var pausedUntil: Int64 = 0
  let monotonicOffset: Int64
  /// How far its wall clock is off.
  var wallOffset: Int64
  /// What it sends to the store: no order, but lost or late with the process.
  let storeLink: Int32
  /// All that it sends on.
  var outgoing: [Int32] = []

  init(
    index: Int32, node: Int, boot: BootID, name: NodeName, offsets: (Int64, Int64),
    storeLink: Int32
  ) {
    self.index = index
    self.node = node
    self.boot = boot
    self.name = name
    monotonicOffset = offsets.0
    wallOffset = offsets.1
    self.storeLink = storeLink
    outgoing = [storeLink]
  }
}

final class SimulatedCoordinator: SimulatedProcess {
  var core: ClusterCore
  var channels: [SimulatedChannel] = []
  var publisher: SimulatedPublisher?
  var sessions: [Int] = []
  var nextGeneration: UInt64 = 1
  var isLeaving = false
  /// A claim is on its way.
  var isClaiming = false
  /// What people said, as far as it was read from the store.
  var polledAt: Int64 = 0
  var cancelsRead = 0
  var pausesVersion = 0
  var controlsVersion = 0
  /// What the core was told of it.
  var knownCancels: Set<JobID> = []
  var knownPauses: Set<Lane> = []
  var knownCordons: Set<NodeName> = []

  init(
    core: ClusterCore, index: Int32, node: Int, boot: BootID, offsets: (Int64, Int64),
    storeLink: Int32
  ) {
    self.core = core
    super.init(
      index: index, node: node, boot: boot, name: core.configuration.name, offsets: offsets,
      storeLink: storeLink)
  }

  func channel(_ generation: ChannelGeneration) -> SimulatedChannel? {
    channels.last { $0.generation == generation }
  }

  /// The channel for consuming that the core knows of.
  var consuming: SimulatedChannel? { channels.last { $0.isKnownUp && !$0.isAttached } }
}

final class SimulatedWorker: SimulatedProcess {
  struct Handler {
    var assignment: AssignmentID
    var job: Int
    var tries: Int
    var startedAt: WallTime
    /// Told to end: what it returns is `ended`.
    var isEnding = false
    /// It does not end: its failure was reported, its slot is lost until it returns.
    var isGivenUp = false
  }

  var core: WorkerCore
  var sessions: [Int] = []
  var handlers: [Handler] = []

  init(
    core: WorkerCore, index: Int32, node: Int, boot: BootID, offsets: (Int64, Int64),
    storeLink: Int32
  ) {
    self.core = core
    super.init(
      index: index, node: node, boot: boot, name: core.configuration.name, offsets: offsets,
      storeLink: storeLink)
  }
}

/// A connection between a worker and a coordinator. Each end has its own idea of whether it is open.
final class SimulatedSession {
  let id: SessionID
  let worker: SimulatedWorker
  let coordinator: SimulatedCoordinator
  let up: Int32
  let down: Int32
  var isOpenAtWorker = true
  var isOpenAtCoordinator = true
  var hasSaidHello = false
  /// The coordinator knows where datagrams of this session come from.
  var isBeatHeard = false
  /// When each end heard a datagram of the other last.
  var beatHeardAt: (coordinator: Int64, worker: Int64)

  init(
    id: SessionID, worker: SimulatedWorker, coordinator: SimulatedCoordinator, up: Int32,
    down: Int32, at now: Int64
  ) {
    self.id = id
    self.worker = worker
    self.coordinator = coordinator
    self.up = up
    self.down = down
    beatHeardAt = (now, now)
  }
}
