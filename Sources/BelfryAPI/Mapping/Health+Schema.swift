package import BelfryCore

/// The health picture as the schema has it, and the difference between two of them.
extension Belfry_V1_HealthUpdate {
  package init(_ picture: HealthPicture, cluster: String, at now: WallTime) {
    self.init()
    whole = true
    atMs = now.milliseconds
    self.cluster = cluster
    verdict = picture.verdict
    nodes = picture.nodes.map(Belfry_V1_NodeHealth.init)
    lanes = picture.lanes.map(Belfry_V1_LaneHealth.init)
    parts = picture.parts.map(Belfry_V1_PartHealth.init)
    alerts = picture.alerts.map(Belfry_V1_AlertView.init)
  }

  /// What one that knows `old` must be told to know this; nil when it knows all.
  package func changes(since old: Belfry_V1_HealthUpdate) -> Belfry_V1_HealthUpdate? {
    var update = Belfry_V1_HealthUpdate()
    update.atMs = atMs
    update.cluster = cluster
    update.verdict = verdict
    update.nodes = Self.changed(old.nodes, nodes, &update.gone)
    update.lanes = Self.changed(old.lanes, lanes, &update.gone)
    update.parts = Self.changed(old.parts, parts, &update.gone)
    update.alerts = Self.changed(old.alerts, alerts, &update.gone)
    return update.itemsCount == 0 && verdict == old.verdict ? nil : update
  }

  /// Takes in what came later: a picture is as new then, and a change tells of both.
  package mutating func apply(_ later: Belfry_V1_HealthUpdate) {
    if later.whole {
      self = later
      return
    }
    cursor = later.cursor
    source = later.source
    atMs = later.atMs
    verdict = later.verdict
    let over = Set(later.gone)
    nodes = Self.merged(nodes, later.nodes, without: over)
    lanes = Self.merged(lanes, later.lanes, without: over)
    parts = Self.merged(parts, later.parts, without: over)
    alerts = Self.merged(alerts, later.alerts, without: over)
    guard !whole else { return }
    let back = Set(
      later.nodes.map(\.key) + later.lanes.map(\.key) + later.parts.map(\.key)
        + later.alerts.map(\.key))
    gone = gone.filter { !back.contains($0) && !over.contains($0) } + later.gone
  }

  package var itemsCount: Int {
    nodes.count + lanes.count + parts.count + alerts.count + gone.count
  }

  private static func changed<Item: HealthItem>(
    _ old: [Item], _ new: [Item], _ gone: inout [String]
  ) -> [Item] {
    // Mostly they are the same ones in the same order.
    if old.count == new.count, zip(old, new).allSatisfy({ $0.isNamed(as: $1) }) {
      return zip(old, new).filter { $0 != $1 }.map(\.1)
    }
    var known = Dictionary(old.map { ($0.key, $0) }) { $1 }
    let changed = new.filter { known.removeValue(forKey: $0.key) != $0 }
    gone += known.keys.sorted()
    return changed
  }

  private static func merged<Item: HealthItem>(
    _ old: [Item], _ new: [Item], without over: Set<String>
  ) -> [Item] {
    var result = over.isEmpty ? old : old.filter { !over.contains($0.key) }
    if new.isEmpty { return result }
    let places = Dictionary(zip(result.map(\.key), result.indices)) { $1 }
    for item in new {
      if let place = places[item.key] { result[place] = item } else { result.append(item) }
    }
    return result
  }
}

/// What replaces what was known under the same name.
private protocol HealthItem: Equatable {
  /// As it stands in `gone`.
  var key: String { get }
  func isNamed(as other: Self) -> Bool
}

extension Belfry_V1_NodeHealth: HealthItem {
  fileprivate var key: String { "node/\(name)" }
  fileprivate func isNamed(as other: Self) -> Bool { name == other.name }
}

extension Belfry_V1_LaneHealth: HealthItem {
  fileprivate var key: String { "lane/\(name)" }
  fileprivate func isNamed(as other: Self) -> Bool { name == other.name }
}

extension Belfry_V1_PartHealth: HealthItem {
  fileprivate var key: String { "part/\(name)" }
  fileprivate func isNamed(as other: Self) -> Bool { name == other.name }
}

extension Belfry_V1_AlertView: HealthItem {
  fileprivate var key: String { "alert/\(rule)/\(subject)" }
  fileprivate func isNamed(as other: Self) -> Bool {
    rule == other.rule && subject == other.subject
  }
}

extension Belfry_V1_NodeHealth {
  package init(_ node: HealthPicture.Node) {
    self.init()
    name = node.name
    role = node.role
    state = node.state
    reason = node.reason
    sinceMs = node.since.milliseconds
    boot = node.boot.description
    slots = UInt32(clamping: node.slots)
    running = UInt32(clamping: node.running)
    // In steps of a second: a beat that comes is no change worth telling.
    heartbeatAgeMs = UInt64(clamping: node.heartbeatAge.millisecondsClamped / 1_000 * 1_000)
    labels = node.labels.map(Belfry_V1_Label.init)
    kinds = node.kinds.map(\.text)
    lanes = node.lanes.map(\.text)
    software = node.software
    address = node.address
    certificateExpiresMs = node.certificateExpires.wireMilliseconds
    clockOffsetMs = node.clockOffset.millisecondsClamped
    setCordon(node.cordon)
  }

  /// Of a worker that is not seen: what operators have set of it.
  package init(_ control: NodeControl) {
    self.init()
    name = control.name.text
    role = "worker"
    labels = control.labels.map(Belfry_V1_Label.init)
    setCordon(control.cordon)
  }

  private mutating func setCordon(_ cordon: NodeControl.Cordon?) {
    cordonedBy = cordon?.by ?? ""
    cordonedReason = cordon?.reason ?? ""
    cordonedSinceMs = (cordon?.since).wireMilliseconds
  }
}

extension Belfry_V1_LaneHealth {
  package init(_ lane: HealthPicture.LaneItem) {
    self.init()
    name = lane.name.text
    ready = UInt64(clamping: lane.ready)
    waiting = UInt64(clamping: lane.waiting)
    running = UInt64(clamping: lane.running)
    parked = UInt64(clamping: lane.parked)
    unserved = lane.unserved
    finished = UInt64(clamping: lane.finished)
    failed = UInt64(clamping: lane.failed)
    finishedPerSecond = lane.finishedPerSecond.tenths
    failedPerSecond = lane.failedPerSecond.tenths
    waitsFor = lane.waitsFor
    // In steps of a second, as it is computed anew each time.
    oldestMs = lane.oldestSince.wireMilliseconds / 1_000 * 1_000
    if let pause = lane.pause {
      paused = true
      pausedBy = pause.by
      pausedReason = pause.reason
      pausedSinceMs = pause.since.milliseconds
    }
  }
}

extension Double {
  /// What differs by less is not told anew.
  fileprivate var tenths: Double { (self * 10).rounded() / 10 }
}

extension Belfry_V1_PartHealth {
  fileprivate init(_ part: HealthPicture.Part) {
    self.init()
    name = part.name
    state = part.state
    reason = part.reason
    sinceMs = part.since.milliseconds
  }
}

extension Belfry_V1_AlertView {
  package init(_ alert: Alert) {
    self.init()
    rule = alert.rule
    subject = alert.subject
    state = alert.state.rawValue
    severity = alert.severity.rawValue
    summary = alert.summary
    why = alert.why
    firedAtMs = alert.firedAt.milliseconds
    resolvedAtMs = alert.resolvedAt.wireMilliseconds
    jobsMoved = UInt32(clamping: alert.jobsMoved)
    acknowledgedBy = alert.acknowledgement?.by ?? ""
    acknowledgedMs = (alert.acknowledgement?.at).wireMilliseconds
    note = alert.acknowledgement?.note ?? ""
    heldBackBy = alert.heldBackBy
    resolvedWhy = alert.resolvedWhy
    coordinator = alert.coordinator
  }
}
