internal import BelfryCore

/// What the port's commands do, within a transaction.
extension Broker {
  /// Whether somebody is told that what this writes is safe. An ack promises nothing: lost, the message
  /// comes again.
  func isPromise(_ command: QueueCommand) -> Bool {
    switch command {
    case .publish(let messages):
      messages.contains { !targets($0.exchange, $0.routingKey).isEmpty }
    case .declare: true
    case .consume, .attach, .endConsumer, .ack, .requeue, .readOnce, .measure: false
    }
  }

  func obey(_ command: QueueCommand, _ link: Int) throws(SQLiteFailure) {
    if case .publish(let messages) = command { return try publish(messages, link) }
    guard let channel = channels.firstIndex(where: { $0.link == link && $0.attached == nil })
    else { return }
    switch command {
    case .declare: try declareTopology(of: link)
    case .consume(let queue, let prefetch): try consume(queue, prefetch, channel)
    case .endConsumer(let queue): channels[channel].consumers.removeAll { $0.queue == queue }
    case .ack(let tags):
      try settle(tags, link) { unacked throws(SQLiteFailure) in
        try database.run("DELETE FROM messages WHERE place = ?1", .int(unacked.stored.place))
      }
    case .requeue(let tags): try settle(tags, link, giveBack)
    case .attach(let queues): attach(queues, link)
    case .readOnce(let queue, let limit): try read(queue, limit, channel)
    case .measure(let names):
      for name in names {
        say(
          queues[name].map { .depth(queue: name, ready: $0.ready) } ?? .absent(queue: name),
          to: link)
      }
    case .publish: break
    }
  }

  private func consume(_ queue: String, _ prefetch: Int, _ channel: Int) throws(SQLiteFailure) {
    let link = channels[channel].link
    if queues[queue] == nil { try declareTopology(of: link) }
    guard queues[queue] != nil else { return say(.consumerEnded(queue: queue), to: link) }
    channels[channel].consumers.removeAll { $0.queue == queue }
    addConsumer(queue, prefetch: prefetch, on: channel)
  }

  /// Tags of a dead generation, and tags settled before, name nothing.
  private func settle(
    _ tags: [DeliveryTag], _ link: Int, _ then: (Unacked) throws(SQLiteFailure) -> Void
  ) throws(SQLiteFailure) {
    for tag in tags {
      guard
        let channel = channels.firstIndex(where: {
          $0.link == link && $0.generation == tag.generation
        }), let unacked = channels[channel].unacked.removeValue(forKey: tag.tag)
      else { continue }
      if let index = channels[channel].consumers.firstIndex(where: { $0.id == unacked.consumer }) {
        channels[channel].consumers[index].unacked -= 1
      }
      try then(unacked)
      touched.insert(unacked.queue)
    }
  }

  private func read(_ queue: String, _ limit: Int, _ channel: Int) throws(SQLiteFailure) {
    let link = channels[channel].link
    var count = 0
    while count < limit, let stored = try take(from: queue) {
      deliver(stored, from: queue, to: channel, consumer: nil)
      count += 1
    }
    say(.readDone(queue: queue, count: count), to: link)
  }

  // MARK: publishing

  private func publish(_ messages: [OutgoingMessage], _ link: Int) throws(SQLiteFailure) {
    var results: [Published] = []
    results.reserveCapacity(messages.count)
    for outgoing in messages {
      let result = try route(outgoing.message, outgoing.exchange, outgoing.routingKey)
      if case .returned = result, !outgoing.mandatory {
        results.append(Published(outgoing.id, .confirmed))
      } else {
        results.append(Published(outgoing.id, result))
      }
    }
    say(.published(results), to: link)
  }

  /// As for a mandatory message.
  func route(
    _ message: QueueMessage, _ exchange: String, _ key: String
  ) throws(SQLiteFailure) -> PublishResult {
    guard Self.exchanges.contains(exchange) else {
      return .unknown("NOT_FOUND - no exchange '\(exchange)'")
    }
    let targets = targets(exchange, key)
    for queue in targets { try enqueue(message, in: queue) }
    return targets.isEmpty
      ? .returned("312 NO_ROUTE: exchange \"\(exchange)\", key \"\(key)\"") : .confirmed
  }

  private static let exchanges = [
    "", QueueTopology.jobsExchange, QueueTopology.eventsExchange,
  ]

  private func targets(_ exchange: String, _ key: String) -> [String] {
    if exchange.isEmpty { return queues[key] == nil ? [] : [key] }
    let isTopic = exchange == QueueTopology.eventsExchange
    var found: [String] = []
    for binding in bindings where binding.exchange == exchange {
      guard isTopic ? TopicPattern.matches(binding.key, key) : binding.key == key else { continue }
      // A queue gets a message once, however many of its bindings match.
      if !found.contains(binding.queue) { found.append(binding.queue) }
    }
    return found
  }
}

/// AMQP's topics: words between dots, `*` is one word, `#` is none or more.
enum TopicPattern {
  static func matches(_ pattern: String, _ key: String) -> Bool {
    matches(
      pattern.split(separator: ".", omittingEmptySubsequences: false)[...],
      key.split(separator: ".", omittingEmptySubsequences: false)[...])
  }

  private static func matches(
    _ pattern: ArraySlice<Substring>, _ words: ArraySlice<Substring>
  ) -> Bool {
    guard let first = pattern.first else { return words.isEmpty }
    let rest = pattern.dropFirst()
    if first == "#" {
      return matches(rest, words) || (!words.isEmpty && matches(pattern, words.dropFirst()))
    }
    guard let word = words.first, first == "*" || first == word else { return false }
    return matches(rest, words.dropFirst())
  }
}
