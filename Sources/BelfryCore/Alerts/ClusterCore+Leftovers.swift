internal import OrderedCollections

/// Episodes that are open in the store and over all the same: whoever raised them is gone.
extension ClusterCore {
  mutating func alertsRead(_ alerts: [Alert], at now: Now) {
    if readAlerts != alerts {
      readAlerts = alerts
      ready.healthChanged = true
    }
    for alert in alerts where openAlerts[alert.id.description] == nil {
      if let why = leftoverIsOver(alert, at: now) {
        resolve(alert.rule, alert.subject, why: why, at: now)
      }
    }
    heedWhatOthersHaveClosed(alerts, at: now)
  }

  /// Raised here, and not open in the store for a while: another coordinator has seen the end of it. A worker is
  /// heard there; of the broker, which this one does not reach yet, people are told again.
  private mutating func heedWhatOthersHaveClosed(_ alerts: [Alert], at now: Now) {
    let open = Set(alerts.map(\.id.description))
    closedElsewhere = closedElsewhere.filter { !open.contains($0.key) }
    for (key, alert) in openAlerts
    where Self.endsForAll.contains(alert.rule) && !open.contains(key) {
      let since = closedElsewhere[key] ?? now.monotonic
      closedElsewhere[key] = since
      guard now.monotonic - since >= Self.closedFor else { continue }
      closedElsewhere[key] = nil
      openAlerts[key] = nil
      ready.healthChanged = true
      guard alert.rule == "broker-down" else { continue }
      raise(
        alert.rule, alert.subject, alert.severity, alert.summary,
        why: "\(alert.why); another coordinator reaches it, \(configuration.name) does not", at: now
      )
    }
  }

  private static let endsForAll: Set = ["node-lost", "broker-down"]
  /// What was raised a moment ago is not recorded yet.
  private static let closedFor = Duration.seconds(10)

  /// Why an episode that is not open here is over; nil: it is not, or others know better.
  private func leftoverIsOver(_ alert: Alert, at now: Now) -> String? {
    if alert.rule == Self.certificateExpiry, isCertificateGood(alert.subject, at: now) {
      return "renewed"
    }
    if alert.rule == "node-lost", let worker = NodeName(alert.subject).flatMap({ workers[$0] }),
      worker.isAlive, worker.detector.state == .up,
      now.monotonic - worker.detector.lastHeard < now.wall - alert.firedAt
    {
      return "coordinator \(configuration.name) hears it"
    }
    if Worker.Trouble(rawValue: alert.rule) != nil,
      let worker = NodeName(alert.subject).flatMap({ workers[$0] }), worker.isAlive,
      worker.heartbeatSeen > 0, worker.trouble == nil
    {
      return "worker \(worker.name) works again"
    }
    // Of an earlier process of this coordinator, or of one that is forgotten: another may still see what it
    // raised.
    guard alert.coordinator == configuration.name.text || isForgotten(alert.coordinator) else {
      return nil
    }
    switch alert.rule {
    // Whether its stream gets through is another matter for each coordinator.
    case Self.degraded, Self.oneWay:
      if let worker = NodeName(alert.subject).flatMap({ workers[$0] }), worker.isAlive,
        worker.heartbeatSeen > 0, worker.detector.state == .up
      {
        return "worker \(worker.name) works again"
      }
      return forgottenLeftover(at: now)
    case "broker-down": return parts.brokerState.state == .up ? "it is back" : nil
    case "partition-suspected": return brake.isOn(at: now.monotonic) ? nil : "no partition is seen"
    case "store-down": return parts.storeState.state == .up ? "it is back" : nil
    default: return forgottenLeftover(at: now)
    }
  }

  /// A coordinator that has not written for ten minutes, nor is about to.
  private func isForgotten(_ coordinator: String) -> Bool {
    guard roster.hasRead, let name = NodeName(coordinator) else { return false }
    return name != configuration.name && roster[name] == nil
  }

  private func forgottenLeftover(at now: Now) -> String? {
    guard let firstTick, now.monotonic - firstTick >= configuration.forgetAfter else { return nil }
    return "not seen again since coordinator \(configuration.name) was started"
  }
}
