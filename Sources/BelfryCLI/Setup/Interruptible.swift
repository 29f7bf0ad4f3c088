internal import ArgumentParser
internal import UnixSignals

/// Runs what has started something that must not outlive it: SIGINT or SIGTERM cancels the body, which ends
/// it, and then leaves with the signal's status.
func interruptible<Result: Sendable>(
  remark: String, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result?.self) { tasks in
    tasks.addTask { try await body() }
    tasks.addTask {
      for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
        note(remark)
        throw ExitCode(signal == .sigint ? 130 : 143)
      }
      return nil
    }
    defer { tasks.cancelAll() }
    while let ended = try await tasks.next() {
      if let ended { return ended }
    }
    throw CancellationError()
  }
}
