internal import OrderedCollections

/// The cluster as one coordinator sees it now: what the health stream is made of. Each item has a
/// name; a change is an item that differs from the one last sent under that name.
package struct HealthPicture: Sendable, Equatable {
  package struct Node: Sendable, Equatable {
    package var name: String
    package var role: String
    /// up, cordoned, suspect, degraded, one-way, wedged, lost, draining, left.
    package var state: String
    package var reason: String
    package var since: WallTime
    package var boot: BootID
    package var slots: Int
    package var running: Int
    package var heartbeatAge: Duration
    package var labels: [Label]
    /// Nil: it gets jobs.
    package var cordon: NodeControl.Cordon?
    package var kinds: [Kind]
    package var lanes: [Lane]
    package var software: String
    package var address: String
    /// Nil: not known.
    package var certificateExpires: WallTime?
    /// How far its machine's clock is ahead of the cluster's.
    package var clockOffset: Duration = .zero
    /// The alert that fires unless its state passes soon; nil: none does.
    package var pending: String?

    package static let statesInSession =
      ["up", "cordoned", "suspect", "degraded", "one-way", "wedged", "draining"]
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
    /// Over the last ten seconds.
    package var finishedPerSecond = 0.0
    package var failedPerSecond = 0.0
    package var pause: LanePause?
    /// Why jobs of it wait; empty when none does.
    package var waitsFor: String
    /// Since when the first of those that wait here has done so; nil: none waits.
    package var oldestSince: WallTime?
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
    HealthPicture(
      coordinator: configuration.name, verdict: verdict(),
      nodes: coordinatorNodes(at: now) + workers.values.map { node($0, at: now) },
      lanes: laneItems(at: now),
      parts: [part("broker", parts.brokerState), part("store", parts.storeState)],
      alerts: knownAlerts, authorityExpires: configuration.authority?.ends)
  }

  func laneItems(at now: Now) -> [HealthPicture.LaneItem] {
    var waiting: [Lane: Int] = [:]
    var running: [Lane: Int] = [:]
    var oldest: [Lane: Duration] = [:]
    for entry in entries.values {
      switch entry.state {
      case .running, .verdict, .settling: running[entry.job.lane, default: 0] += 1
      case .queued, .looking, .resting:
        waiting[entry.job.lane, default: 0] += 1
        oldest[entry.job.lane] = max(oldest[entry.job.lane] ?? .zero, entry.waited(at: now))
      }
    }
    return configuration.lanes.map { lane in
      var item = laneItem(
        lane, waiting: waiting[lane] ?? 0, running: running[lane] ?? 0,
        oldestSince: oldest[lane].map { now.wall - $0 })
      if let recent = laneCounts[lane]?.recent(.seconds(10), at: now.monotonic) {
        item.finishedPerSecond = Double(recent.finished) / (recent.within / .seconds(1))
        item.failedPerSecond = Double(recent.failed) / (recent.within / .seconds(1))
      }
      return item
    }
  }

  private func node(_ worker: Worker, at now: Now) -> HealthPicture.Node {
    let (state, cordon) = (state(of: worker), worker.control?.cordon)
    let reasons = [worker.reason.isEmpty ? worker.troubleText : worker.reason, cordon?.text ?? ""]
    var node = HealthPicture.Node(
      name: worker.name.text, role: "worker", state: state,
      reason: reasons.filter { !$0.isEmpty }.joined(separator: "; "),
      since: state == Self.cordoned ? cordon?.since ?? worker.since : worker.since,
      boot: worker.boot, slots: worker.hello.slots, running: worker.running,
      heartbeatAge: now.monotonic - worker.detector.lastHeard, labels: worker.labels,
      cordon: cordon, kinds: worker.hello.kinds, lanes: worker.hello.lanes,
      software: worker.hello.software, address: worker.address,
      certificateExpires: worker.hello.certificate?.ends,
      clockOffset: worker.clockOffset)
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
      case nil: return worker.isCordoned ? Self.cordoned : "up"
      }
    }
  }

  private static let cordoned = "cordoned"

  private func laneItem(
    _ lane: Lane, waiting: Int, running: Int, oldestSince: WallTime?
  ) -> HealthPicture.LaneItem {
    let counts = laneCounts[lane] ?? LaneCounts()
    let parked = counts.ready[QueueTopology.parked(lane)] ?? 0
    let ready = counts.ready.values.reduce(0, +) - parked
    let unserved = unserved(in: lane)
    var item = HealthPicture.LaneItem(
      name: lane, ready: ready, waiting: waiting, running: running, parked: parked,
      unserved: unserved.map(\.text), finished: counts.finished, failed: counts.failed,
      pause: pauses[lane], waitsFor: "", oldestSince: oldestSince)
    if ready + waiting + parked > 0 {
      item.waitsFor =
        pauses[lane].map { "the lane is paused by \($0.by)" }
        ?? unserved.first.map(nobodyServes) ?? nobodyServes(lane)
        ?? turn(in: lane, running: running)
    }
    return item
  }

  /// What jobs of a lane need and nobody takes.
  private func unserved(in lane: Lane) -> [Demand] {
    var unserved = laneCounts[lane]?.unserved ?? []
    for (demand, group) in dispatcher.groups
    where demand.lane == lane && group.count > 0 && group.unservedSince != nil {
      if !unserved.contains(demand) { unserved.append(demand) }
    }
    return unserved
  }

  /// Nobody serves what waits in the lane, and not because somebody wants it so: workers are cordoned or leave. Of
  /// a lane without any worker here another coordinator may have some.
  func whyUnserved(_ lane: Lane) -> String? {
    let there = workers.values.filter { $0.isAlive && $0.hello.lanes.contains(lane) }
    if there.contains(where: { $0.isCordoned || $0.isDraining }) { return nil }
    let isOthers =
      there.isEmpty
      && roster.peers.values.contains { $0.standing == .up && $0.record.lanes.contains(lane) }
    return isOthers ? nil : unserved(in: lane).first.map(nobodyServes) ?? nobodyServes(lane)
  }

  /// Why nobody takes what waits for this, of the workers that there are.
  private func nobodyServes(_ demand: Demand) -> String {
    let cordoned = workers.values.filter { $0.isInSession && $0.isCordoned && $0.serves(demand) }
    return cordoned.isEmpty
      ? "no worker serves \(demand.text)"
      : "only cordoned workers serve \(demand.text): \(Self.names(cordoned))"
  }

  /// Why nobody takes any job of a lane; nil: somebody does.
  private func nobodyServes(_ lane: Lane) -> String? {
    let there = workers.values.filter { $0.isAlive && $0.hello.lanes.contains(lane) }
    if there.contains(where: \.offersSlots) { return nil }
    let cordoned = there.filter(\.isCordoned)
    if !cordoned.isEmpty {
      return "no worker but cordoned ones is in session: \(Self.names(cordoned))"
    }
    return there.isEmpty ? "no worker is in session" : "all workers of the lane are leaving"
  }

  private static func names(_ workers: [Worker]) -> String {
    let shown = workers.prefix(3).map(\.name.text).joined(separator: ", ")
    return workers.count > 3 ? "\(shown), …" : shown
  }

  private func turn(in lane: Lane, running: Int) -> String {
    let slots = workers.values.filter { $0.offersSlots && $0.hello.lanes.contains(lane) }
      .reduce(0) { $0 + $1.hello.slots }
    return running >= slots ? "all \(slots) slots are taken" : "its turn"
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
    if let alert = knownAlerts.min(by: { $0.severity < $1.severity }) {
      return "\(alert.summary): \(alert.why)"
    }
    for lane in configuration.lanes where pauses[lane] == nil {
      if let why = unserved(in: lane).first.map(nobodyServes) ?? nobodyServes(lane) {
        return "lane \(lane): \(why)"
      }
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
      let isServed = workers.values.contains { $0.offersSlots && $0.serves(demand) }
      place.waitingFor =
        isServed ? "all slots that serve \(demand.text) are taken" : nobodyServes(demand)
    }
    return place
  }
}
