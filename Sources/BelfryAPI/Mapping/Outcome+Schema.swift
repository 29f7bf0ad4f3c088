package import BelfryCore
internal import Foundation

/// Outcomes, histories and failures between the core and the schema.
extension Belfry_V1_Outcome {
  package init(_ outcome: Outcome) {
    self.init()
    id = outcome.id.text
    state = outcome.state.rawValue
    reason = outcome.reason
    kind = outcome.kind?.text ?? ""
    lane = outcome.lane.text
    attempt = UInt32(clamping: outcome.attempt)
    tries = UInt32(clamping: outcome.tries)
    losses = UInt32(clamping: outcome.losses)
    assignment = outcome.assignment?.description ?? ""
    worker = outcome.worker?.text ?? ""
    submittedAtMs = outcome.submittedAt.wireMilliseconds
    startedAtMs = outcome.startedAt.wireMilliseconds
    finishedAtMs = outcome.finishedAt.milliseconds
    if let value = outcome.result {
      contentType = value.contentType
      result = Data(value.bytes.bytes)
      resultSize = UInt64(value.size)
      resultChunks = UInt32(clamping: value.chunks?.count ?? 0)
    }
    if let error = outcome.error {
      errorCode = error.code
      errorMessage = error.message
      errorStderr = error.stderr
    }
    history = outcome.history.map(Belfry_V1_HistoryLine.init)
    retryOf = outcome.retryOf?.text ?? ""
    requires = outcome.requires.map(Belfry_V1_Label.init)
  }

  package func outcome() throws(MappingError) -> Outcome {
    guard let state = Outcome.State(rawValue: state) else { throw MappingError("state", state) }
    var lines: [HistoryLine] = []
    for line in history { lines.append(try line.line()) }
    let requires = try Field.labels(self.requires)
    let error =
      errorCode.isEmpty && errorMessage.isEmpty
      ? nil : JobError(code: errorCode, message: errorMessage, stderr: errorStderr)
    return Outcome(
      id: try Field.job(id), state: state, reason: reason,
      kind: kind.isEmpty ? nil : try Field.kind(kind), lane: try Field.lane(lane),
      attempt: Int(attempt), tries: Int(tries), losses: Int(losses),
      assignment: assignment.isEmpty ? nil : try Field.assignment(assignment),
      worker: worker.isEmpty ? nil : try Field.node(worker),
      submittedAt: Field.time(submittedAtMs), startedAt: Field.time(startedAtMs),
      finishedAt: WallTime(milliseconds: finishedAtMs), result: try value(), error: error,
      history: lines, retryOf: retryOf.isEmpty ? nil : try Field.job(retryOf), requires: requires)
  }
}

extension Belfry_V1_Outcome {
  private func value() throws(MappingError) -> JobResult? {
    guard resultChunks == 0 else {
      guard result.isEmpty, let size = Int(exactly: resultSize) else {
        throw MappingError("result", "in chunks, and here as well")
      }
      return JobResult(
        contentType: contentType, chunks: ResultChunks(count: Int(resultChunks), size: size))
    }
    if contentType.isEmpty, result.isEmpty { return nil }
    return JobResult(contentType: contentType, bytes: Payload([UInt8](result)))
  }
}

extension Belfry_V1_HistoryLine {
  package init(_ line: HistoryLine) {
    self.init()
    assignment = line.assignment.description
    attempt = UInt32(clamping: line.attempt)
    what = line.what.rawValue
    worker = line.worker.text
    boot = line.boot.description
    started = line.started
    beside = line.beside
    atMs = line.at.milliseconds
    code = line.code
    message = line.message
    stderr = line.stderr
  }

  package func line() throws(MappingError) -> HistoryLine {
    guard let what = HistoryLine.What(rawValue: what) else { throw MappingError("what", what) }
    return HistoryLine(
      assignment: try Field.assignment(assignment), attempt: Int(attempt), what: what,
      worker: try Field.node(worker), boot: try Field.boot(boot), started: started,
      beside: beside, at: WallTime(milliseconds: atMs), code: code, message: message, stderr: stderr
    )
  }
}

extension Belfry_V1_Failure {
  init(_ failure: Failure) {
    self.init()
    timeout = failure.isTimeout
    neverAgain = failure.neverAgain
    code = failure.error.code
    message = failure.error.message
    stderr = failure.error.stderr
    startedAtMs = failure.startedAt.milliseconds
    finishedAtMs = failure.finishedAt.milliseconds
  }

  func failure() -> Failure {
    Failure(
      isTimeout: timeout, neverAgain: neverAgain,
      error: JobError(code: code, message: message, stderr: stderr),
      startedAt: WallTime(milliseconds: startedAtMs),
      finishedAt: WallTime(milliseconds: finishedAtMs))
  }
}
