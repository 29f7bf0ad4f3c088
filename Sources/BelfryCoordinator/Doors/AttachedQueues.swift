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
    self.settings = settings
    self.lanes = lanes
    known = Mutex(Dictionary(settings.map { ($0.queue, $0) }) { first, _ in first })
  }

  subscript(queue: String) -> QueueAttachment? { known.withLock { $0[queue] } }

  /// Those that this coordinator consumes, the settings' first.
  func merged(_ stored: [QueueAttachment]) -> [QueueAttachment] {
    settings
      + stored.filter { one in
        lanes.contains(one.lane) && !settings.contains { $0.queue == one.queue }
      }
  }

  /// Takes what the store has; returns the names of all to consume, each once.
  func use(_ stored: [QueueAttachment]) -> [String] {
    let all = merged(stored)
    known.withLock { known in
      for one in all.reversed() { known[one.queue] = one }
    }
    var names: [String] = []
    for one in all where !names.contains(one.queue) { names.append(one.queue) }
    return names
  }
}
