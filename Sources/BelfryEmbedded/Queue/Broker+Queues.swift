internal import BelfryCore
internal import DequeModule

/// Queues, and how messages go into them and out.
extension Broker {
  /// Of what is held at the head of a queue beside the table.
  private static let headMax = 2_000
  private static let headBytesMax = 8 << 20
  /// How many rows are read at a time.
  private static let portion = 500

  // MARK: declaring, within a transaction

  func declareTopology(of link: Int) throws(SQLiteFailure) {
    for lane in links[link]?.lanes ?? [] {
      for queue in QueueTopology.queues(lane) { try declareQueue(queue) }
      for priority in Priority.allCases {
        try bind(
          QueueTopology.queue(lane, priority), to: QueueTopology.jobsExchange,
          key: QueueTopology.routingKey(lane, priority))
      }
    }
    try declareQueue(QueueTopology.rejected)
  }

  func declareQueue(_ name: String) throws(SQLiteFailure) {
    guard queues[name] == nil else { return }
    try database.run("INSERT INTO queues (name) VALUES (?1)", .text(name))
    let number = try database.number("SELECT number FROM queues WHERE name = ?1", .text(name)) ?? 0
    let first = number << 40
    queues[name] = Queue(number: number, last: first, read: first, delivered: first)
    for link in links.keys.sorted() where links[link]?.isOpen == true { attach(link) }
  }

  func bind(_ queue: String, to exchange: String, key: String) throws(SQLiteFailure) {
    let binding = Binding(exchange: exchange, key: key, queue: queue)
    guard !bindings.contains(binding) else { return }
    try database.run(
      "INSERT INTO bindings (exchange, key, queue) VALUES (?1, ?2, ?3)", .text(exchange),
      .text(key), .text(queue))
    bindings.append(binding)
  }

  func deleteQueue(_ name: String) throws(SQLiteFailure) {
    guard let queue = queues.removeValue(forKey: name) else { return }
    bindings.removeAll { $0.queue == name }
    try database.run(
      "DELETE FROM messages WHERE place BETWEEN ?1 AND ?2", .int(queue.places.lowerBound),
      .int(queue.places.upperBound))
    try database.run("DELETE FROM queues WHERE number = ?1", .int(queue.number))
    try database.run("DELETE FROM bindings WHERE queue = ?1", .text(name))
    for index in channels.indices {
      channels[index].unacked = channels[index].unacked.filter { $0.value.queue != name }
    }
    for index in channels.indices.reversed() {
      let (link, generation) = (channels[index].link, channels[index].generation)
      if channels[index].attached == name {
        say(.consumingDown(generation, reason: "queue \(name) was deleted"), to: link)
        try removeChannel(index)
      } else if channels[index].consumers.contains(where: { $0.queue == name }) {
        channels[index].consumers.removeAll { $0.queue == name }
        try declareTopology(of: link)
        say(.consumerEnded(queue: name), to: link)
      }
    }
  }

  // MARK: into a queue, within a transaction

  func enqueue(_ message: QueueMessage, in name: String) throws(SQLiteFailure) {
    guard var queue = queues.removeValue(forKey: name) else { return }
    defer { queues[name] = queue }
    queue.last += 1
    try database.run(
      "INSERT INTO messages (place, deliveries, properties, body) VALUES (?1, 0, ?2, ?3)",
      .int(queue.last), .bytes(MessageRow.properties(message)), .bytes(message.body.bytes))
    add(Stored(place: queue.last, message: message, deliveries: 0), to: &queue)
    touched.insert(name)
  }

  /// To the tail, as of a quorum queue.
  func giveBack(_ unacked: Unacked) throws(SQLiteFailure) {
    guard var queue = queues.removeValue(forKey: unacked.queue) else { return }
    defer { queues[unacked.queue] = queue }
    queue.last += 1
    try database.run(
      "UPDATE messages SET place = ?1, deliveries = deliveries + 1 WHERE place = ?2",
      .int(queue.last), .int(unacked.stored.place))
    var stored = unacked.stored
    stored.place = queue.last
    stored.deliveries += 1
    add(stored, to: &queue)
    touched.insert(unacked.queue)
  }

  private func add(_ stored: Stored, to queue: inout Queue) {
    if queue.isHeadAll, queue.head.count < Self.headMax, queue.headBytes < Self.headBytesMax {
      queue.head.append(stored)
      queue.headBytes += stored.message.body.size
      queue.read = stored.place
    }
    queue.ready += 1
  }

  // MARK: out of a queue, after the commit

  /// The next one that is ready.
  func take(from name: String) throws(SQLiteFailure) -> Stored? {
    guard var queue = queues.removeValue(forKey: name) else { return nil }
    defer { queues[name] = queue }
    if queue.head.isEmpty, queue.ready > 0 { try fill(&queue) }
    guard let stored = queue.head.popFirst() else { return nil }
    queue.headBytes -= stored.message.body.size
    queue.ready -= 1
    queue.delivered = stored.place
    queue.isMarkSaved = false
    return stored
  }

  private func fill(_ queue: inout Queue) throws(SQLiteFailure) {
    var (head, bytes, read) = (queue.head, queue.headBytes, queue.read)
    try database.rows(
      """
      SELECT place, deliveries, properties, body FROM messages WHERE place > ?1 AND place <= ?2
      ORDER BY place LIMIT \(Self.portion)
      """, [.int(queue.read), .int(queue.places.upperBound)]
    ) { row throws(SQLiteFailure) in
      let message = try MessageRow.message(row.bytes(2), body: row.bytes(3))
      read = row.int(0)
      head.append(Stored(place: read, message: message, deliveries: Int(row.int(1))))
      bytes += message.body.size
      return bytes < Self.headBytesMax
    }
    (queue.head, queue.headBytes, queue.read) = (head, bytes, read)
    // What the table does not have is not waited for.
    if head.isEmpty { queue.ready = 0 }
  }

  /// Hands out what is ready to the queues' consumers, in turn, while they have room.
  func serve() throws(SQLiteFailure) {
    let names = touched.sorted()
    touched = []
    for name in names {
      while let (channel, consumer) = nextConsumer(of: name), let stored = try take(from: name) {
        channels[channel].consumers[consumer].unacked += 1
        let id = channels[channel].consumers[consumer].id
        deliver(stored, from: name, to: channel, consumer: id)
      }
    }
  }

  private func nextConsumer(of name: String) -> (channel: Int, consumer: Int)? {
    var free: [(channel: Int, consumer: Int)] = []
    for channel in channels.indices {
      for index in channels[channel].consumers.indices {
        let consumer = channels[channel].consumers[index]
        if consumer.queue == name, consumer.unacked < consumer.prefetch {
          free.append((channel, index))
        }
      }
    }
    guard !free.isEmpty, let turn = queues[name]?.turn else { return nil }
    queues[name]?.turn = turn &+ 1
    return free[turn % free.count]
  }

  func deliver(_ stored: Stored, from queue: String, to channel: Int, consumer: Int?) {
    channels[channel].lastTag += 1
    let tag = channels[channel].lastTag
    channels[channel].unacked[tag] = Unacked(queue: queue, consumer: consumer, stored: stored)
    links[channels[channel].link]?.add(
      Delivery(
        tag: DeliveryTag(channels[channel].generation, tag), queue: queue,
        redelivered: stored.deliveries > 0, deliveryCount: stored.deliveries,
        message: stored.message))
  }
}
