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
    heedWhatOthersHaveClosed(alerts)
  }

  /// Raised here, seen in the store, and open there no more: another coordinator has seen the end of it. What is
  /// so here all the same, and is looked at again and again, is raised again: the broker that only others reach.
  private mutating func heedWhatOthersHaveClosed(_ alerts: [Alert]) {
    // More than are read may be open.
    guard alerts.count < Self.openAlertsMax else { return }
    let open = Set(alerts.map(\.id.description))
    for key in alertsRecorded where !open.contains(key) && openAlerts[key] != nil {
      openAlerts[key] = nil
      ready.healthChanged = true
    }
    alertsRecorded = open.filter { openAlerts[$0] != nil }
  }

  /// As stores give them at once.
  private static let openAlertsMax = 1_000

  /// Why an episode that is not open here is over; nil: it is not, or others know better.
  private func leftoverIsOver(_ alert: Alert, at now: Now) -> String? {
    if alert.rule == Self.certificateExpiry, isCertificateGood(alert.subject, at: now) {
      return "renewed"
    }
    if alert.rule == "node-lost", let worker = NodeName(alert.subject).flatMap({ workers[$0] }) {
      guard worker.isAlive, worker.detector.state == .up,
        // Well after: clocks are some tenths of a second apart.
        now.wall - alert.firedAt - (now.monotonic - worker.detector.lastHeard) >= .seconds(1)
      else { return nil }
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
