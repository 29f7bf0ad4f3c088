internal import BelfryCore

/// What was asked for, as a document within another, but for the fields that the other has itself: id,
/// kind, lane, labels.
enum JobDocument {
  static func write(_ job: Job, to writer: inout BSONWriter) {
    writer.int("priority", Int(job.priority.rawValue))
    writer.binary("payload", job.payload.bytes)
    writer.string("contentType", job.contentType)
    writer.string("contentEncoding", job.contentEncoding)
    writer.string("replyTo", job.reply?.queue)
    writer.string("correlationId", job.reply?.correlationID)
    if let timeout = job.timeout { writer.int64("timeoutMs", timeout.millisecondsClamped) }
    writer.date("deadline", job.deadline)
    if let triesMax = job.retry.triesMax { writer.int("triesMax", triesMax) }
    writer.string("backoff", job.retry.backoff?.text)
    writer.string("traceparent", job.traceparent)
    writer.string("tracestate", job.tracestate)
  }

  static func read(
    _ job: BSONDocument, id: JobID, kind: Kind, lane: Lane, submittedAt: WallTime? = nil,
    requires: [Label], retryOf: JobID? = nil
  ) throws(BSONError) -> Job {
    let replyTo = try job.optional("replyTo") { $0.string }
    let correlationID = try job.optional("correlationId") { $0.string }
    return Job(
      id: id, kind: kind, lane: lane,
      priority: try job.require("priority") {
        $0.int.flatMap { UInt8(exactly: $0) }.flatMap(Priority.init)
      },
      payload: Payload(try job.require("payload") { $0.binary }),
      contentType: try job.optional("contentType") { $0.string },
      contentEncoding: try job.optional("contentEncoding") { $0.string },
      reply: replyTo.map { ReplyAddress(queue: $0, correlationID: correlationID) },
      submittedAt: submittedAt, requires: requires,
      timeout: try job.optional("timeoutMs") { $0.int64 }.map { .milliseconds($0) },
      deadline: try job.optional("deadline") { $0.wallTime },
      retry: RetryWish(
        triesMax: try job.optional("triesMax") { $0.int },
        backoff: try job.optional("backoff") { $0.string.flatMap { Backoff($0) } }),
      retryOf: retryOf, traceparent: try job.optional("traceparent") { $0.string },
      tracestate: try job.optional("tracestate") { $0.string })
  }

  /// The field `requires` of the document around it.
  static func labels(_ document: BSONDocument) throws(BSONError) -> [Label] {
    let texts = try document.document("requires")?.values.compactMap(\.string) ?? []
    guard let labels = Label.list(texts.joined(separator: ",")) else {
      throw BSONError("field \"requires\" is unreadable")
    }
    return labels
  }
}
