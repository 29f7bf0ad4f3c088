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
  }

  /// Why an episode that is not open here is over; nil: it is not, or others know better.
  private func leftoverIsOver(_ alert: Alert, at now: Now) -> String? {
    if alert.rule == Self.certificateExpiry, isCertificateGood(alert.subject, at: now) {
      return "renewed"
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
