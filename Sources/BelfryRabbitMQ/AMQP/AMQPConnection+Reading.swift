internal import BelfryCore
internal import CRabbitMQ

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What the broker sent, whole: a message's frames are put together here.
enum Incoming {
  /// `consumer` is nil when the message answers a `get`.
  case message(channel: UInt16, consumer: Int?, tag: UInt64, redelivered: Bool, QueueMessage)
  case getEmpty(channel: UInt16)
  /// No queue took it. Comes before the confirm of the same message.
  case returned(channel: UInt16, reason: String, exchange: String, routingKey: String, QueueMessage)
  case confirmed(channel: UInt16, tag: UInt64, isMultiple: Bool)
  case refused(channel: UInt16, tag: UInt64, isMultiple: Bool)
  case consumerCancelled(channel: UInt16, consumer: Int?)
  case channelClosed(channel: UInt16, RabbitMQError)
  case blocked(String)
  case unblocked
}

/// A message whose frames come in one after the other on its channel.
struct Content {
  enum Origin {
    case delivery(consumer: Int?, tag: UInt64, redelivered: Bool)
    case returned(reason: String, exchange: String, routingKey: String)
  }
  let origin: Origin
  var message: QueueMessage?
  var bodySize = 0
  var body: [UInt8] = []
}

extension AMQPConnection {
  /// The next thing that came in; nil when there is none now. Throws when the connection is gone.
  func next() throws(RabbitMQError) -> Incoming? {
    while true {
      var frame = unsafe amqp_frame_t()
      var noWait = timeval(tv_sec: 0, tv_usec: 0)
      let status = unsafe amqp_simple_wait_frame_noblock(handle, &frame, &noWait)
      if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
      guard status == 0 else { throw RabbitMQError(lost(status)) }
      // All that is needed is copied before the library's memory is used again.
      defer { unsafe amqp_maybe_release_buffers_on_channel(handle, frame.channel) }
      if let incoming = try unsafe take(frame) { return incoming }
    }
  }

  private func lost(_ status: Int32) -> String {
    switch amqp_status_enum(rawValue: status) {
    case AMQP_STATUS_HEARTBEAT_TIMEOUT:
      "nothing heard from \(address.place) for \(2 * Limit.heartbeatSeconds) s"
    case AMQP_STATUS_CONNECTION_CLOSED, AMQP_STATUS_SOCKET_CLOSED, AMQP_STATUS_SOCKET_ERROR:
      "\(address.place) closed the connection"
    default: "connection to \(address.place) lost: \(Self.text(status))"
    }
  }

  private func take(_ frame: amqp_frame_t) throws(RabbitMQError) -> Incoming? {
    let channel = unsafe frame.channel
    switch unsafe Int32(frame.frame_type) {
    case AMQP_FRAME_METHOD: return try unsafe takeMethod(frame.payload.method, channel)
    case AMQP_FRAME_HEADER:
      guard var content = contents.removeValue(forKey: channel) else { return nil }
      let size = unsafe Int(clamping: frame.payload.properties.body_size)
      let decoded = unsafe frame.payload.properties.decoded
        .assumingMemoryBound(to: amqp_basic_properties_t.self)
      content.message = unsafe QueueMessage(decoded.pointee)
      content.bodySize = size
      content.body.reserveCapacity(min(size, 16 << 20))
      return finish(content, channel)
    case AMQP_FRAME_BODY:
      guard var content = contents.removeValue(forKey: channel) else { return nil }
      let part = unsafe frame.payload.body_fragment
      unsafe content.body.append(
        contentsOf: UnsafeRawBufferPointer(start: part.bytes, count: part.len))
      return finish(content, channel)
    default: return nil
    }
  }

  /// Hands the message over if all of it is here, else goes on waiting for the rest.
  private func finish(_ content: Content, _ channel: UInt16) -> Incoming? {
    guard var message = content.message, content.body.count >= content.bodySize else {
      contents[channel] = content
      return nil
    }
    message.body = Payload(content.body)
    switch content.origin {
    case .delivery(let consumer, let tag, let redelivered):
      return .message(
        channel: channel, consumer: consumer, tag: tag, redelivered: redelivered, message)
    case .returned(let reason, let exchange, let key):
      return .returned(
        channel: channel, reason: reason, exchange: exchange, routingKey: key, message)
    }
  }

  private func takeMethod(
    _ method: amqp_method_t, _ channel: UInt16
  ) throws(RabbitMQError) -> Incoming? {
    if channel == 0 { return try unsafe takeConnectionMethod(method) }
    // Late frames of a channel that is gone.
    guard isOpen(channel) else { return nil }
    switch unsafe method.id {
    case AMQP_BASIC_DELIVER_METHOD:
      let deliver = unsafe method.decoded.assumingMemoryBound(to: amqp_basic_deliver_t.self).pointee
      contents[channel] = unsafe Content(
        origin: .delivery(
          consumer: ConsumerTag.number(deliver.consumer_tag) ?? -1, tag: deliver.delivery_tag,
          redelivered: deliver.redelivered != 0))
    case AMQP_BASIC_GET_OK_METHOD:
      let got = unsafe method.decoded.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee
      contents[channel] = unsafe Content(
        origin: .delivery(consumer: nil, tag: got.delivery_tag, redelivered: got.redelivered != 0))
    case AMQP_BASIC_GET_EMPTY_METHOD: return .getEmpty(channel: channel)
    case AMQP_BASIC_RETURN_METHOD:
      let back = unsafe method.decoded.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
      contents[channel] = unsafe Content(
        origin: .returned(
          reason: "\(back.reply_code) \(String(back.reply_text))", exchange: String(back.exchange),
          routingKey: String(back.routing_key)))
    case AMQP_BASIC_ACK_METHOD:
      let ack = unsafe method.decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
      return unsafe .confirmed(
        channel: channel, tag: ack.delivery_tag, isMultiple: ack.multiple != 0)
    case AMQP_BASIC_NACK_METHOD:
      let nack = unsafe method.decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
      return unsafe .refused(
        channel: channel, tag: nack.delivery_tag, isMultiple: nack.multiple != 0)
    case AMQP_BASIC_CANCEL_METHOD:
      let cancel = unsafe method.decoded.assumingMemoryBound(to: amqp_basic_cancel_t.self).pointee
      return unsafe .consumerCancelled(
        channel: channel, consumer: ConsumerTag.number(cancel.consumer_tag))
    case AMQP_CHANNEL_CLOSE_METHOD:
      return unsafe .channelClosed(channel: channel, closed(method, on: channel))
    default: return nil
    }
    return nil
  }

  private func takeConnectionMethod(_ method: amqp_method_t) throws(RabbitMQError) -> Incoming? {
    switch unsafe method.id {
    case AMQP_CONNECTION_CLOSE_METHOD: throw unsafe closed(method, on: 0)
    case AMQP_CONNECTION_BLOCKED_METHOD:
      let blocked = unsafe method.decoded
        .assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee
      return unsafe .blocked(String(blocked.reason))
    case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
    default: return nil
    }
  }
}
