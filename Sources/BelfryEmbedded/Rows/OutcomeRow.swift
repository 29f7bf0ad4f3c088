internal import BelfryCore

/// An outcome as a row of `outcomes`, and back.
enum OutcomeRow {
  /// In the order of `values`; the first column that is read is `id`.
  static let columns = """
    id, state, reason, kind, lane, attempt, tries, losses, assignment, worker, submitted_at, \
    started_at, finished_at, content_type, result, error_code, error_message, error_stderr, \
    history, retry_of, requires, job, result_chunks, result_size, recorded_at
    """

  static let insert = """
    INSERT OR IGNORE INTO outcomes (\(columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, \
    ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)
    """

  /// A document of MongoDB may have so much; the two must not differ in what they take.
  static let bytesMax = 16 << 20

  static func size(_ outcome: Outcome) -> Int {
    (outcome.result?.bytes.size ?? 0) + (outcome.job?.payload.size ?? 0)
      + (outcome.error?.stderr.utf8.count ?? 0)
  }

  /// - Parameter recordedAt: by the store's clock: a worker's may be wrong, and keeping outcomes must not
  ///   depend on it.
  static func values(_ outcome: Outcome, recordedAt: WallTime) -> [SQLValue] {
    [
      .text(outcome.id.text), .text(outcome.state.rawValue), .text(outcome.reason),
      .text(outcome.kind?.text), .text(outcome.lane.text), .int(outcome.attempt),
      .int(outcome.tries), .int(outcome.losses), .text(outcome.assignment?.description),
      .text(outcome.worker?.text), .int(outcome.submittedAt?.milliseconds),
      .int(outcome.startedAt?.milliseconds), .int(outcome.finishedAt.milliseconds),
      .text(outcome.result?.contentType), .bytes(outcome.result?.bytes.bytes),
      .text(outcome.error?.code), .text(outcome.error?.message), .text(outcome.error?.stderr),
      .bytes(outcome.history.isEmpty ? nil : HistoryRow.pack(outcome.history)),
      .text(outcome.retryOf?.text),
      .text(outcome.requires.map(\.description).joined(separator: ",")),
      .bytes(outcome.job.map(JobRow.pack)), .int(outcome.result?.chunks.map { Int64($0.count) }),
      .int(outcome.result?.chunks.map { Int64($0.size) }), .int(recordedAt.milliseconds),
    ]
  }

  /// - Parameters:
  ///   - withResult: false: the result stays where it is.
  ///   - withJob: what was asked for is read as well.
  static func read(
    _ row: Statement, withResult: Bool, withJob: Bool
  ) throws(SQLiteFailure) -> Outcome {
    guard let id = JobID(row.text(0)), let state = Outcome.State(rawValue: row.text(1)),
      let lane = Lane(row.text(4)), let requires = Label.list(row.text(20))
    else { throw Unpacker.damaged }
    var outcome = Outcome(
      id: id, state: state, reason: row.text(2), kind: row.optionalText(3).flatMap { Kind($0) },
      lane: lane, attempt: Int(row.int(5)), tries: Int(row.int(6)), losses: Int(row.int(7)),
      assignment: row.optionalText(8).flatMap { AssignmentID($0) },
      worker: row.optionalText(9).flatMap { NodeName($0) },
      submittedAt: row.optionalInt(10).map { WallTime(milliseconds: $0) },
      startedAt: row.optionalInt(11).map { WallTime(milliseconds: $0) },
      finishedAt: WallTime(milliseconds: row.int(12)),
      retryOf: row.optionalText(19).flatMap { JobID($0) }, requires: requires)
    if withResult, let contentType = row.optionalText(13) {
      if let count = row.optionalInt(22) {
        outcome.result = JobResult(
          contentType: contentType,
          chunks: ResultChunks(count: Int(count), size: Int(row.int(23))))
      } else {
        outcome.result = JobResult(contentType: contentType, bytes: Payload(row.bytes(14)))
      }
    }
    if let code = row.optionalText(15) {
      outcome.error = JobError(code: code, message: row.text(16), stderr: row.text(17))
    }
    if let history = row.optionalBytes(18) { outcome.history = try HistoryRow.unpack(history) }
    if withJob, let job = row.optionalBytes(21), let kind = outcome.kind {
      outcome.job = try JobRow.unpack(
        job, id: id, kind: kind, lane: lane, submittedAt: outcome.submittedAt,
        requires: requires, retryOf: outcome.retryOf)
    }
    return outcome
  }
}

/// A history in one column.
enum HistoryRow {
  static func pack(_ lines: [HistoryLine]) -> [UInt8] {
    var packer = Packer()
    packer.int(lines.count)
    for line in lines {
      packer.text(line.assignment.description)
      packer.int(line.attempt)
      packer.text(line.what.rawValue)
      packer.text(line.worker.text)
      packer.text(line.boot.description)
      packer.bool(line.started)
      packer.bool(line.beside)
      packer.int(line.at.milliseconds)
      packer.text(line.code)
      packer.text(line.message)
      packer.text(line.stderr)
    }
    return packer.bytes
  }

  static func unpack(_ bytes: [UInt8]) throws(SQLiteFailure) -> [HistoryLine] {
    var unpacker = Unpacker(bytes)
    var lines: [HistoryLine] = []
    for _ in 0..<(try unpacker.count()) {
      lines.append(
        HistoryLine(
          assignment: try unpacker.value { AssignmentID($0) }, attempt: Int(try unpacker.int()),
          what: try unpacker.value { HistoryLine.What(rawValue: $0) },
          worker: try unpacker.value { NodeName($0) }, boot: try unpacker.value { BootID($0) },
          started: try unpacker.bool(), beside: try unpacker.bool(),
          at: WallTime(milliseconds: try unpacker.int()), code: try unpacker.text(),
          message: try unpacker.text(), stderr: try unpacker.text()))
    }
    return lines
  }
}

/// What was asked for in one column, but for what the row around it has in columns of its own.
enum JobRow {
  static func pack(_ job: Job) -> [UInt8] {
    var packer = Packer()
    packer.int(Int64(job.priority.rawValue))
    packer.bytes(job.payload.bytes)
    packer.text(job.contentType)
    packer.text(job.contentEncoding)
    packer.text(job.reply?.queue)
    packer.text(job.reply?.correlationID)
    packer.int(job.timeout?.millisecondsClamped)
    packer.int(job.deadline?.milliseconds)
    packer.int(job.retry.triesMax.map(Int64.init))
    packer.text(job.retry.backoff?.text)
    packer.text(job.traceparent)
    packer.text(job.tracestate)
    return packer.bytes
  }

  static func unpack(
    _ bytes: [UInt8], id: JobID, kind: Kind, lane: Lane, submittedAt: WallTime? = nil,
    requires: [Label], retryOf: JobID? = nil
  ) throws(SQLiteFailure) -> Job {
    var unpacker = Unpacker(bytes)
    guard let priority = UInt8(exactly: try unpacker.int()).flatMap(Priority.init) else {
      throw Unpacker.damaged
    }
    let payload = Payload(try unpacker.byteArray())
    let contentType = try unpacker.optionalText()
    let contentEncoding = try unpacker.optionalText()
    let queue = try unpacker.optionalText()
    let correlationID = try unpacker.optionalText()
    return Job(
      id: id, kind: kind, lane: lane, priority: priority, payload: payload,
      contentType: contentType, contentEncoding: contentEncoding,
      reply: queue.map { ReplyAddress(queue: $0, correlationID: correlationID) },
      submittedAt: submittedAt, requires: requires,
      timeout: try unpacker.optionalInt().map { .milliseconds($0) },
      deadline: try unpacker.optionalInt().map { WallTime(milliseconds: $0) },
      retry: RetryWish(
        triesMax: try unpacker.optionalInt().map { Int($0) },
        backoff: try unpacker.optionalText().flatMap { Backoff($0) }),
      retryOf: retryOf, traceparent: try unpacker.optionalText(),
      tracestate: try unpacker.optionalText())
  }
}
