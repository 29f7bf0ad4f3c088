internal import BelfryCore
internal import CRabbitMQ

/// What the broker is asked on a channel, each waiting for its answer.
extension AMQPConnection {
  enum Kind { case direct, topic }

  /// Throws 404 on the channel when the exchange is not there and `isPassive`.
  func declareExchange(
    _ name: String, _ kind: Kind, isPassive: Bool, on channel: UInt16
  ) throws(RabbitMQError) {
    arena.reset(bytes: name.utf8.count + 8, entries: 0)
    _ = unsafe amqp_exchange_declare(
      handle, channel, arena.bytes(name), arena.bytes(kind == .direct ? "direct" : "topic"),
      isPassive ? 1 : 0, 1, 0, 0, amqp_empty_table)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
  }

  /// Is the queue there? How many messages are ready? Throws 404 on the channel when it is not.
  func lookAtQueue(_ name: String, on channel: UInt16) throws(RabbitMQError) -> Int {
    arena.reset(bytes: name.utf8.count, entries: 0)
    let answer = unsafe amqp_queue_declare(
      handle, channel, arena.bytes(name), 1, 1, 0, 0, amqp_empty_table)
    guard let answer = unsafe answer else {
      try unsafe check(amqp_get_rpc_reply(handle), on: channel)
      return 0
    }
    return unsafe Int(answer.pointee.message_count)
  }

  /// Declares a durable quorum queue; throws 406 on the channel when one with other arguments is
  /// there, and the message names the argument.
  func declareQuorumQueue(
    _ name: String, deliveryLimit: Int, on channel: UInt16
  ) throws(RabbitMQError) {
    arena.reset(bytes: name.utf8.count + 64, entries: 2)
    let arguments = unsafe arena.table(of: [
      ("x-queue-type", .text("quorum")), ("x-delivery-limit", .int(Int64(deliveryLimit))),
    ])
    _ = unsafe amqp_queue_declare(handle, channel, arena.bytes(name), 0, 1, 0, 0, arguments)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
  }

  /// Declares a queue that this connection alone may use, and that goes with it. Throws 405 on the channel
  /// when another connection has one of that name.
  func declareOwnQueue(_ name: String, on channel: UInt16) throws(RabbitMQError) {
    arena.reset(bytes: name.utf8.count, entries: 0)
    _ = unsafe amqp_queue_declare(
      handle, channel, arena.bytes(name), 0, 0, 1, 1, amqp_empty_table)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
  }

  func bind(
    _ queue: String, to exchange: String, key: String, on channel: UInt16
  ) throws(RabbitMQError) {
    arena.reset(bytes: queue.utf8.count + exchange.utf8.count + key.utf8.count, entries: 0)
    _ = unsafe amqp_queue_bind(
      handle, channel, arena.bytes(queue), arena.bytes(exchange), arena.bytes(key),
      amqp_empty_table)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
  }

  /// A prefetch reaches only the consumers that start after it.
  func consume(
    _ queue: String, prefetch: Int, consumer: Int, on channel: UInt16
  ) throws(RabbitMQError) {
    let prefetch = UInt16(clamping: min(max(prefetch, 1), Limit.prefetchMax))
    _ = unsafe amqp_basic_qos(handle, channel, 0, prefetch, 0)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
    arena.reset(bytes: queue.utf8.count + 24, entries: 0)
    _ = unsafe amqp_basic_consume(
      handle, channel, arena.bytes(queue), arena.bytes(ConsumerTag.text(consumer)), 0, 0, 0,
      amqp_empty_table)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
  }

  func cancel(consumer: Int, on channel: UInt16) throws(RabbitMQError) {
    arena.reset(bytes: 24, entries: 0)
    _ = unsafe amqp_basic_cancel(handle, channel, arena.bytes(ConsumerTag.text(consumer)))
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
  }

  func selectConfirms(on channel: UInt16) throws(RabbitMQError) {
    _ = unsafe amqp_confirm_select(handle, channel)
    try unsafe check(amqp_get_rpc_reply(handle), on: channel)
  }
}

/// A consumer's tag is `b` and a number, so that a delivery finds its queue without a string.
enum ConsumerTag {
  static func text(_ number: Int) -> String { "b\(number)" }

  static func number(_ tag: amqp_bytes_t) -> Int? {
    let bytes = unsafe UnsafeRawBufferPointer(start: tag.bytes, count: tag.len)
    guard bytes.count > 1, bytes.count < 12 else { return nil }
    var number = 0
    // By index: the formatter spoils `for unsafe … in`.
    for index in 1..<bytes.count {
      let byte = unsafe bytes[index]
      guard (0x30...0x39).contains(byte) else { return nil }
      number = number * 10 + Int(byte - 0x30)
    }
    return number
  }
}
