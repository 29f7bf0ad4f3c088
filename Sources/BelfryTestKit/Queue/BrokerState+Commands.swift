import BelfryCore
import DequeModule

/// What the port's commands do.
extension BrokerState {
  mutating func obey(_ command: QueueCommand, _ link: Int) {
    if case .publish(let messages) = command {
      publish(messages, link)
      return
    }
    guard let channel = channels.firstIndex(where: { $0.link == link && $0.attached == nil })
    else { return }
    switch command {
    case .declare: declareTopology(of: link)
    case .consume(let queue, let prefetch): consume(queue, prefetch, channel)
    case .endConsumer(let queue): channels[channel].consumers.removeAll { $0.queue == queue }
    case .ack(let tags): settle(tags, link) { _, _ in }
    case .requeue(let tags): settle(tags, link) { $0.giveBack($1) }
    case .attach(let queues): attach(queues, link)
    case .readOnce(let queue, let limit): read(queue, limit, channel)
    case .measure(let names):
      links[link].events += names.map { name in
        queues[name].map { .depth(queue: name, ready: $0.ready.count) } ?? .absent(queue: name)
      }
    case .publish: break
    }
  }

  private mutating func consume(_ queue: String, _ prefetch: Int, _ channel: Int) {
    let link = channels[channel].link
    if queues[queue] == nil { declareTopology(of: link) }
    guard queues[queue] != nil else {
      links[link].events.append(.consumerEnded(queue: queue))
      return
    }
    channels[channel].consumers.removeAll { $0.queue == queue }
    addConsumer(queue, prefetch: prefetch, on: channel)
  }

  /// Tags of a dead generation, and tags settled before, name nothing.
  private mutating func settle(
    _ tags: [DeliveryTag], _ link: Int, _ then: (inout BrokerState, Unacked) -> Void
  ) {
    var touched: Set<String> = []
    for tag in tags {
      guard
        let channel = channels.firstIndex(where: {
          $0.link == link && $0.generation == tag.generation
        }), let unacked = channels[channel].unacked.removeValue(forKey: tag.tag)
      else { continue }
      if let index = channels[channel].consumers.firstIndex(where: { $0.id == unacked.consumer }) {
        channels[channel].consumers[index].unacked -= 1
      }
      then(&self, unacked)
      touched.insert(unacked.queue)
    }
    for queue in touched.sorted() { serve(queue) }
  }

  private mutating func read(_ queue: String, _ limit: Int, _ channel: Int) {
    let count = min(limit, queues[queue]?.ready.count ?? 0)
    for _ in 0..<max(0, count) {
      guard let stored = queues[queue]?.ready.popFirst() else { break }
      deliver(stored, from: queue, to: channel, consumer: nil)
    }
    links[channels[channel].link].events.append(.readDone(queue: queue, count: max(0, count)))
  }

  // MARK: Publishing

  mutating func publish(_ messages: [OutgoingMessage], _ link: Int) {
    guard links[link].isOpen else {
      links[link].held += messages
      return
    }
    if let alarm {
      links[link].held += messages
      if !links[link].toldBlocked { links[link].events.append(.blocked(reason: alarm)) }
      links[link].toldBlocked = true
      return
    }
    let results = messages.map { outgoing -> Published in
      let result = route(outgoing.message, outgoing.exchange, outgoing.routingKey)
      if case .returned = result, !outgoing.mandatory { return Published(outgoing.id, .confirmed) }
      return Published(outgoing.id, result)
    }
    links[link].events.append(.published(results))
  }

  mutating func endAlarm() {
    alarm = nil
    for link in links.indices where links[link].toldBlocked {
      links[link].toldBlocked = false
      links[link].events.append(.unblocked)
      let held = links[link].held
      links[link].held = []
      publish(held, link)
    }
  }

  /// As for a mandatory message.
  mutating func route(
    _ message: QueueMessage, _ exchange: String, _ key: String
  ) -> PublishResult {
    var targets: [String] = []
    switch exchange {
    case "": targets = queues[key] == nil ? [] : [key]
    case QueueTopology.jobsExchange:
      targets = bindings.filter { $0.exchange == exchange && $0.key == key }.map(\.queue)
    case QueueTopology.eventsExchange:
      let matching = bindings.filter { $0.exchange == exchange && Self.matches($0.key, key) }
      // A queue gets a message once, however many of its bindings match.
      for queue in matching.map(\.queue) where !targets.contains(queue) { targets.append(queue) }
    default: return .unknown("NOT_FOUND - no exchange '\(exchange)'")
    }
    for queue in targets {
      queues[queue]?.ready.append(Stored(message: message))
      serve(queue)
    }
    return targets.isEmpty
      ? .returned("312 NO_ROUTE: exchange \"\(exchange)\", key \"\(key)\"") : .confirmed
  }

  /// AMQP's topics: words between dots, `*` is one word, `#` is none or more.
  static func matches(_ pattern: String, _ key: String) -> Bool {
    func match(_ pattern: ArraySlice<Substring>, _ words: ArraySlice<Substring>) -> Bool {
      guard let first = pattern.first else { return words.isEmpty }
      let rest = pattern.dropFirst()
      if first == "#" {
        return match(rest, words) || (!words.isEmpty && match(pattern, words.dropFirst()))
      }
      guard let word = words.first, first == "*" || first == word else { return false }
      return match(rest, words.dropFirst())
    }
    return match(
      pattern.split(separator: ".", omittingEmptySubsequences: false)[...],
      key.split(separator: ".", omittingEmptySubsequences: false)[...])
  }
}
