internal import DequeModule

/// Sends each alert once and has each recorded, the store away or not.
///
/// With several coordinators the store says who sends: whoever opened or closed the episode there.
/// While it is away nobody can say so, and an alert must not wait for it, least of all the one about
/// the store: it is sent at once, and recorded, in order, when the store answers again. Two
/// coordinators that lose the store both send; a lost alert would be worse.
///
/// Pure: `heard` takes what happened, `next` gives what to do, until it gives nothing.
package struct AlertDesk: Sendable {
  package enum Event: Sendable, Equatable {
    case raised(Alert)
    /// The store was asked how it is.
    case storeIs(up: Bool)
    /// What became of `Step.record`: this one opened or closed the episode, another had done so, or
    /// nil when nobody can know.
    case recorded(Bool?)
  }

  package enum Step: Sendable, Equatable {
    case send(Alert)
    /// One at a time; answered by `Event.recorded`.
    case record(Alert)
  }

  private struct Item {
    let alert: Alert
    var isSent: Bool
  }

  /// Rules and subjects are few; far more than an outage brings.
  package static let unrecordedMax = 1_000

  private var unrecorded = Deque<Item>()
  private var toSend = Deque<Alert>()
  private var isStoreUp = true
  private var isRecording = false

  package init() {}

  package var unrecordedCount: Int { unrecorded.count }

  package mutating func heard(_ event: Event) {
    switch event {
    case .raised(let alert):
      // Beyond the bound nothing is recorded, but all is sent.
      if unrecorded.count < Self.unrecordedMax {
        unrecorded.append(Item(alert: alert, isSent: false))
        if !isStoreUp { sendUnasked() }
      } else {
        toSend.append(alert)
      }
    case .storeIs(let up):
      isStoreUp = up
      if !up { sendUnasked() }
    case .recorded(let isOurs):
      isRecording = false
      guard let isOurs else {
        isStoreUp = false
        sendUnasked()
        return
      }
      guard let item = unrecorded.popFirst() else { return }
      if isOurs, !item.isSent { toSend.append(item.alert) }
    }
  }

  package mutating func next() -> Step? {
    if let alert = toSend.popFirst() { return .send(alert) }
    guard isStoreUp, !isRecording, let item = unrecorded.first else { return nil }
    isRecording = true
    return .record(item.alert)
  }

  /// All that waits for the store. The end of an episode that did not begin here may be known to the
  /// store only: it is sent when the store says that there was one.
  private mutating func sendUnasked() {
    for index in unrecorded.indices where !unrecorded[index].isSent {
      let alert = unrecorded[index].alert
      guard alert.state == .firing || alert.severity != .info else { continue }
      unrecorded[index].isSent = true
      toSend.append(alert)
    }
  }
}
