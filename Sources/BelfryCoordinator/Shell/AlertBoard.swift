internal import BelfryAPI
internal import BelfryCore
internal import Synchronization

/// Alerts and silences as they were last read, for those who ask.
final class AlertBoard: Sendable {
  private struct State: Equatable {
    var silences: [Silence] = []
    var open: [AlertID: Alert] = [:]
  }

  private let state = Mutex(State())

  /// True: watchers of the cluster's health are to look again.
  func read(_ silences: [Silence]) -> Bool { change { $0.silences = silences } }

  /// The same.
  func desk(has alerts: [Alert]) -> Bool {
    let open = Dictionary(alerts.map { ($0.id, $0) }) { $1 }
    return change { $0.open = open }
  }

  private func change(_ body: (inout State) -> Void) -> Bool {
    state.withLock { state in
      let old = state
      body(&state)
      return state != old
    }
  }

  var openAlerts: [Alert] { state.withLock { $0.open.values.sorted { $0.id < $1.id } } }

  /// Says of an alert what people have said of it.
  func mark(_ view: inout Belfry_V1_AlertView, at now: WallTime) {
    let id = AlertID(rule: view.rule, subject: view.subject)
    let (known, silence) = state.withLock { state in
      (state.open[id], state.silences.first { $0.holds(at: now) && $0.match.matches(id) })
    }
    if view.state != Alert.State.resolved.rawValue { view.silencedBy = silence?.by ?? "" }
    guard view.state == Alert.State.firing.rawValue, let known else { return }
    view.heldBackBy = known.heldBackBy
    guard let acknowledgement = known.acknowledgement else { return }
    view.state = Alert.State.acknowledged.rawValue
    view.acknowledgedBy = acknowledgement.by
    view.acknowledgedMs = acknowledgement.at.milliseconds
    view.note = acknowledgement.note
  }
}
