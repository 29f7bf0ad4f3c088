package import BelfryCore
internal import Synchronization

/// The port `JobQueue` on RabbitMQ: two connections, each with a thread of its own.
///
/// One consumes (acks, reads, measures), one publishes (and declares what a return says is missing):
/// a broker that is short of memory stops reading a connection that publishes, and neither acks nor
/// heartbeats may wait for that. `perform` only puts commands in a mailbox. Events come from both
/// threads; `deliver` must not block them.
package final class RabbitMQQueue: JobQueue {
  private let configuration: RabbitMQConfiguration
  private let topology: Topology
  private let consuming = Mailbox()
  private let publishing = Mailbox()
  private let generations = Generations()

  package init(_ configuration: RabbitMQConfiguration) {
    self.configuration = configuration
    topology = Topology(lanes: configuration.lanes)
  }

  package func run(_ deliver: @escaping @Sendable ([QueueEvent]) -> Void) async {
    consuming.open()
    publishing.open()
    await withTaskCancellationHandler {
      async let consumed: Void = PumpThread.run { [self] in
        ConsumingPump(
          configuration: configuration, topology: topology, mailbox: consuming,
          generations: generations, deliver: deliver
        ).run()
      }
      async let published: Void = PumpThread.run { [self] in
        PublishingPump(
          configuration: configuration, topology: topology, mailbox: publishing, deliver: deliver
        ).run()
      }
      _ = await (consumed, published)
    } onCancel: {
      consuming.stop()
      publishing.stop()
    }
  }

  package func perform(_ commands: [QueueCommand]) {
    var toConsume: [QueueCommand] = []
    var toPublish: [QueueCommand] = []
    for command in commands {
      switch command {
      case .publish, .declare: toPublish.append(command)
      default: toConsume.append(command)
      }
    }
    if !toConsume.isEmpty { consuming.put(toConsume) }
    if !toPublish.isEmpty { publishing.put(toPublish) }
  }
}

/// Numbers the channels of one process: a number is never used twice.
final class Generations: Sendable {
  private let last = Atomic<UInt64>(0)

  func next() -> ChannelGeneration {
    ChannelGeneration(last.add(1, ordering: .relaxed).newValue)
  }
}
