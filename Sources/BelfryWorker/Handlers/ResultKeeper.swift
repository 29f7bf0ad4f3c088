package import BelfryCore
package import Logging

/// Keeps a result that is too large for an outcome in the store, in chunks, before anybody hears that
/// the handler has succeeded: so an outcome never names a chunk that is not there.
///
/// A worker that dies in between leaves chunks that no outcome names; the coordinators remove them.
package struct ResultKeeper: Sendable {
  /// Written at once: 8 MiB.
  static let portion = 8
  static let pauseFirst = Duration.milliseconds(200)
  static let pauseMax = Duration.seconds(5)

  /// The most that a result may have, in bytes, where this worker records outcomes itself.
  let bytesMax: Int
  let insert: @Sendable ([ResultChunk]) async -> [InsertAnswer]
  let logger: Logger

  package init(
    bytesMax: Int, logger: Logger,
    insert: @escaping @Sendable ([ResultChunk]) async -> [InsertAnswer]
  ) {
    self.bytesMax = bytesMax
    self.logger = logger
    self.insert = insert
  }

  /// How the run ended, once its result is where it is to be. A write whose answer does not come is
  /// repeated until it does; cancelling the task ends that.
  package func keep(
    _ ended: WorkerCore.HandlerResult, of assign: Assign, hasStore: Bool
  ) async -> WorkerCore.HandlerResult {
    guard case .succeeded(let result, let startedAt, let finishedAt) = ended,
      result.bytes.size > JobResult.inlineBytesMax
    else { return ended }
    let limit = hasStore ? bytesMax : JobResult.inlineBytesMax
    guard result.bytes.size <= limit else {
      var why = "the result has \(result.bytes.size) bytes, the limit is \(limit)"
      if !hasStore { why += " for a worker that has no store to keep it in" }
      return .failed(Self.failure("result-too-large", why, startedAt, finishedAt))
    }
    let chunks = Self.chunks(of: result.bytes, assign)
    for start in stride(from: 0, to: chunks.count, by: Self.portion) {
      let portion = Array(chunks[start..<min(start + Self.portion, chunks.count)])
      switch await keep(portion) {
      case .kept: continue
      case .cancelled: return .ended(startedAt: startedAt, finishedAt: finishedAt)
      case .refused(let why):
        return .failed(Self.failure("unrecordable", why, startedAt, finishedAt))
      }
    }
    return .succeeded(
      JobResult(
        contentType: result.contentType,
        chunks: ResultChunks(count: chunks.count, size: result.bytes.size)),
      startedAt: startedAt, finishedAt: finishedAt)
  }

  private enum Verdict {
    case kept, cancelled
    case refused(String)
  }

  private func keep(_ portion: [ResultChunk]) async -> Verdict {
    var left = portion
    var pause = Self.pauseFirst
    while !Task.isCancelled {
      let answers = await insert(left)
      var unsure: [ResultChunk] = []
      var why = ""
      for (chunk, answer) in zip(left, answers) {
        switch answer {
        case .inserted, .duplicate: continue
        case .refused(let reason): return .refused(reason)
        case .unknown(let reason):
          unsure.append(chunk)
          why = reason
        }
      }
      guard let first = unsure.first else { return .kept }
      logger.warning(
        "chunks of a result are not kept yet",
        metadata: ["job": "\(first.id.job)", "chunks": "\(unsure.count)", "why": "\(why)"])
      left = unsure
      // Cut short only when the run is to end.
      try? await Task.sleep(for: pause)
      pause = min(pause * 2, Self.pauseMax)
    }
    return .cancelled
  }

  private static func chunks(of result: Payload, _ assign: Assign) -> [ResultChunk] {
    let size = JobResult.inlineBytesMax
    return stride(from: 0, to: result.size, by: size).enumerated().map { number, start in
      ResultChunk(
        id: ChunkID(job: assign.job.id, assignment: assign.assignment, number: number),
        bytes: Payload(Array(result.bytes[start..<min(start + size, result.size)])))
    }
  }

  private static func failure(
    _ code: String, _ message: String, _ startedAt: WallTime, _ finishedAt: WallTime
  ) -> Failure {
    Failure(
      neverAgain: true, error: JobError(code: code, message: String(message.prefix(1_024))),
      startedAt: startedAt, finishedAt: finishedAt)
  }
}
