/// The port to the message broker: what comes in, what goes out, and which of it counts.
///
/// Commands are handed over in batches and never block; what became of them comes back as events,
/// in batches, from a thread of the adapter. The adapter keeps its connections open by itself until
/// `run` is cancelled: it declares the topology on each new connection, and says what it lost.
///
/// Two connections stand behind it, one for consuming and one for publishing: a blocked publisher
/// must stall neither acks nor heartbeats.
///
/// A queue with a name that only this process has (`QueueTopology.presence`) goes with the consuming one, where
/// the broker can do that: others see by it that it has this connection. It is made when it is measured.
package protocol JobQueue: Sendable {
  /// Connects, stays connected, and delivers events until the task is cancelled; then closes both
  /// connections and returns. What was not acked goes back to its queue.
  func run(_ deliver: @escaping @Sendable ([QueueEvent]) -> Void) async

  /// Hands over commands, in order. Those for a dead channel generation are dropped; so is what is asked of
  /// the consuming connection (to consume, to attach, to read, to measure) while it is not up.
  func perform(_ commands: [QueueCommand])
}

/// One opening of a channel: a delivery can be acked only on the one that brought it.
package struct ChannelGeneration: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// Names one delivery: tag and channel generation.
package struct DeliveryTag: Hashable, Comparable, Sendable {
  package let generation: ChannelGeneration
  package let tag: UInt64

  package init(_ generation: ChannelGeneration, _ tag: UInt64) {
    self.generation = generation
    self.tag = tag
  }

  package static func < (a: Self, b: Self) -> Bool {
    (a.generation, a.tag) < (b.generation, b.tag)
  }
}

/// Names one publish of this process.
package struct PublishID: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// A value in a message's header table; other types of AMQP arrive as `.other`.
package enum HeaderValue: Sendable, Equatable {
  case bool(Bool)
  case int(Int64)
  case text(String)
  /// Unix time in seconds, as AMQP has it.
  case timestamp(Int64)
  case other(String)
}

package struct Header: Sendable, Equatable {
  package var name: String
  package var value: HeaderValue

  package init(_ name: String, _ value: HeaderValue) {
    self.name = name
    self.value = value
  }
}

/// A message as the broker has it. All that Belfry publishes is persistent.
package struct QueueMessage: Sendable, Equatable {
  package var messageID: String?
  package var type: String?
  package var contentType: String?
  package var contentEncoding: String?
  package var replyTo: String?
  package var correlationID: String?
  /// Unix time in seconds.
  package var timestamp: Int64?
  package var headers: [Header]
  package var body: Payload

  package init(
    messageID: String? = nil, type: String? = nil, contentType: String? = nil,
    contentEncoding: String? = nil, replyTo: String? = nil, correlationID: String? = nil,
    timestamp: Int64? = nil, headers: [Header] = [], body: Payload = .empty
  ) {
    self.messageID = messageID
    self.type = type
    self.contentType = contentType
    self.contentEncoding = contentEncoding
    self.replyTo = replyTo
    self.correlationID = correlationID
    self.timestamp = timestamp
    self.headers = headers
    self.body = body
  }
}

package struct Delivery: Sendable, Equatable {
  package var tag: DeliveryTag
  /// The queue it was consumed from.
  package var queue: String
  package var redelivered: Bool
  /// `x-delivery-count`, 0 when the broker sent none.
  package var deliveryCount: Int
  package var message: QueueMessage

  package init(
    tag: DeliveryTag, queue: String, redelivered: Bool = false, deliveryCount: Int = 0,
    message: QueueMessage
  ) {
    self.tag = tag
    self.queue = queue
    self.redelivered = redelivered
    self.deliveryCount = deliveryCount
    self.message = message
  }
}

/// A message on its way out.
package struct OutgoingMessage: Sendable, Equatable {
  package var id: PublishID
  /// Empty: the default exchange, where the key names a queue.
  package var exchange: String
  package var routingKey: String
  /// A return is then no confirm. Events are not mandatory: nobody need listen.
  package var mandatory: Bool
  package var message: QueueMessage

  package init(
    id: PublishID, exchange: String, routingKey: String, mandatory: Bool, message: QueueMessage
  ) {
    self.id = id
    self.exchange = exchange
    self.routingKey = routingKey
    self.mandatory = mandatory
    self.message = message
  }
}

/// What became of a publish.
package enum PublishResult: Sendable, Equatable {
  /// Confirmed and not returned: it counts.
  case confirmed
  /// No queue took it (a return, whatever confirm follows).
  case returned(String)
  /// Refused by the broker, or the connection died first: it may or may not be there.
  case unknown(String)
}

package struct Published: Sendable, Equatable {
  package var id: PublishID
  package var result: PublishResult

  package init(_ id: PublishID, _ result: PublishResult) {
    self.id = id
    self.result = result
  }
}

package enum QueueEvent: Sendable, Equatable {
  /// A channel for consuming is open; nothing is consumed on it until asked for.
  case consumingUp(ChannelGeneration)
  /// That channel is gone, and with it every delivery that was not acked.
  case consumingDown(ChannelGeneration, reason: String)
  /// The channel of an attached foreign queue; it consumes by itself.
  case attachedUp(ChannelGeneration, queue: String)
  case delivered([Delivery])
  /// The broker ended one consumer (its queue was deleted); the adapter declares and the core asks again.
  case consumerEnded(queue: String)
  /// All that `readOnce` found has been delivered.
  case readDone(queue: String, count: Int)
  case publishingUp
  case publishingDown(reason: String)
  case published([Published])
  /// A memory or disk alarm: the broker has stopped reading what we publish.
  case blocked(reason: String)
  case unblocked
  case depth(queue: String, ready: Int)
  /// There is no such queue.
  case absent(queue: String)
  /// Could not connect, or was refused; it goes on trying.
  case unavailable(reason: String)
}

package enum QueueCommand: Sendable, Equatable {
  /// Declares exchanges and queues again (a queue was deleted, a publish was returned).
  case declare
  /// Consumes a queue on the consuming channel, with this prefetch; replaces a consumer of that queue.
  case consume(queue: String, prefetch: Int)
  case endConsumer(queue: String)
  case ack([DeliveryTag])
  /// Gives a delivery back to its queue.
  case requeue([DeliveryTag])
  case publish([OutgoingMessage])
  /// Reads what is in the queue now, once round (at most `limit`), as deliveries.
  case readOnce(queue: String, limit: Int)
  /// Consumes these foreign queues, and no others, each on a channel of its own: one that is not there is
  /// tried every 2 s. What one that was left has brought can still be acked.
  case attach([AttachedQueue])
  /// Asks how many messages are ready; answered by `depth`, or by `absent`.
  case measure([String])
}
