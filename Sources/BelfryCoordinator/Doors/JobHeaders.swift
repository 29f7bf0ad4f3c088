internal import BelfryCore

/// The names of a job message's headers: what producers write and retries carry.
enum JobHeader {
  static let attempt = "belfry-attempt"
  static let tries = "belfry-tries"
  static let triesMax = "belfry-tries-max"
  static let backoff = "belfry-backoff"
  static let timeout = "belfry-timeout-ms"
  static let deadline = "belfry-deadline"
  static let runAt = "belfry-run-at"
  static let requires = "belfry-requires"
  static let isRepeat = "belfry-repeat"
  static let retryOf = "belfry-retry-of"
  static let history = "belfry-history"
  static let traceparent = "traceparent"
  static let tracestate = "tracestate"
  static let reason = "belfry-reason"
  static let state = "belfry-state"
  static let error = "belfry-error"
  static let resultChunks = "belfry-result-chunks"
  static let resultSize = "belfry-result-size"
  static let assignment = "belfry-assignment"
}

/// A job as a message on its lane: the inverse of `JobDoor`.
extension QueueMessage {
  init(_ message: JobMessage) {
    let job = message.job
    self.init(
      messageID: job.id.text, type: job.kind.text, contentType: job.contentType,
      contentEncoding: job.contentEncoding, replyTo: job.reply?.queue,
      correlationID: job.reply?.correlationID,
      timestamp: job.submittedAt.map { $0.milliseconds / 1_000 }, body: job.payload)
    addHeaders(of: message)
  }

  private mutating func addHeaders(of message: JobMessage) {
    let job = message.job
    if message.attempt > 1 { add(JobHeader.attempt, .int(Int64(message.attempt))) }
    if let triesMax = job.retry.triesMax { add(JobHeader.triesMax, .int(Int64(triesMax))) }
    if let backoff = job.retry.backoff { add(JobHeader.backoff, .text(backoff.text)) }
    if let timeout = job.timeout {
      add(JobHeader.timeout, .int(timeout.millisecondsClamped))
    }
    if let deadline = job.deadline { add(JobHeader.deadline, Self.timestamp(deadline)) }
    if let runAt = message.runAt { add(JobHeader.runAt, Self.timestamp(runAt)) }
    if !job.requires.isEmpty {
      add(JobHeader.requires, .text(job.requires.map(\.description).joined(separator: ",")))
    }
    if let retryOf = job.retryOf { add(JobHeader.retryOf, .text(retryOf.text)) }
    if message.isRepeat { add(JobHeader.isRepeat, .bool(true)) }
    let (history, cut) = HistoryJSON.encode(message.history)
    if cut > 0 { add(JobHeader.tries, .int(Int64(cut))) }
    if let history { add(JobHeader.history, .text(history)) }
    if let traceparent = job.traceparent { add(JobHeader.traceparent, .text(traceparent)) }
    if let tracestate = job.tracestate { add(JobHeader.tracestate, .text(tracestate)) }
  }

  private mutating func add(_ name: String, _ value: HeaderValue) {
    headers.append(Header(name, value))
  }

  /// AMQP's timestamps are whole seconds: rounded up, so that nothing runs or expires early.
  private static func timestamp(_ time: WallTime) -> HeaderValue {
    .timestamp((time.milliseconds + 999) / 1_000)
  }
}
