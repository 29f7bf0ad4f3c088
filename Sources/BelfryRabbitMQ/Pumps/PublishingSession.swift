internal import BelfryCore

/// One publishing connection from its opening to its end.
///
/// Sends only while the socket takes it, so that a broker that has stopped reading is heard when it
/// says so (`connection.blocked`); from then on it waits and sends nothing.
final class PublishingSession {
  private let topology: Topology
  private let mailbox: Mailbox
  private let deliver: @Sendable ([QueueEvent]) -> Void
  private(set) var wasUp = false
  private(set) var waiting: PublishQueue

  private var book = ConfirmBook()
  private var channel: UInt16 = 0
  private var channelReplaced: ContinuousClock.Instant?
  /// A message whose body has gone out up to there.
  private var begun: (message: OutgoingMessage, offset: Int)?
  private var isBlocked = false
  /// Since when the socket has taken nothing that we wanted to send.
  private var stalledSince: ContinuousClock.Instant?
  private var published: [Published] = []
  private var events: [QueueEvent] = []

  init(
    waiting: PublishQueue, topology: Topology, mailbox: Mailbox,
    deliver: @escaping @Sendable ([QueueEvent]) -> Void
  ) {
    self.waiting = waiting
    self.topology = topology
    self.mailbox = mailbox
    self.deliver = deliver
  }

  /// Returns when the mailbox is stopped, after a goodbye; throws when the connection is lost.
  func serve(_ connection: AMQPConnection) throws(RabbitMQError) {
    try topology.declare(on: connection)
    while topology.settlesIn > .zero, !mailbox.isStopped {
      waiting.add(mailbox.take().commands)
      mailbox.wait(atMost: topology.settlesIn)
    }
    try openChannel(connection)
    wasUp = true
    events.append(.publishingUp)
    while true {
      let inbox = mailbox.take()
      waiting.add(inbox.commands)
      if inbox.isStopped { break }
      try drain(connection)
      let next = try send(connection)
      tell()
      if next == .goOn || connection.hasInput { continue }
      let isStalled = next == .untilWritable
      mailbox.wait(
        for: connection.descriptor, writable: isStalled, atMost: waitingTime(for: next))
    }
    published += book.lost("the queue was closed")
    tell()
    connection.close()
  }

  /// Says what became of all that was on its way.
  func end(_ reason: String) {
    published += book.lost(reason)
    if wasUp { events.append(.publishingDown(reason: reason)) }
    if isBlocked { events.append(.unblocked) }
    tell()
  }

  private func openChannel(_ connection: AMQPConnection) throws(RabbitMQError) {
    channel = try connection.openChannel()
    try connection.selectConfirms(on: channel)
    book = ConfirmBook()
    begun = nil
  }

  private func tell() {
    if !published.isEmpty { events.insert(.published(published), at: 0) }
    guard !events.isEmpty else { return }
    deliver(events)
    published = []
    events = []
  }

  // MARK: What comes in

  private func drain(_ connection: AMQPConnection) throws(RabbitMQError) {
    while let incoming = try connection.next() {
      switch incoming {
      case .confirmed(channel, let tag, let isMultiple):
        published += book.confirmed(tag, isMultiple: isMultiple)
      case .refused(channel, let tag, let isMultiple):
        published += book.refused(tag, isMultiple: isMultiple)
      case .returned(channel, let reason, let exchange, let key, let message):
        book.returned(
          "\(reason): exchange \"\(exchange)\", key \"\(key)\"", exchange: exchange,
          routingKey: key, messageID: message.messageID)
      case .channelClosed(let closed, let error) where closed == channel:
        try replaceChannel(error, connection)
      case .blocked(let reason):
        isBlocked = true
        stalledSince = nil
        connection.limitSendStall(false)
        events.append(.blocked(reason: reason))
      case .unblocked:
        isBlocked = false
        connection.limitSendStall(true)
        events.append(.unblocked)
      default: continue
      }
    }
  }

  /// An exchange was not there: it is declared, and what was on its way may be there or not.
  private func replaceChannel(
    _ error: RabbitMQError, _ connection: AMQPConnection
  ) throws(RabbitMQError) {
    published += book.lost(error.message)
    if let channelReplaced, ContinuousClock.now - channelReplaced < Limit.queueSettles {
      // It would be closed again at once: the way by a new connection is slowed down.
      throw RabbitMQError(error.message, code: error.code)
    }
    channelReplaced = .now
    try openChannel(connection)
    try declare(connection)
  }

  private func declare(_ connection: AMQPConnection) throws(RabbitMQError) {
    do {
      try topology.declare(on: connection)
    } catch {
      guard case .channel = error.scope else { throw error }
      events.append(.unavailable(reason: error.message))
    }
  }

  // MARK: What goes out

  private enum Next: Equatable {
    /// More can be sent at once.
    case goOn
    /// Nothing to do before something comes in.
    case untilInput
    case untilWritable
    /// A new queue must settle first.
    case untilSettled
  }

  private func waitingTime(for next: Next) -> Duration {
    switch next {
    case .goOn: return .zero
    case .untilInput: return Limit.idleWait
    case .untilSettled: return min(Limit.idleWait, topology.settlesIn)
    case .untilWritable:
      let stalled = stalledSince.map { ContinuousClock.now - $0 } ?? .zero
      return max(.zero, min(Limit.idleWait, Limit.sendStall - stalled))
    }
  }

  /// Sends what the window and the socket take, at most one turn's worth.
  private func send(_ connection: AMQPConnection) throws(RabbitMQError) -> Next {
    guard begun != nil || waiting.first != nil else { return .untilInput }
    connection.gather(true)
    defer { connection.gather(false) }
    var unchecked = 0
    for turn in 0..<Limit.sendsPerTurn {
      if isBlocked { return .untilInput }
      if let (message, offset) = begun {
        guard try takesMore(connection) else { return .untilWritable }
        let body = message.message.body
        let next = try connection.sendPiece(of: body, from: offset, on: channel)
        begun = next < body.size ? (message, next) : nil
        unchecked = connection.pieceBytesMax
        continue
      }
      guard let item = waiting.first else { return .untilInput }
      guard case .message(let message) = item else {
        waiting.removeFirst()
        connection.gather(false)
        try declare(connection)
        connection.gather(true)
        continue
      }
      let size = message.message.body.size
      guard book.hasRoom(for: size) else { return .untilInput }
      guard topology.settlesIn == .zero else { return .untilSettled }
      unchecked += size + Limit.frameOverhead
      if turn == 0 || unchecked >= connection.pieceBytesMax {
        guard try takesMore(connection) else { return .untilWritable }
        unchecked = 0
      }
      waiting.removeFirst()
      try send(message, connection)
    }
    return .goOn
  }

  /// Sends a small message whole, and of a large one the beginning: its body goes out piece by
  /// piece, so that a broker that stops in its middle is heard.
  private func send(
    _ message: OutgoingMessage, _ connection: AMQPConnection
  ) throws(RabbitMQError) {
    do {
      if message.message.body.size <= connection.pieceBytesMax {
        try connection.publish(message, on: channel)
      } else {
        try connection.begin(message, on: channel)
        begun = (message, 0)
      }
      book.sent(message)
    } catch {
      guard error.scope != .call else {
        published.append(Published(message.id, .returned(error.message)))
        return
      }
      // Part of it may have gone out.
      book.sent(message)
      throw error
    }
  }

  /// Can a piece go out without waiting? Throws when the socket has taken nothing for too long.
  private func takesMore(_ connection: AMQPConnection) throws(RabbitMQError) -> Bool {
    if connection.isWritable {
      stalledSince = nil
      return true
    }
    let since = stalledSince ?? .now
    stalledSince = since
    guard ContinuousClock.now - since < Limit.sendStall else {
      throw RabbitMQError("the broker has taken nothing for \(Limit.sendStall)")
    }
    return false
  }
}
