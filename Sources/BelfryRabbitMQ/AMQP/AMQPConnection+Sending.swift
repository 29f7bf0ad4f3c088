internal import BelfryCore
internal import CRabbitMQ

/// What is sent without an answer. Each waits only while the socket is full.
extension AMQPConnection {
  func ack(_ tag: UInt64, isMultiple: Bool, on channel: UInt16) throws(RabbitMQError) {
    try check(sent: unsafe amqp_basic_ack(handle, channel, tag, isMultiple ? 1 : 0))
  }

  func requeue(_ tag: UInt64, on channel: UInt16) throws(RabbitMQError) {
    try check(sent: unsafe amqp_basic_nack(handle, channel, tag, 0, 1))
  }

  /// Asks for one message; `getOK` or `getEmpty` answers.
  func get(_ queue: String, on channel: UInt16) throws(RabbitMQError) {
    arena.reset(bytes: queue.utf8.count, entries: 0)
    var request = unsafe amqp_basic_get_t()
    unsafe request.queue = arena.bytes(queue)
    try check(sent: unsafe amqp_send_method(handle, channel, AMQP_BASIC_GET_METHOD, &request))
  }

  /// Publishes, persistent. Throws with scope `.call` what can never be sent: nothing went out then.
  func publish(_ outgoing: OutgoingMessage, on channel: UInt16) throws(RabbitMQError) {
    let message = outgoing.message
    try refuseUnsendable(outgoing)
    var properties = unsafe amqp_basic_properties_t()
    unsafe set(&properties, from: message)
    let exchange = unsafe arena.bytes(outgoing.exchange)
    let key = unsafe arena.bytes(outgoing.routingKey)
    let status = unsafe message.body.bytes.withUnsafeBytes { body in
      unsafe amqp_basic_publish(
        handle, channel, exchange, key, outgoing.mandatory ? 1 : 0, 0, &properties,
        amqp_bytes_t(
          len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress)))
    }
    try check(sent: status)
  }

  /// Sends all of a message but its body, which follows piece by piece: nothing else may be published
  /// on the channel meanwhile. Throws as `publish` does.
  func begin(_ outgoing: OutgoingMessage, on channel: UInt16) throws(RabbitMQError) {
    try refuseUnsendable(outgoing)
    var properties = unsafe amqp_basic_properties_t()
    unsafe set(&properties, from: outgoing.message)
    var publish = unsafe amqp_basic_publish_t()
    unsafe publish.exchange = arena.bytes(outgoing.exchange)
    unsafe publish.routing_key = arena.bytes(outgoing.routingKey)
    unsafe publish.mandatory = outgoing.mandatory ? 1 : 0
    try check(
      sent: unsafe amqp_send_method(handle, channel, AMQP_BASIC_PUBLISH_METHOD, &publish))
    let status = unsafe withUnsafeMutablePointer(to: &properties) { properties in
      var frame = unsafe amqp_frame_t()
      unsafe frame.frame_type = UInt8(AMQP_FRAME_HEADER)
      unsafe frame.channel = channel
      unsafe frame.payload.properties.class_id = UInt16(AMQP_BASIC_CLASS)
      unsafe frame.payload.properties.body_size = UInt64(outgoing.message.body.size)
      unsafe frame.payload.properties.decoded = UnsafeMutableRawPointer(properties)
      return unsafe amqp_send_frame(handle, &frame)
    }
    try check(sent: status)
  }

  /// Sends the next piece of a body; returns where the one after it begins.
  func sendPiece(
    of body: Payload, from start: Int, on channel: UInt16
  ) throws(RabbitMQError) -> Int {
    let end = min(start + pieceBytesMax, body.size)
    let status = unsafe body.bytes.withUnsafeBytes { bytes in
      var frame = unsafe amqp_frame_t()
      unsafe frame.frame_type = UInt8(AMQP_FRAME_BODY)
      unsafe frame.channel = channel
      unsafe frame.payload.body_fragment = amqp_bytes_t(
        len: end - start,
        bytes: UnsafeMutableRawPointer(
          mutating: UnsafeRawBufferPointer(rebasing: bytes[start..<end]).baseAddress))
      return unsafe amqp_send_frame(handle, &frame)
    }
    try check(sent: status)
    return end
  }

  /// Checks what the library would cut or choke on, and makes room in the arena.
  private func refuseUnsendable(_ outgoing: OutgoingMessage) throws(RabbitMQError) {
    let message = outgoing.message
    let short = [
      outgoing.exchange, outgoing.routingKey, message.messageID, message.type,
      message.contentType, message.contentEncoding, message.replyTo, message.correlationID,
    ]
    var bytes = 0
    for case let text? in short {
      let count = text.utf8.count
      guard count <= Limit.shortStringBytesMax else {
        throw RabbitMQError("a property of \(count) bytes: AMQP takes 255", scope: .call)
      }
      bytes += count
    }
    var tableBytes = 0
    for header in message.headers {
      guard header.name.utf8.count <= Limit.shortStringBytesMax else {
        throw RabbitMQError(
          "a header's name of \(header.name.utf8.count) bytes: AMQP takes 255", scope: .call)
      }
      tableBytes += header.name.utf8.count + 16
      if case .text(let text) = header.value { tableBytes += text.utf8.count }
    }
    let frameMax = Int(unsafe amqp_get_frame_max(handle))
    guard bytes + tableBytes + 128 <= frameMax else {
      throw RabbitMQError(
        "headers of \(tableBytes) bytes: they must fit one frame of \(frameMax)", scope: .call)
    }
    arena.reset(bytes: bytes + tableBytes, entries: message.headers.count)
  }

  private func set(_ properties: inout amqp_basic_properties_t, from message: QueueMessage) {
    unsafe properties._flags = UInt32(AMQP_BASIC_DELIVERY_MODE_FLAG)
    unsafe properties.delivery_mode = UInt8(AMQP_DELIVERY_PERSISTENT.rawValue)
    func put(
      _ text: String?, _ flag: Int32, _ path: WritableKeyPath<amqp_basic_properties_t, amqp_bytes_t>
    ) {
      guard let text else { return }
      unsafe properties[keyPath: path] = arena.bytes(text)
      unsafe properties._flags |= UInt32(flag)
    }
    unsafe put(message.messageID, AMQP_BASIC_MESSAGE_ID_FLAG, \.message_id)
    unsafe put(message.type, AMQP_BASIC_TYPE_FLAG, \.type)
    unsafe put(message.contentType, AMQP_BASIC_CONTENT_TYPE_FLAG, \.content_type)
    unsafe put(message.contentEncoding, AMQP_BASIC_CONTENT_ENCODING_FLAG, \.content_encoding)
    unsafe put(message.replyTo, AMQP_BASIC_REPLY_TO_FLAG, \.reply_to)
    unsafe put(message.correlationID, AMQP_BASIC_CORRELATION_ID_FLAG, \.correlation_id)
    if let timestamp = message.timestamp {
      unsafe properties.timestamp = UInt64(clamping: timestamp)
      unsafe properties._flags |= UInt32(AMQP_BASIC_TIMESTAMP_FLAG)
    }
    // A value of a type that we do not know cannot be written as it was: it is left out.
    let known = message.headers.compactMap { header -> (String, HeaderValue)? in
      if case .other = header.value { nil } else { (header.name, header.value) }
    }
    guard !known.isEmpty else { return }
    unsafe properties.headers = arena.table(of: known)
    unsafe properties._flags |= UInt32(AMQP_BASIC_HEADERS_FLAG)
  }
}
