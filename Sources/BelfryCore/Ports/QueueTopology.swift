/// The names of exchanges and queues that users see: one place, because they are hard to change.
package enum QueueTopology {
  package static let jobsExchange = "belfry.jobs"
  package static let eventsExchange = "belfry.events"
  package static let rejected = "belfry.rejected"

  /// What RabbitMQ's delivery limit is set to: it counts innocent jobs too, so it must never act.
  package static let deliveryLimit = 1_000_000

  /// Routing key on `belfry.jobs` of a lane's jobs of one priority.
  package static func routingKey(_ lane: Lane, _ priority: Priority) -> String {
    switch priority {
    case .normal: lane.text
    case .high: lane.text + ".high"
    case .low: lane.text + ".low"
    }
  }

  /// The quorum queue that holds a lane's jobs of one priority.
  package static func queue(_ lane: Lane, _ priority: Priority) -> String {
    "belfry.lane." + routingKey(lane, priority)
  }

  /// Retries and jobs of lost workers: served before the lane.
  package static func again(_ lane: Lane) -> String { "belfry.again." + lane.text }

  /// Jobs that no worker can take at present.
  package static func parked(_ lane: Lane) -> String { "belfry.parked." + lane.text }

  /// There for as long as the broker has a connection of that coordinator's process; nothing is published
  /// to it.
  package static func presence(of coordinator: BootID) -> String {
    presencePrefix + "\(coordinator)"
  }
  package static func isPresence(_ queue: String) -> Bool { queue.hasPrefix(presencePrefix) }
  private static let presencePrefix = "belfry.coordinator."

  /// The lane that a publish of a job is for; nil when it is none.
  package static func lane(exchange: String, routingKey: String) -> Lane? {
    var key = routingKey[...]
    if exchange.isEmpty {
      for prefix in ["belfry.again.", "belfry.parked."] where key.hasPrefix(prefix) {
        return Lane(String(key.dropFirst(prefix.count)))
      }
      return nil
    }
    for suffix in [".high", ".low"] where key.hasSuffix(suffix) { key = key.dropLast(suffix.count) }
    return Lane(String(key))
  }

  /// Every routing key by which a job of the lane is published; the inverse of `lane`.
  package static func keys(_ lane: Lane) -> [String] {
    Priority.allCases.map { routingKey(lane, $0) } + [again(lane), parked(lane)]
  }

  /// Every queue of a lane, in the order in which they are served, `parked` last.
  package static func queues(_ lane: Lane) -> [String] {
    [again(lane), queue(lane, .high), queue(lane, .normal), queue(lane, .low), parked(lane)]
  }
}

/// A foreign queue whose messages become jobs: consumed as it is, never declared.
package struct AttachedQueue: Hashable, Sendable {
  package var queue: String
  /// Unacked messages at a time, 1 to 2,000.
  package var prefetch: Int

  package init(queue: String, prefetch: Int) {
    self.queue = queue
    self.prefetch = prefetch
  }
}
