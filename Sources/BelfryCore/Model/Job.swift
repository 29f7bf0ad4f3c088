/// A payload's handle: the bytes are shared, never copied, and never looked at by the core.
package struct Payload: Sendable, Equatable {
  package let bytes: [UInt8]
  package init(_ bytes: [UInt8]) { self.bytes = bytes }
  package var size: Int { bytes.count }
  package static let empty = Payload([])
}

/// Order among a lane's queues; `again` (retries) comes before all of them.
package enum Priority: UInt8, Sendable, CaseIterable {
  case normal = 0
  case high = 1
  case low = 2
}

/// Key and value that a job requires and a worker has.
package struct Label: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let key: String
  package let value: String

  package init?(key: String, value: String) {
    guard Grammar.isLabelPart(key), Grammar.isLabelPart(value) else { return nil }
    self.key = key
    self.value = value
  }

  package static func < (a: Self, b: Self) -> Bool { (a.key, a.value) < (b.key, b.value) }
  package var description: String { "\(key)=\(value)" }

  /// Reads `gpu=a100,zone=b`; nil when a part is no label. The result is sorted: two texts that
  /// mean the same are equal.
  package static func list(_ text: String) -> [Label]? {
    var labels: [Label] = []
    for part in text.split(separator: ",") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, let label = Label(key: String(pair[0]), value: String(pair[1]))
      else { return nil }
      labels.append(label)
    }
    return labels.sorted()
  }
}

/// Where a producer wants the result: a queue, and its own id for the answer.
package struct ReplyAddress: Hashable, Sendable {
  package let queue: String
  package let correlationID: String?

  package init(queue: String, correlationID: String?) {
    self.queue = queue
    self.correlationID = correlationID
  }
}

/// What a producer asked for: constant through all attempts of a job, so it is one shared object.
package final class Job: Sendable {
  package let id: JobID
  package let kind: Kind
  package let lane: Lane
  package let priority: Priority
  package let payload: Payload
  package let contentType: String?
  package let contentEncoding: String?
  package let reply: ReplyAddress?
  package let submittedAt: WallTime?
  /// Sorted.
  package let requires: [Label]
  /// For one attempt; nil: the worker's default.
  package let timeout: Duration?
  /// For the job as a whole; then the outcome is `expired`.
  package let deadline: WallTime?
  package let retry: RetryWish
  package let retryOf: JobID?
  package let traceparent: String?
  package let tracestate: String?

  package init(
    id: JobID, kind: Kind, lane: Lane = .default, priority: Priority = .normal,
    payload: Payload = .empty, contentType: String? = nil, contentEncoding: String? = nil,
    reply: ReplyAddress? = nil, submittedAt: WallTime? = nil, requires: [Label] = [],
    timeout: Duration? = nil, deadline: WallTime? = nil, retry: RetryWish = RetryWish(),
    retryOf: JobID? = nil, traceparent: String? = nil, tracestate: String? = nil
  ) {
    self.id = id
    self.kind = kind
    self.lane = lane
    self.priority = priority
    self.payload = payload
    self.contentType = contentType
    self.contentEncoding = contentEncoding
    self.reply = reply
    self.submittedAt = submittedAt
    self.requires = requires
    self.timeout = timeout
    self.deadline = deadline
    self.retry = retry
    self.retryOf = retryOf
    self.traceparent = traceparent
    self.tracestate = tracestate
  }
}

extension Job: Equatable {
  package static func == (a: Job, b: Job) -> Bool {
    a === b
      || (a.id == b.id && a.kind == b.kind && a.lane == b.lane && a.priority == b.priority
        && a.payload == b.payload && a.contentType == b.contentType
        && a.contentEncoding == b.contentEncoding && a.reply == b.reply
        && a.submittedAt == b.submittedAt && a.requires == b.requires && a.timeout == b.timeout
        && a.deadline == b.deadline && a.retry == b.retry && a.retryOf == b.retryOf
        && a.traceparent == b.traceparent && a.tracestate == b.tracestate)
  }
}

/// A job as one message carries it: the job, and what this message knows of its past.
package struct JobMessage: Sendable {
  package var job: Job
  /// A label, from 1; never compared except to find out which message is a successor.
  package var attempt: Int
  package var history: History
  /// Not before this time; nil once it was judged due.
  package var runAt: WallTime?
  /// This id may be known already: look first.
  package var isRepeat: Bool

  package init(
    job: Job, attempt: Int = 1, history: History = History(), runAt: WallTime? = nil,
    isRepeat: Bool = false
  ) {
    self.job = job
    self.attempt = attempt
    self.history = history
    self.runAt = runAt
    self.isRepeat = isRepeat
  }
}
