package import BelfryAPI
internal import Foundation

/// A job as its producer describes it. What is left out has the cluster's defaults.
public struct NewJob: Sendable {
  public enum Priority: UInt32, Sendable {
    case normal = 0
    case high = 1
    case low = 2
  }

  /// 1 to 64 of `[A-Za-z0-9._-]`; nil: the coordinator makes one. Bring your own where a submit may
  /// have to be repeated: the id is the idempotency key.
  public var id: String?
  /// Which handler runs it: `[A-Za-z0-9._:-]{1,128}`.
  public var kind: String
  public var payload: [UInt8]
  public var contentType: String?
  public var lane = "default"
  public var priority = Priority.normal
  /// Tries in all; nil: 3.
  public var triesMax: Int?
  /// `exp:1s:2:1h` (first, factor, cap) or `fixed:5s`; nil: `exp:1s:2:1h`.
  public var backoff: String?
  /// For one attempt.
  public var timeout: Duration?
  /// The job as a whole must have run by then, as Unix time in milliseconds; else it is `expired`.
  public var deadlineMilliseconds: Int64?
  /// Not before then, as Unix time in milliseconds.
  public var runAtMilliseconds: Int64?
  /// Labels that the worker must have, such as `["gpu": "a100"]`.
  public var requires: [String: String] = [:]
  /// This id may have been submitted before: look first.
  public var isRepeat = false
  /// In place of an id: the same key on the same lane is the same job, for as long as outcomes are kept
  /// (30 days unless configured). Two producers at once get one job with one outcome; its handler may
  /// run twice.
  public var idempotencyKey: String?
  /// A queue of RabbitMQ that gets the result.
  public var replyTo: String?
  public var correlationID: String?

  public init(kind: String, payload: [UInt8] = [], id: String? = nil) {
    self.kind = kind
    self.payload = payload
    self.id = id
  }

  package var spec: Belfry_V1_JobSpec {
    var spec = Belfry_V1_JobSpec()
    spec.id = id ?? ""
    spec.kind = kind
    spec.lane = lane
    spec.payload = Data(payload)
    spec.contentType = contentType ?? ""
    spec.priority = priority.rawValue
    spec.triesMax = UInt32(clamping: triesMax ?? 0)
    spec.backoff = backoff ?? ""
    spec.timeoutMs = timeout.map { UInt64(clamping: Int64($0 / .milliseconds(1))) } ?? 0
    spec.deadlineMs = deadlineMilliseconds ?? 0
    spec.runAtMs = runAtMilliseconds ?? 0
    spec.requires = requires.sorted { $0.key < $1.key }.map { key, value in
      var label = Belfry_V1_Label()
      label.key = key
      label.value = value
      return label
    }
    spec.repeat = isRepeat
    spec.idempotencyKey = idempotencyKey ?? ""
    spec.replyTo = replyTo ?? ""
    spec.correlationID = correlationID ?? ""
    return spec
  }
}

/// The answer for one job of many.
public enum SubmitVerdict: Sendable, Equatable {
  case accepted(id: String)
  case refused(id: String, BelfryError)
}

/// What became of a cancel.
public enum CancelAnswer: Sendable, Equatable {
  /// The job's outcome is `cancelled`. A handler that runs is told to end.
  case cancelled
  /// The same, though neither this coordinator nor the store had seen the job: it may wait in its queue,
  /// or not have been submitted yet.
  case cancelledUnseen
  /// It had an outcome already.
  case finishedFirst(JobStatus)
}
