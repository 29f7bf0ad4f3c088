import BelfryCore
import DequeModule

/// The state of the broker in memory, and what each call does to it.
struct BrokerState: Sendable {
  struct Stored: Sendable {
    var message: QueueMessage
    var redelivered = false
    var deliveryCount = 0
  }

  struct Queue: Sendable {
    var ready: Deque<Stored> = []
    /// Whose turn it is among the queue's consumers.
    var turn = 0
  }

  struct Binding: Sendable, Equatable {
    var exchange: String
    var key: String
    var queue: String
  }

  struct Consumer: Sendable {
    var id: Int
    var queue: String
    var prefetch: Int
    var unacked = 0
  }

  struct Unacked: Sendable {
    var queue: String
    /// Nil: it was read, not consumed.
    var consumer: Int?
    var stored: Stored
  }

  struct Channel: Sendable {
    var link: Int
    var generation: ChannelGeneration
    /// The foreign queue that it is for; nil for the lanes' channel.
    var attached: String?
    var lastTag: UInt64 = 0
    var consumers: [Consumer] = []
    var unacked: [UInt64: Unacked] = [:]
  }

  struct Link: Sendable {
    var lanes: [Lane]
    var attached: [AttachedQueue] = []
    var isRunning = false
    var isOpen = false
    var toldBlocked = false
    var lastGeneration: UInt64 = 0
    /// Publishes that wait for the broker: it is away, or has an alarm.
    var held: [OutgoingMessage] = []
    var events: [QueueEvent] = []
  }

  var queues: [String: Queue] = [:]
  var bindings: [Binding] = []
  var links: [Link] = []
  var channels: [Channel] = []
  var isUp = true
  var alarm: String?
  private var lastConsumer = 0

  // MARK: Links

  mutating func makeLink(lanes: [Lane]) -> Int {
    links.append(Link(lanes: lanes))
    return links.count - 1
  }

  mutating func run(_ link: Int) {
    links[link].isRunning = true
    openLinks()
  }

  mutating func end(_ link: Int) {
    drop(link)
    links[link].isRunning = false
    links[link].held = []
    links[link].events = []
  }

  mutating func openLinks() {
    guard isUp else { return }
    for link in links.indices where links[link].isRunning && !links[link].isOpen {
      links[link].isOpen = true
      links[link].attached = []
      declareTopology(of: link)
      let generation = addChannel(link, attached: nil)
      links[link].events += [.consumingUp(generation), .publishingUp]
      let held = links[link].held
      links[link].held = []
      if !held.isEmpty { publish(held, link) }
    }
  }

  mutating func dropLinks(_ reason: String) {
    for link in links.indices where links[link].isOpen {
      for channel in channels where channel.link == link {
        links[link].events.append(.consumingDown(channel.generation, reason: reason))
      }
      if !links[link].held.isEmpty {
        let lost = links[link].held.map { Published($0.id, .unknown(reason)) }
        links[link].events.append(.published(lost))
        links[link].held = []
      }
      links[link].events.append(.publishingDown(reason: reason))
      if links[link].toldBlocked { links[link].events.append(.unblocked) }
      drop(link)
    }
  }

  private mutating func drop(_ link: Int) {
    while let index = channels.firstIndex(where: { $0.link == link }) { removeChannel(index) }
    links[link].isOpen = false
    links[link].toldBlocked = false
  }

  mutating func takeEvents(of link: Int) -> [QueueEvent] {
    defer { links[link].events = [] }
    return links[link].events
  }

  func linksWithEvents() -> [Int] { links.indices.filter { !links[$0].events.isEmpty } }

  // MARK: Channels

  mutating func addChannel(_ link: Int, attached: String?) -> ChannelGeneration {
    links[link].lastGeneration += 1
    let generation = ChannelGeneration(links[link].lastGeneration)
    channels.append(Channel(link: link, generation: generation, attached: attached))
    return generation
  }

  /// What was not acked goes to its queue's tail, in the order of its tags.
  mutating func removeChannel(_ index: Int) {
    let channel = channels.remove(at: index)
    for (_, unacked) in channel.unacked.sorted(by: { $0.key < $1.key }) { giveBack(unacked) }
    for queue in Set(channel.unacked.values.map(\.queue)).sorted() { serve(queue) }
  }

  mutating func replaceChannels(_ reason: String) {
    for link in links.indices where links[link].isOpen {
      guard
        let index = channels.firstIndex(where: { $0.link == link && $0.attached == nil })
      else { continue }
      let old = channels[index].generation
      removeChannel(index)
      let new = addChannel(link, attached: nil)
      links[link].events += [.consumingDown(old, reason: reason), .consumingUp(new)]
    }
  }

  mutating func addConsumer(_ queue: String, prefetch: Int, on channel: Int) {
    lastConsumer += 1
    let prefetch = min(max(prefetch, 1), 2_000)
    channels[channel].consumers.append(
      Consumer(id: lastConsumer, queue: queue, prefetch: prefetch))
    serve(queue)
  }

  /// What one has brought that is not wanted any more can still be acked: its channel stays.
  mutating func attach(_ wanted: [AttachedQueue], _ link: Int) {
    links[link].attached = wanted
    for index in channels.indices where channels[index].link == link {
      guard let queue = channels[index].attached, !wanted.contains(where: { $0.queue == queue })
      else { continue }
      channels[index].consumers = []
    }
    attach(link)
  }

  private mutating func attach(_ link: Int) {
    for wanted in links[link].attached where queues[wanted.queue] != nil {
      if let known = channels.firstIndex(where: {
        $0.link == link && $0.attached == wanted.queue
      }) {
        guard channels[known].consumers.isEmpty else { continue }
        addConsumer(wanted.queue, prefetch: wanted.prefetch, on: known)
      } else {
        let generation = addChannel(link, attached: wanted.queue)
        links[link].events.append(.attachedUp(generation, queue: wanted.queue))
        addConsumer(wanted.queue, prefetch: wanted.prefetch, on: channels.count - 1)
      }
    }
  }

  // MARK: Queues

  mutating func declareTopology(of link: Int) {
    for lane in links[link].lanes {
      for queue in QueueTopology.queues(lane) { declareQueue(queue) }
      for priority in Priority.allCases {
        bind(
          QueueTopology.queue(lane, priority), to: QueueTopology.jobsExchange,
          key: QueueTopology.routingKey(lane, priority))
      }
    }
    declareQueue(QueueTopology.rejected)
  }

  mutating func declareQueue(_ name: String) {
    guard queues[name] == nil else { return }
    queues[name] = Queue()
    for link in links.indices where links[link].isOpen { attach(link) }
  }

  mutating func bind(_ queue: String, to exchange: String, key: String) {
    let binding = Binding(exchange: exchange, key: key, queue: queue)
    if !bindings.contains(binding) { bindings.append(binding) }
  }

  mutating func deleteQueue(_ name: String) {
    guard queues.removeValue(forKey: name) != nil else { return }
    bindings.removeAll { $0.queue == name }
    for index in channels.indices {
      for (tag, unacked) in channels[index].unacked where unacked.queue == name {
        channels[index].unacked[tag] = nil
      }
    }
    for index in channels.indices.reversed() {
      let link = channels[index].link
      if channels[index].attached == name {
        links[link].events.append(
          .consumingDown(channels[index].generation, reason: "queue \(name) was deleted"))
        removeChannel(index)
      } else if channels[index].consumers.contains(where: { $0.queue == name }) {
        channels[index].consumers.removeAll { $0.queue == name }
        declareTopology(of: link)
        links[link].events.append(.consumerEnded(queue: name))
      }
    }
  }

  func unacked(in queue: String) -> Int {
    channels.reduce(0) { $0 + $1.unacked.values.filter { $0.queue == queue }.count }
  }

  mutating func giveBack(_ unacked: Unacked) {
    var stored = unacked.stored
    stored.redelivered = true
    stored.deliveryCount += 1
    queues[unacked.queue]?.ready.append(stored)
  }

  /// Hands out what is ready to the queue's consumers, in turn, while they have room.
  mutating func serve(_ name: String) {
    while let queue = queues[name], !queue.ready.isEmpty {
      var free: [(channel: Int, consumer: Int)] = []
      for channel in channels.indices {
        for (index, consumer) in channels[channel].consumers.enumerated()
        where consumer.queue == name && consumer.unacked < consumer.prefetch {
          free.append((channel, index))
        }
      }
      guard !free.isEmpty, let stored = queues[name]?.ready.popFirst() else { return }
      let next = free[queue.turn % free.count]
      queues[name]?.turn = queue.turn &+ 1
      channels[next.channel].consumers[next.consumer].unacked += 1
      let id = channels[next.channel].consumers[next.consumer].id
      deliver(stored, from: name, to: next.channel, consumer: id)
    }
  }

  mutating func deliver(_ stored: Stored, from queue: String, to channel: Int, consumer: Int?) {
    channels[channel].lastTag += 1
    let tag = channels[channel].lastTag
    channels[channel].unacked[tag] = Unacked(queue: queue, consumer: consumer, stored: stored)
    let delivery = Delivery(
      tag: DeliveryTag(channels[channel].generation, tag), queue: queue,
      redelivered: stored.redelivered, deliveryCount: stored.deliveryCount,
      message: stored.message)
    let link = channels[channel].link
    // Deliveries that follow each other travel together.
    if case .delivered(let earlier)? = links[link].events.last {
      links[link].events[links[link].events.count - 1] = .delivered(earlier + [delivery])
    } else {
      links[link].events.append(.delivered([delivery]))
    }
  }
}
