internal import BelfryCore

/// A publish that is owed, as a document of collection `later`, and back.
///
/// Names of headers are a producer's own, so they are values here, never keys.
enum OwedDocument {
  static func encode(_ owed: OwedPublish) -> [UInt8] {
    BSONWriter.document(capacity: 1_024 + owed.message.body.size) {
      $0.string("_id", owed.id.description)
      $0.string("what", owed.what.rawValue)
      $0.string("job", owed.job?.text)
      $0.int("attempt", owed.attempt)
      $0.date("due", owed.due)
      $0.string("exchange", owed.exchange)
      $0.string("key", owed.routingKey)
      $0.document("properties") { writeProperties(owed.message, to: &$0) }
      $0.binary("body", owed.message.body.bytes)
    }
  }

  static func decode(_ document: BSONDocument) throws(BSONError) -> OwedPublish {
    OwedPublish(
      id: try document.require("_id") { $0.string.flatMap { OwedID($0) } },
      what: try document.require("what") { $0.string.flatMap(OwedPublish.What.init) },
      job: try document.optional("job") { $0.string.flatMap { JobID($0) } },
      attempt: try document.require("attempt") { $0.int },
      due: try document.require("due") { $0.wallTime },
      exchange: try document.require("exchange") { $0.string },
      routingKey: try document.require("key") { $0.string },
      message: try readMessage(document))
  }

  /// What is asked of a list: without the body.
  static func delayed(_ document: BSONDocument) throws(BSONError) -> DelayedJob {
    guard
      let lane = QueueTopology.lane(
        exchange: try document.require("exchange") { $0.string },
        routingKey: try document.require("key") { $0.string })
    else { throw BSONError("it is for no lane") }
    return DelayedJob(
      id: try document.require("job") { $0.string.flatMap { JobID($0) } },
      kind: try document.document("properties")?.optional("type") {
        $0.string.flatMap { Kind($0) }
      }, lane: lane, attempt: try document.require("attempt") { $0.int },
      due: try document.require("due") { $0.wallTime })
  }

  private static func writeProperties(_ message: QueueMessage, to writer: inout BSONWriter) {
    writer.string("messageId", message.messageID)
    writer.string("type", message.type)
    writer.string("contentType", message.contentType)
    writer.string("contentEncoding", message.contentEncoding)
    writer.string("replyTo", message.replyTo)
    writer.string("correlationId", message.correlationID)
    if let timestamp = message.timestamp { writer.int64("timestamp", timestamp) }
    guard !message.headers.isEmpty else { return }
    writer.array("headers", message.headers) {
      $0.string("name", $1.name)
      write($1.value, to: &$0)
    }
  }

  private static func readMessage(_ document: BSONDocument) throws(BSONError) -> QueueMessage {
    guard let properties = try document.document("properties") else {
      throw BSONError("field \"properties\" is missing")
    }
    var headers: [Header] = []
    for header in try properties.documents("headers") {
      headers.append(Header(try header.require("name") { $0.string }, try readValue(header)))
    }
    return QueueMessage(
      messageID: try properties.optional("messageId") { $0.string },
      type: try properties.optional("type") { $0.string },
      contentType: try properties.optional("contentType") { $0.string },
      contentEncoding: try properties.optional("contentEncoding") { $0.string },
      replyTo: try properties.optional("replyTo") { $0.string },
      correlationID: try properties.optional("correlationId") { $0.string },
      timestamp: try properties.optional("timestamp") { $0.int64 }, headers: headers,
      body: Payload(try document.require("body") { $0.binary }))
  }

  private static func write(_ value: HeaderValue, to writer: inout BSONWriter) {
    switch value {
    case .bool(let value):
      writer.string("type", "bool")
      writer.bool("value", value)
    case .int(let value):
      writer.string("type", "int")
      writer.int64("value", value)
    case .text(let value):
      writer.string("type", "text")
      writer.string("value", value)
    case .timestamp(let value):
      writer.string("type", "timestamp")
      writer.int64("value", value)
    case .other(let value):
      writer.string("type", "other")
      writer.string("value", value)
    }
  }

  private static func readValue(_ header: BSONDocument) throws(BSONError) -> HeaderValue {
    switch try header.require("type", { $0.string }) {
    case "bool": .bool(try header.require("value") { $0.bool })
    case "int": .int(try header.require("value") { $0.int64 })
    case "text": .text(try header.require("value") { $0.string })
    case "timestamp": .timestamp(try header.require("value") { $0.int64 })
    case "other": .other(try header.require("value") { $0.string })
    case let type: throw BSONError("a header of type \"\(type)\"")
    }
  }
}
