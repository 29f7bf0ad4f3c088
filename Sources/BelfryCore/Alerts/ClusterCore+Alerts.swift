internal import OrderedCollections

/// Alert rules that need no configuration: raised once, resolved once, with why.
extension ClusterCore {
  static let partDownAfter = Duration.seconds(5)

  mutating func raise(
    _ rule: String, _ subject: String, _ severity: Alert.Severity, _ summary: String, why: String,
    jobsMoved: Int = 0, at now: Now
  ) {
    let key = "\(rule)/\(subject)"
    guard openAlerts[key] == nil else { return }
    var alert = Alert(
      rule: rule, subject: subject, severity: severity, summary: summary, why: why,
      firedAt: now.wall, jobsMoved: jobsMoved)
    alert.coordinator = configuration.name.text
    openAlerts[key] = alert
    // What was read before knows nothing of it.
    alertsRecorded.remove(key)
    ready.alerts.append(alert)
    ready.healthChanged = true
  }

  /// Those raised here, then those that others have raised.
  var knownAlerts: [Alert] {
    openAlerts.values + readAlerts.filter { openAlerts[$0.id.description] == nil }
  }

  /// Resolves an episode; one that an earlier coordinator left open is known to the store only, so
  /// the effect is emitted even when nothing is open here.
  mutating func resolve(_ rule: String, _ subject: String, why: String, at now: Now) {
    let key = "\(rule)/\(subject)"
    readAlerts.removeAll { $0.rule == rule && $0.subject == subject }
    var alert =
      openAlerts.removeValue(forKey: key)
      ?? Alert(
        rule: rule, subject: subject, severity: .info, summary: "\(subject): \(rule) is over",
        why: why, firedAt: now.wall)
    alert.state = .resolved
    alert.resolvedAt = now.wall
    alert.why = why
    ready.alerts.append(alert)
    ready.healthChanged = true
  }

  mutating func resolveIfOpen(_ rule: String, _ subject: String, why: String, at now: Now) {
    guard !openAlerts.isEmpty, openAlerts["\(rule)/\(subject)"] != nil else { return }
    resolve(rule, subject, why: why, at: now)
  }

  /// Parts that are away longer than 5 s, and publishes that nobody takes.
  mutating func watchPublishes(at now: Now) {
    let wasUp = parts.storeState.state == .up
    parts.watchSilence(at: now)
    if wasUp, parts.storeState.state != .up { ready.storeIsUp = false }
    ready.healthChanged = parts.takeChanged() || ready.healthChanged
    watch("broker", parts.brokerState, configuration.brokerName, at: now)
    watch("store", parts.storeState, configuration.storeName, at: now)
    if ledger.heldCount > 0 {
      raise(
        "publish-held", "broker", .warning,
        "\(ledger.heldCount) publishes were returned three times",
        why: "no queue takes them; the topology is declared again every 5 s", at: now)
    } else {
      resolveIfOpen("publish-held", "broker", why: "the queues take messages again", at: now)
    }
  }

  private mutating func watch(
    _ subject: String, _ state: PartStates.Part, _ name: String, at now: Now
  ) {
    if state.state == .up {
      resolveIfOpen("\(subject)-down", subject, why: "\(name) is back", at: now)
    } else if now.wall - state.since >= Self.partDownAfter {
      raise(
        "\(subject)-down", subject, .critical,
        state.state == .blocked ? "\(name) takes no messages" : "\(name) is away",
        why: state.reason, at: now)
    }
  }

  mutating func storeAnswered(_ problem: StoreProblem?, at now: Now) {
    parts.store(problem?.message, at: now)
    ready.storeIsUp = problem == nil
    ready.healthChanged = ready.healthChanged || parts.takeChanged()
  }
}
