internal import BelfryCore

extension ConsumingSession {
  /// Does what was asked, in order; the acks of all of it go out together.
  func obey(
    _ commands: [QueueCommand], _ connection: AMQPConnection, _ probe: inout Probe
  ) throws(RabbitMQError) {
    for command in commands {
      do {
        try obey(command, connection, &probe)
      } catch {
        guard case .channel(let number) = error.scope else { throw error }
        try replace(number, error, connection)
      }
    }
    try flushAcks(connection)
  }

  private func obey(
    _ command: QueueCommand, _ connection: AMQPConnection, _ probe: inout Probe
  ) throws(RabbitMQError) {
    switch command {
    case .ack(let tags):
      for tag in tags {
        guard let index = index(of: tag.generation) else { continue }
        _ = channels[index].book.ack(tag.tag)
      }
    case .requeue(let tags):
      for tag in tags {
        guard let index = index(of: tag.generation) else { continue }
        guard channels[index].book.requeue(tag.tag) else { continue }
        try connection.requeue(tag.tag, on: channels[index].number)
      }
    case .consume(let queue, let prefetch):
      try consume(queue, prefetch, connection, &probe)
    case .endConsumer(let queue):
      guard let main = mainIndex, let consumer = channels[main].consumers.end(queue) else { return }
      try connection.cancel(consumer: consumer, on: channels[main].number)
    case .attach(let queues): try attach(queues, connection, &probe)
    case .readOnce(let queue, let limit):
      // A basic.get from what is not there would close the channel.
      reading.add(queue, try probe.depth(of: queue) == nil ? 0 : limit)
      try goOnReading(connection)
    case .measure(let queues):
      for queue in queues {
        let ready = try measure(queue, connection, &probe)
        outbox.add(ready.map { .depth(queue: queue, ready: $0) } ?? .absent(queue: queue))
      }
    case .declare, .publish:
      preconditionFailure("meant for the publishing pump: \(command)")
    }
  }

  /// Our own presence is declared: so it is there again when the broker has lost it, and where it may not be
  /// declared, or an older connection of ours still has the name, it is absent.
  private func measure(
    _ queue: String, _ connection: AMQPConnection, _ probe: inout Probe
  ) throws(RabbitMQError) -> Int? {
    do {
      guard queue == presence else { return try probe.depth(of: queue) }
      if presenceIsRefused { return nil }
      try probe.ask { (channel) throws(RabbitMQError) in
        try connection.declareOwnQueue(queue, on: channel)
      }
      return 0
    } catch  where error.scope != .connection {
      // Another one's presence: it is there.
      if queue != presence, error.code == RabbitMQError.resourceLocked { return 0 }
      guard queue == presence else { throw error }
      presenceIsRefused = error.code == RabbitMQError.accessRefused
      return nil
    }
  }

  /// To consume what is not there would close the channel, and with it every delivery.
  private func consume(
    _ queue: String, _ prefetch: Int, _ connection: AMQPConnection, _ probe: inout Probe
  ) throws(RabbitMQError) {
    if try probe.depth(of: queue) == nil {
      guard topology.queues.contains(queue) else {
        outbox.add(.consumerEnded(queue: queue))
        return
      }
      try topology.declare(on: connection)
    }
    guard let main = mainIndex else { return }
    let number = channels[main].number
    if let old = channels[main].consumers.end(queue) {
      try connection.cancel(consumer: old, on: number)
    }
    try connection.consume(
      queue, prefetch: prefetch, consumer: channels[main].consumers.add(queue), on: number)
  }

  /// Those that are new are tried from now on, by `tryAttached`. What one has brought that is not wanted any
  /// more can still be acked.
  private func attach(
    _ queues: [AttachedQueue], _ connection: AMQPConnection, _ probe: inout Probe
  ) throws(RabbitMQError) {
    for queue in queues where !attached.contains(where: { $0.queue.queue == queue.queue }) {
      attached.append(Attached(queue: queue))
    }
    for index in attached.indices {
      let isWanted = queues.contains { $0.queue == attached[index].queue.queue }
      guard attached[index].isWanted != isWanted else { continue }
      attached[index].isWanted = isWanted
      guard let channel = channels.firstIndex(where: { $0.attached == index }) else { continue }
      do {
        try turn(channel, to: isWanted, attached[index].queue, connection, &probe)
      } catch {
        guard case .channel(let number) = error.scope else { throw error }
        try replace(number, error, connection)
      }
    }
  }

  /// Goes on consuming on the channel that it had, or leaves it.
  private func turn(
    _ channel: Int, to isWanted: Bool, _ queue: AttachedQueue, _ connection: AMQPConnection,
    _ probe: inout Probe
  ) throws(RabbitMQError) {
    let number = channels[channel].number
    if !isWanted {
      guard let consumer = channels[channel].consumers.end(queue.queue) else { return }
      try connection.cancel(consumer: consumer, on: number)
    } else if try probe.depth(of: queue.queue) != nil {
      try connection.consume(
        queue.queue, prefetch: queue.prefetch,
        consumer: channels[channel].consumers.add(queue.queue), on: number)
    } else {
      try connection.closeChannel(number)
      try replace(number, RabbitMQError("queue \(queue.queue) was deleted"), connection)
    }
  }

  private func index(of generation: ChannelGeneration) -> Int? {
    channels.firstIndex { $0.generation == generation }
  }

  private func flushAcks(_ connection: AMQPConnection) throws(RabbitMQError) {
    connection.gather(true)
    defer { connection.gather(false) }
    for index in channels.indices {
      for frame in channels[index].book.flush() {
        switch frame {
        case .single(let tag):
          try connection.ack(tag, isMultiple: false, on: channels[index].number)
        case .upTo(let tag):
          try connection.ack(tag, isMultiple: true, on: channels[index].number)
        }
      }
    }
  }

  /// Asks for more of the queue being read, or says that it was read and turns to the next.
  func goOnReading(_ connection: AMQPConnection) throws(RabbitMQError) {
    guard let main else { return }
    while true {
      switch reading.next() {
      case .get(let queue): try connection.get(queue, on: main.number)
      case .done(let queue, let count): outbox.add(.readDone(queue: queue, count: count))
      case .wait: return
      }
    }
  }
}
