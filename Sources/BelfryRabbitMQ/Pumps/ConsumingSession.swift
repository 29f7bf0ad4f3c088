internal import BelfryCore

/// One consuming connection from its opening to its end.
final class ConsumingSession {
  struct Channel {
    let number: UInt16
    let generation: ChannelGeneration
    /// The foreign queue that it is for; nil for the one that serves the lanes.
    let attached: Int?
    var book = AckBook()
    var consumers = Consumers()
  }

  struct Attached {
    let queue: AttachedQueue
    var isWanted = true
    /// Kept when it is not wanted any more: what it brought is still to be acked.
    var channel: UInt16?
    var nextTry = ContinuousClock.now

    var isTried: Bool { isWanted && channel == nil }
  }

  let topology: Topology
  let mailbox: Mailbox
  let generations: Generations
  let deliver: @Sendable ([QueueEvent]) -> Void
  /// A channel was announced: the end of this session is news of its own.
  private(set) var wasUp = false

  var channels: [Channel] = []
  var attached: [Attached] = []
  let presence: String?
  /// The broker's user may not declare it: to ask on would close a channel every two seconds.
  var presenceIsRefused = false
  var reading = Reading()
  var outbox = Outbox()
  private var mainReplaced: ContinuousClock.Instant?

  init(
    _ configuration: RabbitMQConfiguration, topology: Topology, mailbox: Mailbox,
    generations: Generations, deliver: @escaping @Sendable ([QueueEvent]) -> Void
  ) {
    presence = configuration.presence
    self.topology = topology
    self.mailbox = mailbox
    self.generations = generations
    self.deliver = deliver
  }

  /// Returns when the mailbox is stopped, after a goodbye; throws when the connection is lost.
  func serve(_ connection: AMQPConnection) throws(RabbitMQError) {
    try topology.declare(on: connection)
    while topology.settlesIn > .zero, !mailbox.take().isStopped {
      mailbox.wait(atMost: topology.settlesIn)
    }
    var probe = Probe(connection)
    _ = mailbox.take()
    try openMain(on: connection)
    while true {
      let inbox = mailbox.take()
      try obey(inbox.commands, connection, &probe)
      if inbox.isStopped { break }
      try tryAttached(connection, &probe)
      let isMore = try drain(connection, &probe)
      outbox.send(deliver)
      if !isMore, !connection.hasInput {
        mailbox.wait(for: connection.descriptor, atMost: idleTime)
      }
    }
    connection.close()
  }

  /// Says that every channel is gone, and before it what had not been said.
  func end(_ reason: String) {
    for channel in channels {
      outbox.add(.consumingDown(channel.generation, reason: reason))
    }
    outbox.send(deliver)
    channels = []
  }

  // MARK: Channels

  private func openMain(on connection: AMQPConnection) throws(RabbitMQError) {
    let number = try connection.openChannel()
    let generation = generations.next()
    channels.append(Channel(number: number, generation: generation, attached: nil))
    reading = Reading()
    wasUp = true
    outbox.add(.consumingUp(generation))
  }

  var main: Channel? { mainIndex.map { channels[$0] } }
  var mainIndex: Int? { channels.firstIndex { $0.attached == nil } }

  /// A channel was closed under us: the lanes' is opened again, a foreign queue's is tried later.
  func replace(_ number: UInt16, _ error: RabbitMQError, _ connection: AMQPConnection)
    throws(RabbitMQError)
  {
    guard let index = channels.firstIndex(where: { $0.number == number }) else {
      outbox.add(.unavailable(reason: error.message))
      return
    }
    let channel = channels.remove(at: index)
    outbox.add(.consumingDown(channel.generation, reason: error.message))
    if let place = channel.attached {
      attached[place].channel = nil
      attached[place].nextTry = .now + Limit.attachRetry
    } else if let mainReplaced, ContinuousClock.now - mainReplaced < Limit.queueSettles {
      // It would be closed again at once: the way by a new connection is slowed down.
      throw RabbitMQError(error.message, code: error.code)
    } else {
      mainReplaced = .now
      try openMain(on: connection)
    }
  }

  private func tryAttached(_ connection: AMQPConnection, _ probe: inout Probe) throws(RabbitMQError)
  {
    for index in attached.indices where attached[index].isTried {
      guard attached[index].nextTry <= .now, channels.count < Limit.channelsMax else { continue }
      attached[index].nextTry = .now + Limit.attachRetry
      let queue = attached[index].queue
      do {
        guard try probe.depth(of: queue.queue) != nil else { continue }
        let number = try connection.openChannel()
        var channel = Channel(number: number, generation: generations.next(), attached: index)
        let consumer = channel.consumers.add(queue.queue)
        channels.append(channel)
        attached[index].channel = number
        try connection.consume(
          queue.queue, prefetch: queue.prefetch, consumer: consumer, on: number)
        outbox.add(.attachedUp(channel.generation, queue: queue.queue))
      } catch {
        guard case .channel(let number) = error.scope else { throw error }
        try replace(number, error, connection)
      }
    }
  }

  private var idleTime: Duration {
    let retries = attached.filter(\.isTried).map { $0.nextTry - .now }
    return max(.zero, min(Limit.idleWait, retries.min() ?? Limit.idleWait))
  }

  // MARK: What comes in

  /// Reads what is there, at most one batch; true when there may be more.
  private func drain(_ connection: AMQPConnection, _ probe: inout Probe) throws(RabbitMQError)
    -> Bool
  {
    while !outbox.isFull {
      guard let incoming = try connection.next() else {
        for index in channels.indices { channels[index].consumers.forgetEnded() }
        return false
      }
      switch incoming {
      case .message(let channel, let consumer, let tag, let redelivered, let message):
        try received(message, channel, consumer, tag, redelivered)
        if consumer == nil { try goOnReading(connection) }
      case .getEmpty(let channel) where channel == main?.number:
        reading.foundEmpty()
        try goOnReading(connection)
      case .consumerCancelled(let channel, let consumer):
        try consumerCancelled(channel, consumer, connection)
      case .channelClosed(let channel, let error):
        try replace(channel, error, connection)
      case .getEmpty, .returned, .confirmed, .refused, .blocked, .unblocked:
        continue  // Nothing is published here.
      }
    }
    return true
  }

  private func received(
    _ message: QueueMessage, _ channel: UInt16, _ consumer: Int?, _ tag: UInt64, _ redelivered: Bool
  ) throws(RabbitMQError) {
    guard let index = channels.firstIndex(where: { $0.number == channel }) else { return }
    guard channels[index].book.delivered(tag) else {
      throw RabbitMQError("the broker's delivery tags are out of order (\(tag))")
    }
    var message = message
    let count = message.takeDeliveryCount()
    let queue = consumer.map { channels[index].consumers.queue(of: $0) ?? "" } ?? reading.found()
    outbox.add(
      Delivery(
        tag: DeliveryTag(channels[index].generation, tag), queue: queue,
        redelivered: redelivered, deliveryCount: count, message: message))
  }

  /// Its queue was deleted: ours are declared again and the core asks again; a foreign one is tried
  /// until it is back.
  private func consumerCancelled(
    _ channel: UInt16, _ consumer: Int?, _ connection: AMQPConnection
  ) throws(RabbitMQError) {
    guard let consumer, let index = channels.firstIndex(where: { $0.number == channel }),
      let queue = channels[index].consumers.ended(consumer)
    else { return }
    if channels[index].attached != nil {
      try connection.closeChannel(channel)
      try replace(channel, RabbitMQError("queue \(queue) was deleted"), connection)
    } else {
      if topology.queues.contains(queue) { try topology.declare(on: connection) }
      outbox.add(.consumerEnded(queue: queue))
    }
  }
}
