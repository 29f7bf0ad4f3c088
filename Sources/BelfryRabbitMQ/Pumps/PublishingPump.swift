internal import BelfryCore

/// Keeps a publishing connection open until it is stopped, and what waits to be published.
struct PublishingPump {
  let configuration: RabbitMQConfiguration
  let topology: Topology
  let mailbox: Mailbox
  let deliver: @Sendable ([QueueEvent]) -> Void

  func run() {
    var waiting = PublishQueue()
    var backoff = Backoff()
    var reported: String?
    while !mailbox.isStopped {
      let began = ContinuousClock.now
      let session = PublishingSession(
        waiting: waiting, topology: topology, mailbox: mailbox, deliver: deliver)
      do {
        try session.serve(
          AMQPConnection(
            configuration.address, name: configuration.connectionName + " (publishing)"))
      } catch {
        session.end(error.message)
        if !session.wasUp, error.message != reported {
          reported = error.message
          deliver([.unavailable(reason: error.message)])
        }
      }
      waiting = session.waiting
      // On a new connection everything is declared anyway.
      waiting.dropDeclares()
      if session.wasUp { reported = nil }
      if ContinuousClock.now - began > Limit.trustedAge { backoff.reset() }
      pause(backoff.next(), &waiting)
    }
    let abandoned = waiting.abandon("the queue was closed")
    if !abandoned.isEmpty { deliver([.published(abandoned)]) }
  }

  private func pause(_ time: Duration, _ waiting: inout PublishQueue) {
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end {
      let inbox = mailbox.take()
      waiting.add(inbox.commands)
      if inbox.isStopped { return }
      mailbox.wait(atMost: end - .now)
    }
  }
}

/// What waits to be published, in order. Nothing is dropped: what the core hands over is its bound.
struct PublishQueue {
  enum Item {
    case message(OutgoingMessage)
    case declare
  }

  private var items: [Item] = []
  private var head = 0

  var first: Item? { head < items.count ? items[head] : nil }

  mutating func add(_ commands: [QueueCommand]) {
    for command in commands {
      switch command {
      case .publish(let messages): items.append(contentsOf: messages.map { .message($0) })
      case .declare: items.append(.declare)
      default: preconditionFailure("meant for the consuming pump: \(command)")
      }
    }
  }

  mutating func removeFirst() {
    // Frees the payload now, not when the array shrinks.
    items[head] = .declare
    head += 1
    if head == items.count {
      items.removeAll(keepingCapacity: true)
      head = 0
    } else if head > 1_024, head * 2 > items.count {
      items.removeFirst(head)
      head = 0
    }
  }

  mutating func dropDeclares() {
    items = items[head...].filter { if case .declare = $0 { false } else { true } }
    head = 0
  }

  /// Ends all that waits with *unknown*.
  mutating func abandon(_ reason: String) -> [Published] {
    defer { self = PublishQueue() }
    return items[head...].compactMap { item in
      guard case .message(let message) = item else { return nil }
      return Published(message.id, .unknown(reason))
    }
  }
}
