package import BelfryCore
internal import Synchronization

/// The foreign queues of a coordinator, and what their messages become: those of its settings, which it has
/// whatever the store says, and those of the store.
package final class AttachedQueues: Sendable {
  let settings: [QueueAttachment]
  private let lanes: [Lane]
  /// With those that were left: what they had brought may still be on its way to us.
  private let known: Mutex<[String: QueueAttachment]>

  package init(settings: [QueueAttachment], lanes: [Lane]) {
    let first = Dictionary(settings.map { ($0.queue, $0) }) { first, _ in first }
    self.settings = first.values.sorted { $0.queue < $1.queue }
    self.lanes = lanes
    known = Mutex(first)
  }

  subscript(queue: String) -> QueueAttachment? { known.withLock { $0[queue] } }

  /// Takes what the store has; returns the names of all that this coordinator consumes.
  func use(_ stored: [QueueAttachment]) -> [String] {
    let others = stored.filter { one in
      lanes.contains(one.lane) && !settings.contains { $0.queue == one.queue }
    }
    known.withLock { known in
      for one in others { known[one.queue] = one }
    }
    return (settings + others).map(\.queue)
  }
}
