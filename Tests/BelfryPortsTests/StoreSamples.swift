import BelfryCore

/// Outcomes, publishes and alerts to test stores with.
enum Sample {
  static let boot = BootID(high: 0x0123_4567_89AB_7DEF, low: 0x8123_4567_89AB_CDEF)

  static func job(_ number: Int) -> JobID { JobID(trusted: "job-\(number)") }

  static func outcome(_ number: Int, worker: String = "w1") -> Outcome {
    Outcome(
      id: job(number), state: .succeeded, kind: Kind("print"), lane: .default, attempt: 1,
      worker: NodeName(worker), finishedAt: WallTime(milliseconds: 1_700_000_000_000),
      result: JobResult(bytes: Payload(Array("result \(number)".utf8))))
  }

  static func outcomes(_ numbers: Range<Int>, worker: String = "w1") -> [Outcome] {
    numbers.map { outcome($0, worker: worker) }
  }

  /// Every field says something, and nothing equals its default.
  static let full = Outcome(
    id: JobID(trusted: "full.one_2-3"), state: .failed, reason: "error", kind: Kind("mail:send"),
    lane: Lane(trusted: "mail"), attempt: 3, tries: 2, losses: 1,
    assignment: AssignmentID(boot: boot, counter: .max), worker: NodeName("w-2"),
    submittedAt: WallTime(milliseconds: 1_700_000_000_001),
    startedAt: WallTime(milliseconds: 1_700_000_000_002),
    finishedAt: WallTime(milliseconds: 1_700_000_000_003),
    result: JobResult(contentType: "text/plain", bytes: Payload([0, 1, 0xFF, 0x24])),
    error: JobError(code: "E42", message: "größer\u{0}$where", stderr: "line\n"),
    history: [
      HistoryLine(
        assignment: AssignmentID(boot: boot, counter: 1), attempt: 1, what: .failed,
        worker: NodeName(trusted: "w1"), boot: boot, at: WallTime(milliseconds: 1_699_999_999_999),
        code: "E41", message: "no"),
      HistoryLine(
        assignment: AssignmentID(boot: boot, counter: 2), attempt: 2, what: .lost,
        worker: NodeName(trusted: "w3"), boot: boot, started: false, beside: true,
        at: WallTime(milliseconds: -1)),
    ],
    retryOf: JobID(trusted: "before"), requires: Label.list("gpu=a100,zone=b") ?? [])

  /// What need not be there is not.
  static let bare = Outcome(
    id: JobID(trusted: "bare"), state: .expired, reason: "deadline", kind: nil, lane: .default,
    attempt: 1 << 40, finishedAt: WallTime(milliseconds: .min))

  static func owed(_ number: UInt64, dueIn: Duration = .zero, now: WallTime) -> OwedPublish {
    OwedPublish(
      id: OwedID(boot: boot, number: number), what: .job, job: job(Int(number)), attempt: 2,
      due: now + dueIn, exchange: "", routingKey: "belfry.again.default",
      message: QueueMessage(
        messageID: "job-\(number)", type: "print", contentType: "text/plain",
        contentEncoding: "identity", replyTo: "answers", correlationID: "c.1", timestamp: -5,
        headers: [
          Header("belfry-repeat", .bool(true)), Header("$where.a", .text("$$NOW")),
          Header("n", .int(.max)), Header("t", .timestamp(.min)), Header("o", .other("array")),
        ], body: Payload([1, 2, 0])))
  }

  static func alert(_ subject: String = "w1", firedAt: Int64 = 1_700_000_000_000) -> Alert {
    Alert(
      rule: "node-lost", subject: subject, severity: .critical, summary: "worker w1 lost",
      why: "no heartbeat for 4 s", firedAt: WallTime(milliseconds: firedAt), jobsMoved: 3)
  }

  static func resolved(_ subject: String = "w1") -> Alert {
    var alert = alert(subject)
    alert.state = .resolved
    alert.why = "it is back"
    alert.resolvedAt = WallTime(milliseconds: 1_700_000_060_000)
    return alert
  }
}
