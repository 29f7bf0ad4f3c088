internal import BelfryCore

/// A message's properties in one column; its body has one of its own.
enum MessageRow {
  static func properties(_ message: QueueMessage) -> [UInt8] {
    var packer = Packer()
    packer.text(message.messageID)
    packer.text(message.type)
    packer.text(message.contentType)
    packer.text(message.contentEncoding)
    packer.text(message.replyTo)
    packer.text(message.correlationID)
    packer.int(message.timestamp)
    packer.int(message.headers.count)
    for header in message.headers {
      packer.text(header.name)
      write(header.value, to: &packer)
    }
    return packer.bytes
  }

  static func message(
    _ properties: [UInt8], body: [UInt8]
  ) throws(SQLiteFailure) -> QueueMessage {
    var unpacker = Unpacker(properties)
    var message = QueueMessage(body: Payload(body))
    message.messageID = try unpacker.optionalText()
    message.type = try unpacker.optionalText()
    message.contentType = try unpacker.optionalText()
    message.contentEncoding = try unpacker.optionalText()
    message.replyTo = try unpacker.optionalText()
    message.correlationID = try unpacker.optionalText()
    message.timestamp = try unpacker.optionalInt()
    for _ in 0..<(try unpacker.count()) {
      message.headers.append(Header(try unpacker.text(), try value(&unpacker)))
    }
    return message
  }

  private static func write(_ value: HeaderValue, to packer: inout Packer) {
    switch value {
    case .bool(let value):
      packer.int(1)
      packer.bool(value)
    case .int(let value):
      packer.int(2)
      packer.int(value)
    case .text(let value):
      packer.int(3)
      packer.text(value)
    case .timestamp(let value):
      packer.int(4)
      packer.int(value)
    case .other(let value):
      packer.int(5)
      packer.text(value)
    }
  }

  private static func value(_ unpacker: inout Unpacker) throws(SQLiteFailure) -> HeaderValue {
    switch try unpacker.int() {
    case 1: .bool(try unpacker.bool())
    case 2: .int(try unpacker.int())
    case 3: .text(try unpacker.text())
    case 4: .timestamp(try unpacker.int())
    case 5: .other(try unpacker.text())
    default: throw Unpacker.damaged
    }
  }
}
