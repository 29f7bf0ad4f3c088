internal import BelfryCore
internal import Synchronization

/// Declares what belongs to Belfry, and remembers when it last made something new.
///
/// First asks passively: a user who may not configure finds what was made for him, and only what
/// was missing is new. What is there is then declared with our arguments, so that other ones are
/// named before a job is lost to them.
final class Topology: Sendable {
  let lanes: [Lane]
  private let lastCreated = Mutex<ContinuousClock.Instant?>(nil)

  init(lanes: [Lane]) { self.lanes = lanes }

  /// The queues that are declared.
  var queues: [String] { lanes.flatMap(QueueTopology.queues) + [QueueTopology.rejected] }

  /// How long until every queue survives a crash of the broker.
  var settlesIn: Duration {
    guard let created = lastCreated.withLock({ $0 }) else { return .zero }
    return max(.zero, created + Limit.queueSettles - .now)
  }

  func declare(on connection: AMQPConnection) throws(RabbitMQError) {
    var probe = Probe(connection)
    for (name, kind) in [
      (QueueTopology.jobsExchange, AMQPConnection.Kind.direct),
      (QueueTopology.eventsExchange, .topic),
    ] {
      _ = try probe.ensure(
        isThere: { (channel) throws(RabbitMQError) in
          try connection.declareExchange(name, kind, isPassive: true, on: channel)
        },
        declare: { (channel) throws(RabbitMQError) in
          try connection.declareExchange(name, kind, isPassive: false, on: channel)
        })
    }
    for queue in queues { try declareQueue(queue, &probe) }
    for lane in lanes {
      for priority in Priority.allCases {
        try probe.tolerant { (channel) throws(RabbitMQError) in
          try connection.bind(
            QueueTopology.queue(lane, priority), to: QueueTopology.jobsExchange,
            key: QueueTopology.routingKey(lane, priority), on: channel)
        }
      }
    }
    try probe.close()
  }

  private func declareQueue(_ queue: String, _ probe: inout Probe) throws(RabbitMQError) {
    let connection = probe.connection
    let isNew = try probe.ensure(
      isThere: { (channel) throws(RabbitMQError) in
        _ = try connection.lookAtQueue(queue, on: channel)
      },
      declare: { (channel) throws(RabbitMQError) in
        try connection.declareQuorumQueue(
          queue, deliveryLimit: QueueTopology.deliveryLimit, on: channel)
      })
    if isNew { lastCreated.withLock { $0 = .now } }
  }
}

/// A channel for questions that may close it: a 404 or 406 takes the channel along, and nothing else.
struct Probe {
  let connection: AMQPConnection
  private var channel: UInt16?

  init(_ connection: AMQPConnection) { self.connection = connection }

  mutating func ask<Answer>(
    _ question: (UInt16) throws(RabbitMQError) -> Answer
  ) throws(RabbitMQError) -> Answer {
    if let channel, connection.isOpen(channel) { return try question(channel) }
    let opened = try connection.openProbe()
    channel = opened
    return try question(opened)
  }

  /// How many messages are ready; nil when the queue is not there.
  mutating func depth(of queue: String) throws(RabbitMQError) -> Int? {
    let connection = connection
    do {
      return try ask { (channel) throws(RabbitMQError) in
        try connection.lookAtQueue(queue, on: channel)
      }
    } catch  where error.code == RabbitMQError.notFound && error.scope != .connection {
      return nil
    }
  }

  /// True when it was not there and was made. What is there but may not be declared by us is used
  /// as it is.
  mutating func ensure(
    isThere: (UInt16) throws(RabbitMQError) -> Void,
    declare: (UInt16) throws(RabbitMQError) -> Void
  ) throws(RabbitMQError) -> Bool {
    do {
      try ask(isThere)
    } catch  where error.code == RabbitMQError.notFound && error.scope != .connection {
      try ask(declare)
      return true
    }
    try tolerant(declare)
    return false
  }

  /// Runs it and takes *access refused* for an answer.
  mutating func tolerant(
    _ question: (UInt16) throws(RabbitMQError) -> Void
  ) throws(RabbitMQError) {
    do {
      try ask(question)
    } catch  where error.code == RabbitMQError.accessRefused && error.scope != .connection {
      return
    }
  }

  mutating func close() throws(RabbitMQError) {
    if let channel { try connection.closeChannel(channel) }
    channel = nil
  }
}
