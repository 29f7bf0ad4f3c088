internal import BelfryCore

/// Turns what the queue port reports into inputs; messages are read here, on the port's thread.
enum Inputs {
  static func read(_ events: [QueueEvent], _ door: JobDoor) -> [Input] {
    events.map { event in
      switch event {
      case .delivered(let deliveries): .arrived(deliveries.map(door.read))
      case .consumingUp(let generation): .queue(.consumingUp(generation))
      case .consumingDown(let generation, let reason):
        .queue(.consumingDown(generation, reason: reason))
      case .attachedUp(let generation, let queue): .queue(.attachedUp(generation, queue: queue))
      case .consumerEnded(let queue): .queue(.consumerEnded(queue: queue))
      case .readDone(let queue, let count): .queue(.readDone(queue: queue, count: count))
      case .publishingUp: .queue(.publishingUp)
      case .publishingDown(let reason): .queue(.publishingDown(reason: reason))
      case .published(let results): .queue(.published(results))
      case .blocked(let reason): .queue(.blocked(reason: reason))
      case .unblocked: .queue(.unblocked)
      case .depth(let queue, let ready): .queue(.depth(queue: queue, ready: ready))
      case .absent(let queue): .queue(.absent(queue: queue))
      case .unavailable(let reason): .queue(.unavailable(reason: reason))
      }
    }
  }
}
