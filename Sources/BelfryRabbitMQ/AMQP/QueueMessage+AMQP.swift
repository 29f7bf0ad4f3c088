internal import BelfryCore
internal import CRabbitMQ

extension QueueMessage {
  /// Copies what a content header says; the body comes after it.
  init(_ properties: amqp_basic_properties_t) {
    let flags = unsafe properties._flags
    func text(_ flag: Int32, _ bytes: amqp_bytes_t) -> String? {
      unsafe flags & UInt32(flag) == 0 ? nil : String(unsafe bytes)
    }
    self.init(
      messageID: unsafe text(AMQP_BASIC_MESSAGE_ID_FLAG, properties.message_id),
      type: unsafe text(AMQP_BASIC_TYPE_FLAG, properties.type),
      contentType: unsafe text(AMQP_BASIC_CONTENT_TYPE_FLAG, properties.content_type),
      contentEncoding: unsafe text(AMQP_BASIC_CONTENT_ENCODING_FLAG, properties.content_encoding),
      replyTo: unsafe text(AMQP_BASIC_REPLY_TO_FLAG, properties.reply_to),
      correlationID: unsafe text(AMQP_BASIC_CORRELATION_ID_FLAG, properties.correlation_id),
      timestamp: flags & UInt32(AMQP_BASIC_TIMESTAMP_FLAG) == 0
        ? nil : Int64(clamping: unsafe properties.timestamp))
    guard flags & UInt32(AMQP_BASIC_HEADERS_FLAG) != 0 else { return }
    let table = unsafe UnsafeBufferPointer(
      start: properties.headers.entries, count: Int(properties.headers.num_entries))
    headers.reserveCapacity(table.count)
    for index in 0..<table.count {
      let entry = unsafe table[index]
      unsafe headers.append(Header(String(unsafe entry.key), HeaderValue(unsafe entry.value)))
    }
  }

  /// Takes the broker's count of deliveries out of the headers: it is not the message's own, and
  /// must not travel with a copy.
  mutating func takeDeliveryCount() -> Int {
    guard let index = headers.firstIndex(where: { $0.name == "x-delivery-count" }) else { return 0 }
    guard case .int(let count) = headers.remove(at: index).value else { return 0 }
    return Int(clamping: count)
  }
}

extension HeaderValue {
  init(_ field: amqp_field_value_t) {
    let value = unsafe field.value
    switch amqp_field_value_kind_t(UInt32(unsafe field.kind)) {
    case AMQP_FIELD_KIND_BOOLEAN: self = .bool(unsafe value.boolean != 0)
    case AMQP_FIELD_KIND_I8: self = .int(Int64(unsafe value.i8))
    case AMQP_FIELD_KIND_U8: self = .int(Int64(unsafe value.u8))
    case AMQP_FIELD_KIND_I16: self = .int(Int64(unsafe value.i16))
    case AMQP_FIELD_KIND_U16: self = .int(Int64(unsafe value.u16))
    case AMQP_FIELD_KIND_I32: self = .int(Int64(unsafe value.i32))
    case AMQP_FIELD_KIND_U32: self = .int(Int64(unsafe value.u32))
    case AMQP_FIELD_KIND_I64: self = .int(unsafe value.i64)
    case AMQP_FIELD_KIND_U64: self = .int(Int64(clamping: unsafe value.u64))
    case AMQP_FIELD_KIND_TIMESTAMP: self = .timestamp(Int64(clamping: unsafe value.u64))
    case AMQP_FIELD_KIND_F32: self = .other("\(unsafe value.f32)")
    case AMQP_FIELD_KIND_F64: self = .other("\(unsafe value.f64)")
    case AMQP_FIELD_KIND_UTF8:
      let bytes = unsafe UnsafeRawBufferPointer(start: value.bytes.bytes, count: value.bytes.len)
      // A long string may be any bytes; only text is text.
      self =
        unsafe String(validating: bytes, as: UTF8.self).map { .text($0) }
        ?? .other("\(unsafe value.bytes.len) bytes")
    case AMQP_FIELD_KIND_BYTES: self = .other("\(unsafe value.bytes.len) bytes")
    case AMQP_FIELD_KIND_TABLE: self = .other("a table")
    case AMQP_FIELD_KIND_ARRAY: self = .other("an array")
    case AMQP_FIELD_KIND_DECIMAL: self = .other("a decimal")
    default: self = .other("nothing")
    }
  }
}
