package import BelfryCore
import Synchronization

/// A broker in memory that really works: exchanges, queues, prefetch, acks, returns, and the ways
/// in which RabbitMQ goes away. Everything in it is persistent.
///
/// The methods here are what a stranger or an operator does; `InMemoryQueue` is the port.
package final class InMemoryBroker: Sendable {
  private struct Guarded {
    var state = BrokerState()
    var wakes: [Int: @Sendable () -> Void] = [:]
  }

  private let guarded = Mutex(Guarded())

  package init() {}

  // MARK: A stranger

  /// Makes a queue if there is none of that name.
  package func declareQueue(_ name: String) { change { $0.declareQueue(name) } }

  package func deleteQueue(_ name: String) { change { $0.deleteQueue(name) } }

  /// Keys of a topic exchange may have `*` for one word and `#` for any number.
  package func bind(_ queue: String, to exchange: String, key: String) {
    change { $0.bind(queue, to: exchange, key: key) }
  }

  /// False when no queue took it.
  @discardableResult
  package func publish(_ message: QueueMessage, exchange: String = "", key: String) -> Bool {
    change { $0.route(message, exchange, key) == .confirmed }
  }

  /// What is ready in the queue, first one first; it stays there.
  package func messages(in queue: String) -> [QueueMessage] {
    change { $0.queues[queue]?.ready.map(\.message) ?? [] }
  }

  /// Delivered and not acked, on all channels.
  package func unacked(in queue: String) -> Int { change { $0.unacked(in: queue) } }

  // MARK: An operator

  /// A memory or disk alarm: from its next publish on, a connection is not read.
  package func block(_ reason: String = "low on memory") { change { $0.alarm = reason } }

  package func unblock() { change { $0.endAlarm() } }

  /// Ends every connection; they come back at once.
  package func closeConnections(_ reason: String = "closed by the operator") {
    change { state in
      state.dropLinks(reason)
      state.openLinks()
    }
  }

  /// Goes away; messages stay, connections do not.
  package func stop(_ reason: String = "the broker stopped") {
    change { state in
      state.isUp = false
      state.alarm = nil
      state.dropLinks(reason)
    }
  }

  package func start() {
    change { state in
      state.isUp = true
      state.openLinks()
    }
  }

  package func restart() {
    stop("the broker restarted")
    start()
  }

  /// The broker closes the lanes' channels, as for a consumer that acked nothing for too long.
  package func closeChannels(_ reason: String = "delivery acknowledgement timed out") {
    change { $0.replaceChannels(reason) }
  }

  // MARK: Links

  func open(_ link: Int, wake: @escaping @Sendable () -> Void) {
    guarded.withLock { $0.wakes[link] = wake }
    change { $0.run(link) }
  }

  func close(_ link: Int) {
    _ = guarded.withLock { $0.wakes.removeValue(forKey: link) }
    change { $0.end(link) }
  }

  /// Changes the state and wakes whoever has events now.
  @discardableResult
  func change<Answer: Sendable>(_ body: (inout BrokerState) -> Answer) -> Answer {
    let (answer, wakes) = guarded.withLock { guarded in
      let answer = body(&guarded.state)
      let links = guarded.state.linksWithEvents()
      return (answer, links.compactMap { guarded.wakes[$0] })
    }
    for wake in wakes { wake() }
    return answer
  }
}
