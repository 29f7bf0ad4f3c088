package import BelfryCore

/// The port `JobQueue` on an `InMemoryBroker`: what RabbitMQ does, without RabbitMQ.
///
/// Several may share one broker, as several coordinators do. Events are delivered from the task
/// that runs `run`, in the order in which the broker made them.
package final class InMemoryQueue: JobQueue {
  private let broker: InMemoryBroker
  private let lanes: [Lane]
  private let link: Int

  package init(broker: InMemoryBroker, lanes: [Lane]) {
    self.broker = broker
    self.lanes = lanes
    link = broker.change { $0.makeLink(lanes: lanes) }
  }

  package func run(_ deliver: @escaping @Sendable ([QueueEvent]) -> Void) async {
    let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    broker.open(link) { wake.yield() }
    for await _ in wakes {
      let events = broker.change { $0.takeEvents(of: link) }
      if !events.isEmpty { deliver(events) }
    }
    broker.close(link)
  }

  package func perform(_ commands: [QueueCommand]) {
    broker.change { state in
      for command in commands { state.obey(command, link) }
    }
  }
}
