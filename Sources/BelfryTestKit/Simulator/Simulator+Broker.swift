import BelfryCore
import DequeModule

/// The broker: what arrives there, what it delivers, what it confirms, and what it forgets.
extension Simulator {
  typealias Queue = SimulatedBroker.Queue

  // MARK: connections

  func openChannel(_ process: SimulatedCoordinator, isAttached: Bool) {
    guard broker.downUntil <= now else {
      return retry(.openChannel(isAttached: isAttached), process)
    }
    let channel = SimulatedChannel(
      index: channels.count, generation: ChannelGeneration(process.nextGeneration),
      owner: process, isAttached: isAttached, toBroker: newLink(of: process),
      fromBroker: newLink())
    process.nextGeneration += 1
    channels.append(channel)
    process.channels.append(channel)
    for queue in 0..<Queue.count { broker.isMissing[queue] = false }
    send(.channelUp(channel.index), to: process, on: channel.fromBroker, within: ms(20))
    if isAttached {
      channel.consumers = [SimulatedChannel.Consumer(queue: Queue.attached, prefetch: 10)]
      deliver(Queue.attached)
    }
  }

  func openPublisher(_ process: SimulatedCoordinator) {
    guard broker.downUntil <= now else { return retry(.openPublisher, process) }
    let publisher = SimulatedPublisher(
      index: publishers.count, owner: process, toBroker: newLink(of: process),
      fromBroker: newLink())
    publishers.append(publisher)
    process.publisher = publisher
    send(.publisherUp(publisher.index), to: process, on: publisher.fromBroker, within: ms(20))
    if broker.alarmUntil > now { block(publisher) }
  }

  private func retry(_ body: Event.Body, _ process: SimulatedCoordinator) {
    queue.push(
      Event(target: process.index, body: body), at: now + random.within(ms(100)...ms(400)))
  }

  /// A channel dies: what was not acked goes back to its queue. `tells`: the owner hears of it.
  func close(_ channel: SimulatedChannel, tells: Bool = true) {
    guard channel.isOpen else { return }
    channel.isOpen = false
    channel.consumers = []
    let unacked = channel.unacked
    channel.unacked = []
    for delivery in unacked { goesBack(delivery) }
    cut(channel.toBroker)
    guard tells else { return }
    noticeLater(.channelDown(channel.index), channel.owner, after: channel.fromBroker)
    for queue in 0..<Queue.count { deliver(queue) }
  }

  func close(_ publisher: SimulatedPublisher, tells: Bool = true) {
    guard publisher.isOpen else { return }
    publisher.isOpen = false
    cut(publisher.toBroker)
    if tells {
      noticeLater(.publisherDown(publisher.index), publisher.owner, after: publisher.fromBroker)
    }
  }

  /// What the broker had sent arrives up to some moment; then the end is noticed.
  private func noticeLater(
    _ body: Event.Body, _ process: SimulatedCoordinator, after link: Int32
  ) {
    let from = max(now, links[Int(link)].stalledUntil)
    links[Int(link)].cutAt = from + random.within(0...plan.brokerDelay)
    queue.push(
      Event(target: process.index, body: body),
      at: links[Int(link)].cutAt + 1 + random.within(0...random.pick([ms(1), ms(200), ms(2_000)])))
  }

  private func goesBack(_ delivery: SimulatedChannel.Unacked) {
    var message = delivery.message
    message.redelivered = true
    message.deliveryCount += 1
    if delivery.isGivenUp { ledger.copies[message.job] += 1 }
    if random.coin() {
      broker.queues[delivery.queue].append(message)
    } else {
      broker.queues[delivery.queue].prepend(message)
    }
  }

  // MARK: delivering

  /// Gives out what is in a queue while a consumer has room.
  func deliver(_ queue: Int) {
    guard !broker.queues[queue].isEmpty, broker.downUntil <= now else { return }
    while !broker.queues[queue].isEmpty {
      let free = channels.filter { $0.isOpen && $0.room(queue) }
      guard !free.isEmpty else { return }
      give(queue, to: random.pick(free), limit: random.within(1...4))
    }
  }

  private func give(_ queue: Int, to channel: SimulatedChannel, limit: Int64, always: Bool = false)
  {
    var arrivals: [Arrival] = []
    while arrivals.count < limit, always || channel.room(queue),
      let message = broker.queues[queue].popFirst()
    {
      let tag = channel.nextTag
      channel.nextTag += 1
      channel.unacked.append(
        SimulatedChannel.Unacked(tag: tag, queue: queue, message: message))
      arrivals.append(
        Arrival(
          tag: DeliveryTag(channel.generation, tag), source: SimulatedBroker.source(queue),
          redelivered: message.redelivered, deliveryCount: message.deliveryCount,
          content: content(message)))
    }
    guard !arrivals.isEmpty else { return }
    send(
      .delivered(channel: channel.index, arrivals), to: channel.owner, on: channel.fromBroker,
      within: plan.brokerDelay)
  }

  private func content(_ message: BrokerMessage) -> Arrival.Content {
    switch message.content {
    case .job(let job): .job(job)
    case .malformed(let malformed): .malformed(malformed)
    }
  }

  // MARK: what it hears

  func brokerHears(_ body: Event.Body) {
    switch body {
    case .acks(let index, let tags): remove(tags, from: channels[index], goesBack: false)
    case .requeues(let index, let tags): remove(tags, from: channels[index], goesBack: true)
    case .command(let index, let command): obey(command, on: channels[index])
    case .publishes(let index, let publishes, let ticket):
      received(publishes, firstTicket: ticket, on: publishers[index])
    case .alarmEnds:
      guard broker.alarmUntil <= now else { return }
      for publisher in publishers where publisher.isOpen {
        send(
          .cluster(.queue(.unblocked)), to: publisher.owner, on: publisher.fromBroker,
          within: plan.brokerDelay)
      }
    default: return
    }
  }

  private func remove(_ tags: [UInt64], from channel: SimulatedChannel, goesBack: Bool) {
    guard channel.isOpen else { return }
    var touched = 0
    for tag in tags {
      guard let index = channel.unacked.firstIndex(where: { $0.tag == tag }) else {
        return fail(.S4, "\(channel.owner.name) acked or requeued tag \(tag) twice")
      }
      let delivery = channel.unacked.remove(at: index)
      touched |= 1 << delivery.queue
      if goesBack { self.goesBack(delivery) }
    }
    for queue in 0..<Queue.count where touched & 1 << queue != 0 || goesBack { deliver(queue) }
  }

  private func obey(_ command: QueueCommand, on channel: SimulatedChannel) {
    guard channel.isOpen else { return }
    switch command {
    case .declare: for queue in 0..<Queue.count { broker.isMissing[queue] = false }
    case .consume(let name, let prefetch):
      guard let queue = SimulatedBroker.indices[name] else { return }
      // Not there: the adapter declares it, then consumes.
      broker.isMissing[queue] = false
      channel.consumers.removeAll { $0.queue == queue }
      channel.consumers.append(SimulatedChannel.Consumer(queue: queue, prefetch: prefetch))
      deliver(queue)
    case .endConsumer(let name):
      guard let queue = SimulatedBroker.indices[name] else { return }
      channel.consumers.removeAll { $0.queue == queue }
    case .readOnce(let name, let limit):
      guard let queue = SimulatedBroker.indices[name] else { return }
      let count = min(limit, broker.queues[queue].count)
      give(queue, to: channel, limit: Int64(count), always: true)
      answer(.readDone(queue: name, count: count), on: channel)
    case .measure(let names):
      for name in names {
        guard let queue = SimulatedBroker.indices[name] else { continue }
        // Depths of the others are for people; each answer costs a step.
        guard Queue.isParked(queue) || random.oneIn(16) else { continue }
        answer(.depth(queue: name, ready: broker.queues[queue].count), on: channel)
      }
    // The simulated one has its foreign queue from the first.
    case .ack, .requeue, .publish, .attach: return
    }
  }

  private func answer(_ news: QueueNews, on channel: SimulatedChannel) {
    send(
      .cluster(.queue(news)), to: channel.owner, on: channel.fromBroker, within: plan.brokerDelay)
  }

  func endConsumer(_ queue: Int) {
    for channel in channels where channel.isOpen {
      guard let index = channel.consumers.firstIndex(where: { $0.queue == queue }),
        !channel.isAttached
      else { continue }
      channel.consumers.remove(at: index)
      answer(.consumerEnded(queue: SimulatedBroker.names[queue]), on: channel)
    }
  }

  // MARK: publishes

  /// An alarm that lasts until the backlog is gone ends when all jobs were acked.
  func watchAlarm() {
    guard broker.lastsUntilDrained else { return }
    let isJob = { (message: BrokerMessage) in self.plan.jobs[message.job].form != .nameless }
    if broker.queues.contains(where: { $0.contains(where: isJob) })
      || channels.contains(where: { $0.unacked.contains { isJob($0.message) } })
    {
      for publisher in publishers where publisher.isOpen {
        stall(publisher.toBroker, until: now + Self.alarmLook)
      }
    } else {
      broker.lastsUntilDrained = false
      broker.alarmUntil = now
      queue.push(Event(body: .alarmEnds), at: now + Self.alarmLook)
    }
  }

  /// Longer than the time between two looks.
  private static let alarmLook = ms(600)

  func block(_ publisher: SimulatedPublisher) {
    stall(
      publisher.toBroker,
      until: broker.lastsUntilDrained ? now + Self.alarmLook : broker.alarmUntil)
    send(
      .cluster(.queue(.blocked(reason: "memory"))), to: publisher.owner,
      on: publisher.fromBroker, within: plan.brokerDelay)
  }

  private func received(
    _ publishes: [Publish], firstTicket: Int, on publisher: SimulatedPublisher
  ) {
    guard publisher.isOpen else { return }
    var confirms: [Confirm] = []
    for (offset, publish) in publishes.enumerated() {
      confirms.append(Confirm(ticket: firstTicket + offset, result: route(publish.what)))
    }
    send(
      .published(publisher: publisher.index, confirms), to: publisher.owner,
      on: publisher.fromBroker, within: plan.brokerDelay)
  }

  /// Puts a message where it belongs; what it returns is what the publisher hears.
  private func route(_ what: Publish.What) -> PublishResult {
    switch what {
    case .job(let message, let destination): return route(message, to: destination)
    case .event(let outcome):
      ledger.events[index(of: outcome.id)] += 1
      return .confirmed
    case .reply(_, let outcome):
      let job = index(of: outcome.id)
      if plan.jobs[job].replyIsGone { return .returned("no queue") }
      ledger.replies[job] += 1
      return .confirmed
    case .rejected(let malformed):
      ledger.rejected[index(of: .malformed(malformed))] += 1
      return .confirmed
    case .owed(let owed):
      guard let what = store.owedOnce[owed.id] else { return .confirmed }
      if case .job(var message, let destination) = what {
        message.isRepeat = true
        message.runAt = nil
        return route(message, to: destination)
      }
      return route(what)
    }
  }

  private func route(_ message: JobMessage, to destination: Publish.Destination) -> PublishResult {
    let lane = SimulatedBroker.lane(message.job)
    let queue =
      switch destination {
      case .lane: Queue.lane(lane, message.job.priority)
      case .again: Queue.again(lane)
      case .parked: Queue.parked(lane)
      }
    return enqueue(
      BrokerMessage(job: index(of: message.job.id), content: .job(message)), queue)
      ? .confirmed : .returned("no queue")
  }

  /// False when the queue is not there: the message is returned.
  func enqueue(_ message: BrokerMessage, _ queue: Int) -> Bool {
    guard !broker.isMissing[queue] else { return false }
    broker.queues[queue].append(message)
    ledger.copies[message.job] += 1
    deliver(queue)
    return true
  }

  // MARK: which job

  func index(of id: JobID) -> Int {
    index(of: id.text)
  }

  /// `j17`: 17.
  private func index(of name: String) -> Int {
    name.utf8.dropFirst().reduce(0) { $0 * 10 + Int($1) - 0x30 }
  }

  func index(of content: Arrival.Content) -> Int {
    switch content {
    case .job(let message): index(of: message.job.id)
    case .malformed(let malformed):
      malformed.id.map { index(of: $0) } ?? index(of: malformed.message.messageID ?? "")
    }
  }
}
