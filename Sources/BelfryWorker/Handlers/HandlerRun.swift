internal import BelfryCore
internal import Logging
internal import Synchronization

/// Runs one attempt and says how it ended, in the core's words.
struct HandlerRun: Sendable {
  let assign: Assign
  let handler: JobHandler
  /// Of the attempt: the job's own, else the worker's default; cut to what is left of the deadline.
  let timeout: Duration?
  let logger: Logger
  let now: @Sendable () -> WallTime
  let report: @Sendable (JobProgress) -> Void
  /// Told the end of what a command writes to standard error, should the worker die under it.
  let lastWords: LastWords?

  init(
    _ assign: Assign, _ handler: JobHandler, defaultTimeout: Duration?, logger: Logger,
    lastWords: LastWords?, now: @escaping @Sendable () -> WallTime,
    report: @escaping @Sendable (JobProgress) -> Void
  ) {
    self.assign = assign
    self.handler = handler
    let own = assign.job.timeout ?? defaultTimeout
    timeout = [own, assign.left].compactMap { $0 }.min()
    self.logger = logger
    self.now = now
    self.report = report
    self.lastWords = lastWords
  }

  func run() async -> WorkerCore.HandlerResult {
    let startedAt = now()
    lastWords?.began(assign.assignment)
    defer { lastWords?.ended(assign.assignment) }
    switch handler {
    case .swift(let body): return await run(body, startedAt)
    case .command(let command): return await run(command, startedAt)
    }
  }

  private func run(
    _ body: @Sendable (HandlerCall) async throws -> JobResult, _ startedAt: WallTime
  ) async -> WorkerCore.HandlerResult {
    let call = HandlerCall(
      job: assign.job, assignment: assign.assignment, attempt: assign.attempt, timeout: timeout,
      report: report)
    do {
      let result = try await body(call)
      return .succeeded(result, startedAt: startedAt, finishedAt: now())
    } catch is CancellationError where Task.isCancelled {
      return .ended(startedAt: startedAt, finishedAt: now())
    } catch {
      return .failed(Self.failure(error, startedAt, now()))
    }
  }

  private func run(
    _ command: CommandHandler, _ startedAt: WallTime
  ) async -> WorkerCore.HandlerResult {
    var invocation = CommandInvocation(
      job: assign.job, assignment: assign.assignment, attempt: assign.attempt, timeout: timeout)
    invocation.report = report
    let (logger, id, lastWords, assignment) = (logger, assign.job.id, lastWords, assign.assignment)
    let tail = Mutex(ByteTail(bytesMax: LastWords.tailBytesMax))
    let result = await command.run(invocation) { line in
      if let lastWords {
        tail.withLock { tail in
          Array((line.text + "\n").utf8).withUnsafeBytes { tail.feed($0) }
          lastWords.wrote(tail.bytes, assignment)
        }
      }
      logger.info(
        "job output", metadata: ["job": "\(id)", "line": "\(line.text)", "cut": "\(line.isCut)"])
    }
    let finishedAt = now()
    if let failure = result.failure(startedAt: startedAt, finishedAt: finishedAt) {
      return .failed(failure)
    }
    if result.verdict == .stopped { return .ended(startedAt: startedAt, finishedAt: finishedAt) }
    return .succeeded(
      JobResult(bytes: result.output), startedAt: startedAt, finishedAt: finishedAt)
  }

  /// The attempt ran into its time-out.
  static func timedOut(
    after timeout: Duration, _ startedAt: WallTime, _ finishedAt: WallTime
  ) -> Failure {
    Failure(
      isTimeout: true,
      error: JobError(
        code: "timeout", message: "the handler ran longer than \(timeout.shortText)"),
      startedAt: startedAt, finishedAt: finishedAt)
  }

  private static func failure(
    _ error: any Error, _ startedAt: WallTime, _ finishedAt: WallTime
  ) -> Failure {
    let named = error as? HandlerError
    return Failure(
      neverAgain: named?.neverAgain ?? false,
      error: JobError(
        code: named?.code ?? "error", message: String("\(error)".prefix(1_024))),
      startedAt: startedAt, finishedAt: finishedAt)
  }
}
