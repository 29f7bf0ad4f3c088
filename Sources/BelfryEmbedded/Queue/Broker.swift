internal import BelfryCore
internal import DequeModule

/// A broker within the process: exchanges, queues, prefetch, acks, returns, as RabbitMQ has them. Messages
/// are rows; what is ready at the head of a queue is held here as well, up to a bound.
///
/// Confined to the engine's thread. What changes rows is called within a transaction; deliveries are made
/// after its commit.
final class Broker {
  struct Stored {
    /// Where its row is: its queue's number and its place in it, see `Queue.places`.
    var place: Int64
    var message: QueueMessage
    /// How often it was given out before.
    var deliveries: Int
  }

  struct Queue {
    let number: Int64
    /// The head of what is ready.
    var head: Deque<Stored> = []
    var headBytes = 0
    /// Of all that is ready, at the head or only in the table.
    var ready = 0
    /// The last place that was given to a message, and up to which the head has been read.
    var last: Int64
    var read: Int64
    /// Up to which messages were given out, and whether the table says so.
    var delivered: Int64
    var isMarkSaved = true
    /// Whose turn it is among the queue's consumers.
    var turn = 0

    /// The places of a queue lie together, in order: one table serves all queues without an index.
    var places: ClosedRange<Int64> { (number << 40)...(number << 40 | (1 << 40 - 1)) }
    var isHeadAll: Bool { ready == head.count }
  }

  struct Binding: Equatable {
    var exchange: String
    var key: String
    var queue: String
  }

  struct Consumer {
    var id: Int
    var queue: String
    var prefetch: Int
    var unacked = 0
  }

  struct Unacked {
    var queue: String
    /// Nil: it was read, not consumed.
    var consumer: Int?
    var stored: Stored
  }

  struct Channel {
    var link: Int
    var generation: ChannelGeneration
    /// The foreign queue that it is for; nil for the lanes' channel.
    var attached: String?
    var lastTag: UInt64 = 0
    var consumers: [Consumer] = []
    var unacked: [UInt64: Unacked] = [:]
  }

  let database: Database
  var queues: [String: Queue] = [:]
  var bindings: [Binding] = []
  var links: [Int: Link] = [:]
  var channels: [Channel] = []
  /// Queues that may have something to give out.
  var touched: Set<String> = []
  private var lastConsumer = 0
  /// Nil while it is up.
  private(set) var downBecause: String?

  init(_ database: Database) { self.database = database }

  // MARK: the file

  /// Reads what there is, as after a crash: whatever was given out is ready again, and marked so.
  func load() throws(SQLiteFailure) {
    queues = [:]
    bindings = []
    channels = []
    var found: [(name: String, queue: Queue)] = []
    try database.rows("SELECT name, number, delivered FROM queues ORDER BY number", []) { row in
      let queue = Queue(number: row.int(1), last: 0, read: 0, delivered: row.int(2))
      found.append((row.text(0), queue))
      return true
    }
    for (name, queue) in found { queues[name] = try reload(queue) }
    try database.rows("SELECT exchange, key, queue FROM bindings", []) { row in
      bindings.append(Binding(exchange: row.text(0), key: row.text(1), queue: row.text(2)))
      return true
    }
  }

  private func reload(_ stored: Queue) throws(SQLiteFailure) -> Queue {
    var queue = stored
    let places = queue.places
    if queue.delivered > places.lowerBound {
      try database.run(
        "UPDATE messages SET deliveries = deliveries + 1 WHERE place BETWEEN ?1 AND ?2",
        .int(places.lowerBound), .int(queue.delivered))
      try database.run("UPDATE queues SET delivered = 0 WHERE number = ?1", .int(queue.number))
    }
    let last = try database.number(
      "SELECT max(place) FROM messages WHERE place BETWEEN ?1 AND ?2", .int(places.lowerBound),
      .int(places.upperBound))
    let count = try database.number(
      "SELECT count(*) FROM messages WHERE place BETWEEN ?1 AND ?2", .int(places.lowerBound),
      .int(places.upperBound))
    // A place is not given twice while a mark may speak of it.
    queue.last = max(last ?? 0, queue.delivered, places.lowerBound)
    queue.read = places.lowerBound
    queue.delivered = places.lowerBound
    queue.ready = Int(count ?? 0)
    return queue
  }

  /// How far each queue was given out goes with the next commit: an outcome is committed after the
  /// delivery of its job, so a job that has one is never met again unmarked.
  func saveMarks() throws(SQLiteFailure) {
    for (name, queue) in queues where !queue.isMarkSaved {
      try database.run(
        "UPDATE queues SET delivered = ?1 WHERE number = ?2", .int(queue.delivered),
        .int(queue.number))
      queues[name]?.isMarkSaved = true
    }
  }

  // MARK: going away

  /// Every connection is lost, and what was not confirmed is unknown.
  func goDown(_ reason: String) {
    let isNew = downBecause == nil
    downBecause = reason
    for number in links.keys.sorted() where links[number]?.isOpen == true {
      for channel in channels where channel.link == number {
        say(.consumingDown(channel.generation, reason: reason), to: number)
      }
      say(.publishingDown(reason: reason), to: number)
      links[number]?.isOpen = false
    }
    channels = []
    guard isNew else { return }
    for number in links.keys.sorted() { say(.unavailable(reason: reason), to: number) }
  }

  /// Within a transaction of its own for what is declared and was held.
  func goUp() throws(SQLiteFailure) {
    downBecause = nil
    guard !links.isEmpty else { return }
    try database.begin(isSynced: true)
    for number in links.keys.sorted() { try openLink(number) }
    try database.commit()
    try serve()
  }

  // MARK: channels

  func addChannel(_ link: Int, attached: String?) -> ChannelGeneration {
    let generation = ChannelGeneration((links[link]?.lastGeneration ?? 0) + 1)
    links[link]?.lastGeneration = generation.number
    channels.append(Channel(link: link, generation: generation, attached: attached))
    return generation
  }

  /// What was not acked goes to its queue's tail, in the order of its tags.
  func removeChannel(_ index: Int) throws(SQLiteFailure) {
    let channel = channels.remove(at: index)
    for (_, unacked) in channel.unacked.sorted(by: { $0.key < $1.key }) { try giveBack(unacked) }
  }

  func addConsumer(_ queue: String, prefetch: Int, on channel: Int) {
    lastConsumer += 1
    channels[channel].consumers.append(
      Consumer(id: lastConsumer, queue: queue, prefetch: min(max(prefetch, 1), 2_000)))
    touched.insert(queue)
  }

  /// What one has brought that is not wanted any more can still be acked: its channel stays.
  func attach(_ wanted: [AttachedQueue], _ link: Int) {
    links[link]?.attached = wanted
    for index in channels.indices where channels[index].link == link {
      guard let queue = channels[index].attached, !wanted.contains(where: { $0.queue == queue })
      else { continue }
      channels[index].consumers = []
    }
    attach(link)
  }

  func attach(_ link: Int) {
    for wanted in links[link]?.attached ?? [] where queues[wanted.queue] != nil {
      if let known = channels.firstIndex(where: {
        $0.link == link && $0.attached == wanted.queue
      }) {
        guard channels[known].consumers.isEmpty else { continue }
        addConsumer(wanted.queue, prefetch: wanted.prefetch, on: known)
      } else {
        let generation = addChannel(link, attached: wanted.queue)
        say(.attachedUp(generation, queue: wanted.queue), to: link)
        addConsumer(wanted.queue, prefetch: wanted.prefetch, on: channels.count - 1)
      }
    }
  }
}
