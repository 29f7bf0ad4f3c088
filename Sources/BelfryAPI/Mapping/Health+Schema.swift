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

  /// What a watcher that knows `old` must be told to know this; nil when it knows all.
  package func changes(since old: Belfry_V1_HealthUpdate) -> Belfry_V1_HealthUpdate? {
    var update = Belfry_V1_HealthUpdate()
    update.atMs = atMs
    update.cluster = cluster
    update.verdict = verdict
    update.nodes = nodes.filter { node in !old.nodes.contains(node) }
    update.lanes = lanes.filter { lane in !old.lanes.contains(lane) }
    update.parts = parts.filter { part in !old.parts.contains(part) }
    update.alerts = alerts.filter { alert in !old.alerts.contains(alert) }
    for node in old.nodes where !nodes.contains(where: { $0.name == node.name }) {
      update.gone.append("node/\(node.name)")
    }
    for alert in old.alerts
    where !alerts.contains(where: { $0.rule == alert.rule && $0.subject == alert.subject }) {
      update.gone.append("alert/\(alert.rule)/\(alert.subject)")
    }
    let isSame =
      update.nodes.isEmpty && update.lanes.isEmpty && update.parts.isEmpty
      && update.alerts.isEmpty && update.gone.isEmpty && verdict == old.verdict
    return isSame ? nil : update
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
    waitsFor = lane.waitsFor
    if let pause = lane.pause {
      paused = true
      pausedBy = pause.by
      pausedReason = pause.reason
      pausedSinceMs = pause.since.milliseconds
    }
  }
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
