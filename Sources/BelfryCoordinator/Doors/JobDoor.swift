package import BelfryCore

/// Reads deliveries: Belfry's own messages on its lanes, and (door A) any message on a foreign queue
/// that was attached. What cannot be read becomes `Malformed`, with the reason; nothing here throws
/// a message away.
package struct JobDoor: Sendable {
  private struct Origin {
    var lane: Lane
    var priority: Priority
    var source: Arrival.Source
  }

  private let origins: [String: Origin]
  private let attached: AttachedQueues
  private let payloadBytesMax: Int
  private let newJobID: @Sendable () -> JobID

  package init(
    lanes: [Lane], attached: AttachedQueues, payloadBytesMax: Int,
    newJobID: @escaping @Sendable () -> JobID
  ) {
    var origins: [String: Origin] = [:]
    for lane in lanes {
      for priority in Priority.allCases {
        origins[QueueTopology.queue(lane, priority)] = Origin(
          lane: lane, priority: priority, source: .lane)
      }
      origins[QueueTopology.again(lane)] = Origin(lane: lane, priority: .normal, source: .again)
      origins[QueueTopology.parked(lane)] = Origin(lane: lane, priority: .normal, source: .parked)
    }
    self.origins = origins
    self.attached = attached
    self.payloadBytesMax = payloadBytesMax
    self.newJobID = newJobID
  }

  package func read(_ delivery: Delivery) -> Arrival {
    let ours = origins[delivery.queue]
    if ours == nil, let attachment = attached[delivery.queue] {
      return readForeign(delivery, attachment)
    }
    let origin = ours ?? Origin(lane: .default, priority: .normal, source: .lane)
    let content = read(delivery.message, from: origin)
    var source = origin.source
    // A job without an id, or with a bad one, goes through intake, where it gets one.
    if case .job = content, !Self.hasID(delivery.message) { source = .attached }
    return Arrival(
      tag: delivery.tag, source: source, redelivered: delivery.redelivered,
      deliveryCount: delivery.deliveryCount, content: content)
  }

  private static func hasID(_ message: QueueMessage) -> Bool {
    message.messageID.map(Grammar.isJobID) ?? false
  }

  // MARK: our own messages

  private func read(_ message: QueueMessage, from origin: Origin) -> Arrival.Content {
    do {
      return try readJob(message, from: origin)
    } catch {
      return .malformed(
        Malformed(
          id: message.messageID.flatMap { JobID($0) }, kind: message.type.flatMap { Kind($0) },
          lane: origin.lane, code: error.code, reason: error.reason, reply: reply(of: message),
          message: message))
    }
  }

  private struct Complaint: Error {
    var code = "malformed"
    var reason: String
  }

  private func readJob(
    _ message: QueueMessage, from origin: Origin
  ) throws(Complaint) -> Arrival.Content {
    let headers = try Headers(message.headers)
    if message.body.size > payloadBytesMax {
      throw Complaint(
        code: "too-large",
        reason: "the payload has \(message.body.size) bytes, the limit is \(payloadBytesMax)")
    }
    guard let type = message.type else {
      throw Complaint(reason: "the message has no type: set it to the job's kind")
    }
    guard let kind = Kind(type) else {
      throw Complaint(reason: "the type is no kind ([A-Za-z0-9._:-]{1,128})")
    }
    let id = message.messageID.flatMap { JobID($0) }
    let job = Job(
      id: id ?? newJobID(), kind: kind, lane: origin.lane,
      priority: origin.priority, payload: message.body, contentType: message.contentType,
      contentEncoding: message.contentEncoding, reply: reply(of: message),
      submittedAt: message.timestamp.flatMap(Self.time), requires: headers.requires,
      timeout: headers.timeout, deadline: headers.deadline, retry: headers.retry,
      retryOf: headers.retryOf,
      traceparent: headers.traceparent, tracestate: headers.tracestate)
    let content = JobMessage(
      job: job, attempt: headers.attempt, history: headers.history, runAt: headers.runAt,
      isRepeat: headers.isRepeat)
    return .job(content)
  }

  /// Replies go through the default exchange only, and never to Belfry's own queues.
  private func reply(of message: QueueMessage) -> ReplyAddress? {
    guard let queue = message.replyTo, !queue.isEmpty, queue.utf8.count <= 255,
      !queue.hasPrefix("belfry.")
    else { return nil }
    return ReplyAddress(queue: queue, correlationID: message.correlationID)
  }

  static func time(_ seconds: Int64) -> WallTime? {
    guard seconds > 0, seconds < 1 << 40 else { return nil }
    return WallTime(milliseconds: seconds * 1_000)
  }

  /// The headers of Belfry's own, each of its type; others are ignored.
  private struct Headers {
    var attempt = 1
    var history = History()
    var retry = RetryWish()
    var timeout: Duration?
    var deadline: WallTime?
    var runAt: WallTime?
    var requires: [Label] = []
    var isRepeat = false
    var retryOf: JobID?
    var traceparent: String?
    var tracestate: String?

    init(_ headers: [Header]) throws(Complaint) {
      var historyText: String?
      var triesCut = 0
      for header in headers {
        switch header.name {
        case JobHeader.attempt: attempt = try Self.int(header, 1...1_000_000)
        case JobHeader.tries: triesCut = try Self.int(header, 0...1_000_000)
        case JobHeader.triesMax: retry.triesMax = try Self.int(header, 1...1_000_000)
        case JobHeader.backoff:
          retry.backoff = try Self.text(header, "a back-off such as exp:1s:2:1h") { Backoff($0) }
        case JobHeader.timeout:
          timeout = .milliseconds(try Self.int(header, 1...31_536_000_000))
        case JobHeader.deadline: deadline = try Self.timestamp(header)
        case JobHeader.runAt: runAt = try Self.timestamp(header)
        case JobHeader.requires:
          requires = try Self.text(header, "labels such as gpu=a100,zone=b") { Label.list($0) }
        case JobHeader.isRepeat: isRepeat = try Self.bool(header)
        case JobHeader.retryOf: retryOf = try Self.text(header, "a job's id") { JobID($0) }
        case JobHeader.history: historyText = try Self.text(header, "text") { $0 }
        case JobHeader.traceparent: traceparent = try? Self.text(header, "text") { $0 }
        case JobHeader.tracestate: tracestate = try? Self.text(header, "text") { $0 }
        default: continue
        }
      }
      guard let historyText else {
        history = History(triesCut: triesCut)
        return
      }
      guard let read = HistoryJSON.decode(historyText, triesCut: triesCut) else {
        throw Complaint(reason: "header \(JobHeader.history) is not a history")
      }
      history = read
    }

    private static func int(
      _ header: Header, _ range: ClosedRange<Int>
    ) throws(Complaint) -> Int {
      guard case .int(let value) = header.value, let int = Int(exactly: value),
        range.contains(int)
      else { throw wrong(header, "a number from \(range.lowerBound) to \(range.upperBound)") }
      return int
    }

    private static func bool(_ header: Header) throws(Complaint) -> Bool {
      guard case .bool(let value) = header.value else { throw wrong(header, "a boolean") }
      return value
    }

    private static func timestamp(_ header: Header) throws(Complaint) -> WallTime {
      guard case .timestamp(let seconds) = header.value, let time = JobDoor.time(seconds)
      else { throw wrong(header, "an AMQP timestamp") }
      return time
    }

    private static func text<Value>(
      _ header: Header, _ wanted: String, _ read: (String) -> Value?
    ) throws(Complaint) -> Value {
      guard case .text(let text) = header.value, let value = read(text)
      else { throw wrong(header, wanted) }
      return value
    }

    private static func wrong(_ header: Header, _ wanted: String) -> Complaint {
      Complaint(reason: "header \(header.name) must be \(wanted)")
    }
  }

  // MARK: door A

  /// Any message of a foreign queue is a job of the attachment's kind: only one over the limit is not.
  private func readForeign(_ delivery: Delivery, _ attachment: QueueAttachment) -> Arrival {
    let message = delivery.message
    let content: Arrival.Content
    if message.body.size > payloadBytesMax {
      content = .malformed(
        Malformed(
          id: nil, kind: attachment.kind, lane: attachment.lane, code: "too-large",
          reason: "the payload has \(message.body.size) bytes, the limit is \(payloadBytesMax)",
          message: message))
    } else {
      let known = attachment.usesMessageID ? message.messageID : nil
      let job = Job(
        id: known.map { DerivedID.foreign(queue: delivery.queue, messageID: $0) } ?? newJobID(),
        kind: attachment.kind, lane: attachment.lane, payload: message.body,
        contentType: message.contentType, contentEncoding: message.contentEncoding,
        reply: reply(of: message), submittedAt: message.timestamp.flatMap(Self.time))
      content = .job(JobMessage(job: job, isRepeat: known != nil))
    }
    return Arrival(
      tag: delivery.tag, source: .attached, redelivered: delivery.redelivered,
      deliveryCount: delivery.deliveryCount, content: content)
  }
}
