internal import BelfryCore

/// Whoever has a connection: one queue's port. Events for it are gathered, and handed over together when the
/// thread is done with a batch.
extension Broker {
  struct Link {
    let lanes: [Lane]
    var attached: [AttachedQueue] = []
    let deliver: @Sendable ([QueueEvent]) -> Void
    var isOpen = false
    var lastGeneration: UInt64 = 0
    private(set) var events: [QueueEvent] = []
    /// Those that follow each other travel together.
    private var deliveries: [Delivery] = []

    init(
      lanes: [Lane], lastGeneration: UInt64, deliver: @escaping @Sendable ([QueueEvent]) -> Void
    ) {
      self.lanes = lanes
      self.lastGeneration = lastGeneration
      self.deliver = deliver
    }

    mutating func add(_ event: QueueEvent) {
      endDeliveries()
      events.append(event)
    }

    mutating func add(_ delivery: Delivery) { deliveries.append(delivery) }

    mutating func take() -> [QueueEvent] {
      endDeliveries()
      defer { events = [] }
      return events
    }

    private mutating func endDeliveries() {
      guard !deliveries.isEmpty else { return }
      events.append(.delivered(deliveries))
      deliveries = []
    }
  }

  func say(_ event: QueueEvent, to link: Int) { links[link]?.add(event) }

  /// Hands over all events that were gathered.
  func flush() {
    for number in links.keys.sorted() {
      guard let events = links[number]?.take(), !events.isEmpty else { continue }
      links[number]?.deliver(events)
    }
  }

  func forgetEvents() {
    for number in links.keys { _ = links[number]?.take() }
  }

  /// Within a transaction.
  func addLink(_ number: Int, _ link: Link) throws(SQLiteFailure) {
    links[number] = link
    try openLink(number)
  }

  func openLink(_ number: Int) throws(SQLiteFailure) {
    links[number]?.isOpen = true
    links[number]?.attached = []
    try declareTopology(of: number)
    say(.consumingUp(addChannel(number, attached: nil)), to: number)
    say(.publishingUp, to: number)
  }

  /// Within a transaction. What was not acked goes back.
  func closeChannels(of number: Int) throws(SQLiteFailure) {
    while let index = channels.firstIndex(where: { $0.link == number }) { try removeChannel(index) }
  }

  /// Somebody ends all connections; they come back at once. Within a transaction.
  func reconnect(_ reason: String) throws(SQLiteFailure) {
    for number in links.keys.sorted() where links[number]?.isOpen == true {
      for channel in channels where channel.link == number {
        say(.consumingDown(channel.generation, reason: reason), to: number)
      }
      say(.publishingDown(reason: reason), to: number)
      try closeChannels(of: number)
      try openLink(number)
    }
  }
}
