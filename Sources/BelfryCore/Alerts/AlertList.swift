/// What people see when they ask for alerts: of the store, of this coordinator, and what may come.
package enum AlertList {
  /// - Parameters:
  ///   - stored: open and ended episodes; nil: the store did not answer.
  ///   - own: those that this coordinator sees.
  ///   - desk: those that are open, as this coordinator last heard: all there is without the store.
  /// - Returns: those that fire, then those that may, then those that ended; the newest first.
  package static func merged(
    stored: [Alert]?, own: [Alert], desk: [Alert], pending: [Alert]
  ) -> [Alert] {
    let held = Dictionary(desk.map { ($0.id, $0) }) { $1 }
    var all = stored ?? desk
    var open = Set(all.filter { $0.state != .resolved }.map(\.id))
    for alert in own where open.insert(alert.id).inserted { all.append(held[alert.id] ?? alert) }
    all += pending.filter { !open.contains($0.id) }
    return all.sorted { a, b in
      (rank(a), b.time, a.id) < (rank(b), a.time, b.id)
    }
  }

  private static func rank(_ alert: Alert) -> Int {
    switch alert.state {
    case .firing, .acknowledged: 0
    case .pending: 1
    case .resolved: 2
    }
  }
}

extension Alert {
  fileprivate var time: WallTime { resolvedAt ?? firedAt }
}

extension HealthPicture {
  /// What fires unless it passes: nodes that are suspect, or not talked to; parts that are away for a moment.
  package var pendingAlerts: [Alert] {
    let nodes = nodes.compactMap { node in
      node.pending.map { rule in
        Alert(
          rule: rule, subject: node.name, state: .pending,
          severity: node.state == "suspect" ? .critical : .warning,
          summary: "\(node.role) \(node.name) is \(node.state)", why: node.reason,
          firedAt: node.since)
      }
    }
    // One that was never reached has no such time.
    let away = parts.filter { $0.state != "up" && $0.since.milliseconds < .max }
    let parts = away.map { part in
      Alert(
        rule: "\(part.name)-down", subject: part.name, state: .pending, severity: .critical,
        summary: "the \(part.name) is \(part.state)", why: part.reason, firedAt: part.since)
    }
    return (nodes + parts).map { alert in
      var alert = alert
      alert.coordinator = coordinator.text
      return alert
    }
  }
}
