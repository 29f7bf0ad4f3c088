internal import BelfryCore
internal import Synchronization

/// One run of a command on its way through the engine: what to start, who waits for the result, and
/// whether it is still wanted. Shared by the caller, the spawner and the reactor.
final class CommandRun: Sendable {
  let path: String
  let words: [String]
  let environment: [String]
  let payload: Payload
  let timeout: Duration?
  let settings: CommandSettings
  let log: @Sendable (CommandLogLine) -> Void
  let report: @Sendable (JobProgress) -> Void

  private struct State {
    var waiter: CheckedContinuation<CommandResult, Never>?
    var isStopRequested = false
  }

  private let state = Mutex(State())

  init(
    path: String, words: [String], environment: [String], payload: Payload, timeout: Duration?,
    settings: CommandSettings, log: @escaping @Sendable (CommandLogLine) -> Void,
    report: @escaping @Sendable (JobProgress) -> Void
  ) {
    self.path = path
    self.words = words
    self.environment = environment
    self.payload = payload
    self.timeout = timeout
    self.settings = settings
    self.log = log
    self.report = report
  }

  var isStopRequested: Bool { state.withLock { $0.isStopRequested } }

  func awaited(by waiter: CheckedContinuation<CommandResult, Never>) {
    state.withLock { $0.waiter = waiter }
  }

  func requestStop() {
    state.withLock { $0.isStopRequested = true }
  }

  /// Called once.
  func finish(_ result: CommandResult) {
    let waiter = state.withLock { $0.waiter.take() }
    precondition(waiter != nil, "a run of \(path) finished twice")
    waiter?.resume(returning: result)
  }

  /// It ended before there was a process.
  func finish(unstarted ending: CommandResult.Ending) {
    finish(CommandResult(ending: ending, errorTail: "", duration: .zero))
  }
}
