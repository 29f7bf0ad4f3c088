internal import OrderedCollections

/// The cluster as one coordinator sees it now: what the health stream is made of. Each item has a
/// name; a change is an item that differs from the one last sent under that name.
package struct HealthPicture: Sendable, Equatable {
  package struct Node: Sendable, Equatable {
    package var name: String
    package var role: String
    /// up, suspect, degraded, one-way, wedged, lost, draining, left.
    package var state: String
    package var reason: String
    package var since: WallTime
    package var boot: BootID
    package var slots: Int
    package var running: Int
    package var heartbeatAge: Duration
    package var labels: [Label]
    package var kinds: [Kind]
    package var lanes: [Lane]
    package var software: String
    package var address: String
    /// Nil: not known.
    package var certificateExpires: WallTime?
    /// The alert that fires unless its state passes soon; nil: none does.
    package var pending: String?

    package static let statesInSession =
      ["up", "suspect", "degraded", "one-way", "wedged", "draining"]
    package var isInSession: Bool { Self.statesInSession.contains(state) }
  }

  package struct LaneItem: Sendable, Equatable {
    package var name: Lane
    /// In the broker, not yet with a coordinator.
    package var ready: Int
    /// Here, not yet running.
    package var waiting: Int
    package var running: Int
    package var parked: Int
    /// What the parked and waiting jobs need and nobody serves.
    package var unserved: [String]
    package var finished: Int
    package var failed: Int
    package var pause: LanePause?
    /// Why jobs of it wait; empty when none does.
    package var waitsFor: String
  }

  package struct Part: Sendable, Equatable {
    package var name: String
    package var state: String
    package var reason: String
    package var since: WallTime
  }

  package var coordinator: NodeName
  /// One sentence: what is wrong now; empty when nothing is.
  package var verdict: String
  package var nodes: [Node]
  package var lanes: [LaneItem]
  package var parts: [Part]
  package var alerts: [Alert]
  /// When the CA's certificate ends; nil: not known.
  package var authorityExpires: WallTime?
}

extension HealthPicture {
  /// Names of the nodes that are here, or were a moment ago.
  package var inSession: Set<String> {
    Set(nodes.filter { $0.isInSession }.map(\.name))
  }
}

/// Where one job is, for `job show`: nil when this coordinator does not hold it.
package struct JobPlace: Sendable, Equatable {
  package var state: String
  package var kind: Kind
  package var lane: Lane
  package var attempt: Int
  package var worker: NodeName?
  package var waitingFor: String
  package var progress: JobProgress?
}

extension ClusterCore {
  package func health(at now: Now) -> HealthPicture {
    var waiting: [Lane: Int] = [:]
    var running: [Lane: Int] = [:]
    for entry in entries.values {
      switch entry.state {
      case .running, .verdict, .settling: running[entry.job.lane, default: 0] += 1
      case .queued, .looking, .resting: waiting[entry.job.lane, default: 0] += 1
      }
    }
    return HealthPicture(
      coordinator: configuration.name, verdict: verdict(),
      nodes: coordinatorNodes(at: now) + workers.values.map { node($0, at: now) },
      lanes: configuration.lanes.map {
        laneItem($0, waiting: waiting[$0] ?? 0, running: running[$0] ?? 0)
      },
      parts: [part("broker", parts.brokerState), part("store", parts.storeState)],
      alerts: Array(openAlerts.values), authorityExpires: configuration.authority?.ends)
  }

  private func node(_ worker: Worker, at now: Now) -> HealthPicture.Node {
    var node = HealthPicture.Node(
      name: worker.name.text, role: "worker", state: state(of: worker),
      reason: worker.reason.isEmpty ? worker.troubleText : worker.reason,
      since: worker.since, boot: worker.boot, slots: worker.hello.slots, running: worker.running,
      heartbeatAge: now.monotonic - worker.detector.lastHeard, labels: worker.hello.labels,
      kinds: worker.hello.kinds, lanes: worker.hello.lanes, software: worker.hello.software,
      address: worker.address, certificateExpires: worker.hello.certificate?.ends)
    node.pending = pendingAlert(of: worker)
    return node
  }

  private func pendingAlert(of worker: Worker) -> String? {
    guard worker.standing == .up else { return nil }
    switch worker.detector.state {
    case .suspect: return "node-lost"
    case .degraded: return Self.degraded
    case .oneWay: return Self.oneWay
    case .up, .lost: return nil
    }
  }

  private func state(of worker: Worker) -> String {
    switch worker.standing {
    case .lost: return "lost"
    case .left: return "left"
    case .up:
      switch worker.detector.state {
      case .suspect: return "suspect"
      case .degraded: return "degraded"
      case .oneWay: return "one-way"
      case .up, .lost: break
      }
      if worker.isDraining { return "draining" }
      switch worker.trouble {
      case .wedged: return "wedged"
      case .storeAway: return "degraded"
      case nil: return "up"
      }
    }
  }

  private func laneItem(_ lane: Lane, waiting: Int, running: Int) -> HealthPicture.LaneItem {
    let counts = laneCounts[lane] ?? LaneCounts()
    let parked = counts.ready[QueueTopology.parked(lane)] ?? 0
    let ready = counts.ready.values.reduce(0, +) - parked
    var unserved = counts.unserved
    for (demand, group) in dispatcher.groups
    where demand.lane == lane && group.count > 0 && group.unservedSince != nil {
      if !unserved.contains(demand.text) { unserved.append(demand.text) }
    }
    var item = HealthPicture.LaneItem(
      name: lane, ready: ready, waiting: waiting, running: running, parked: parked,
      unserved: unserved, finished: counts.finished, failed: counts.failed, pause: pauses[lane],
      waitsFor: "")
    if ready + waiting + parked > 0 { item.waitsFor = waitsFor(item) }
    return item
  }

  private func waitsFor(_ lane: HealthPicture.LaneItem) -> String {
    if let pause = lane.pause { return "the lane is paused by \(pause.by)" }
    if let demand = lane.unserved.first { return "no worker serves \(demand)" }
    let serving = workers.values.filter { $0.isInSession && $0.hello.lanes.contains(lane.name) }
    if serving.isEmpty { return "no worker is in session" }
    if serving.allSatisfy(\.isDraining) { return "all workers of the lane are leaving" }
    let slots = serving.reduce(0) { $0 + $1.hello.slots }
    return lane.running >= slots ? "all \(slots) slots are taken" : "its turn"
  }

  private func part(_ name: String, _ part: PartStates.Part) -> HealthPicture.Part {
    HealthPicture.Part(
      name: name, state: part.state.rawValue, reason: part.reason, since: part.since)
  }

  func verdict() -> String {
    if parts.brokerState.state != .up {
      return "\(configuration.brokerName): \(parts.brokerState.reason)"
    }
    if parts.storeState.state != .up {
      return "\(configuration.storeName): \(parts.storeState.reason)"
    }
    if let alert = openAlerts.values.first { return "\(alert.summary): \(alert.why)" }
    for lane in configuration.lanes where pauses[lane] == nil {
      let item = laneItem(lane, waiting: 0, running: 0)
      if let first = item.unserved.first {
        return "lane \(lane): no worker serves \(first)"
      }
      let isServed = workers.values.contains { $0.isInSession && $0.hello.lanes.contains(lane) }
      if !isServed { return "lane \(lane): no worker is in session" }
    }
    return ""
  }

  /// Jobs held here that match, by id, at most so many; of these ids only, where there are any.
  package func places(
    limit: Int, among ids: [JobID]? = nil, _ matches: (Job, JobPlace) -> Bool
  ) -> [(id: JobID, place: JobPlace)] {
    var found: [(id: JobID, place: JobPlace)] = []
    for id in ids ?? entries.keys.sorted() where found.count < limit {
      guard let entry = entries[id], let place = place(of: id), matches(entry.job, place) else {
        continue
      }
      found.append((id, place))
    }
    return found
  }

  package func place(of id: JobID) -> JobPlace? {
    guard let entry = entries[id] else { return nil }
    var place = JobPlace(
      state: "queued", kind: entry.job.kind, lane: entry.job.lane, attempt: entry.attempt,
      worker: nil, waitingFor: "")
    switch entry.state {
    case .running(let assignment):
      place.state = "running"
      place.worker = runs[assignment]?.worker
      place.progress = runs[assignment]?.progress
    // Its outcome is recorded: the store knows more.
    case .settling(.announcing, _): return nil
    case .settling: place.state = "running"
    case .verdict(let lost, _):
      place.waitingFor = "worker \(lost.worker) went away; the store is asked for an outcome"
    case .looking: place.waitingFor = "the store is asked for an outcome"
    case .resting: place.waitingFor = "a pause after an answer that did not come"
    case .queued:
      if let pause = pauses[entry.job.lane] {
        place.waitingFor = "the lane is paused by \(pause.by)"
        return place
      }
      let demand = Demand(entry.job)
      let isServed = workers.values.contains { $0.isInSession && $0.serves(demand) }
      place.waitingFor =
        isServed
        ? "all slots that serve \(demand.text) are taken" : "no worker serves \(demand.text)"
    }
    return place
  }
}
