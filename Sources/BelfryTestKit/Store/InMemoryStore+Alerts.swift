package import BelfryCore
internal import Synchronization

/// Alert episodes.
extension InMemoryStore {
  package func openAlert(_ alert: Alert) async -> Bool? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      guard !state.alerts.contains(where: { $0.isOpenEpisode(of: alert) }) else { return false }
      state.alerts.append(alert)
      state.releasers[alert.id] = nil
      return true
    }
  }

  package func closeAlert(_ alert: Alert) async -> Bool? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      guard let index = state.alerts.firstIndex(where: { $0.isOpenEpisode(of: alert) })
      else { return false }
      state.alerts[index].state = .resolved
      state.alerts[index].resolvedWhy = alert.why
      state.alerts[index].resolvedAt = alert.resolvedAt
      return true
    }
  }

  package func acknowledgeAlert(
    _ id: AlertID, _ acknowledgement: Acknowledgement
  ) async -> Bool? {
    await changeOpen(id) { state, index in
      guard state.alerts[index].acknowledgement == nil else { return false }
      state.alerts[index].acknowledgement = acknowledgement
      state.alerts[index].state = .acknowledged
      return true
    }
  }

  package func releaseAlert(_ id: AlertID, by releaser: String) async -> Bool? {
    await changeOpen(id) { state, index in
      guard state.alerts[index].isHeldBack else { return state.releasers[id] == releaser }
      state.alerts[index].heldBackBy = ""
      state.releasers[id] = releaser
      return true
    }
  }

  private func changeOpen(
    _ id: AlertID, _ change: (inout State, Int) -> Bool
  ) async -> Bool? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      let index = state.alerts.firstIndex { $0.id == id && $0.state != .resolved }
      return index.map { change(&state, $0) } ?? false
    }
  }

  package func openAlerts() async -> Result<[Alert], StoreProblem> {
    await readAlerts { $0.alerts.filter { $0.state != .resolved }.reversed() }
      .map { Array($0.prefix(Self.openAlertsMax)) }
  }

  package func resolvedAlerts(
    since: WallTime, limit: Int
  ) async -> Result<[Alert], StoreProblem> {
    await readAlerts { state in
      state.alerts.filter { $0.resolvedAt.map { $0 >= since } ?? false }
        .sorted { ($0.resolvedAt ?? since) > ($1.resolvedAt ?? since) }
    }.map { Array($0.prefix(limit)) }
  }

  private func readAlerts(
    _ alerts: (State) -> [Alert]
  ) async -> Result<[Alert], StoreProblem> {
    await waitWhileHeld()
    return state.withLock { $0.isDown ? .failure(Self.problem) : .success(alerts($0)) }
  }
}

extension Alert {
  fileprivate func isOpenEpisode(of other: Alert) -> Bool {
    state != .resolved && id == other.id
  }
}
