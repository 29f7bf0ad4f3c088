internal import NIOCore

/// The task that serves a call: begun on the loop, cancelled when the call ends before it, counted by
/// the connection until it has really ended.
extension ServerCall {
  /// Runs a task for this call alone.
  /// - Parameter work: its error decides the call; when it returns the call must have been answered.
  func run(_ work: @escaping @Sendable () async throws -> Void) {
    taskBegan()
    let operation: @Sendable () async -> Void = {
      var status = RPCStatus.ok
      do { try await work() } catch { status = RPCStatus(handlerError: error) }
      self.endTask(status)
    }
    let executor = connection.executor
    let task =
      if #available(macOS 26.0, *) {
        Task.immediate(executorPreference: executor, operation: operation)
      } else {
        Task(executorPreference: executor, operation: operation)
      }
    // It may have ended already.
    if isTaskRunning { self.task = task }
  }

  func taskBegan() {
    connection.taskStarted()
    isTaskRunning = true
  }

  /// From any thread.
  func endTask(_ status: RPCStatus) {
    if context.eventLoop.inEventLoop { return taskEnded(status) }
    context.eventLoop.execute { self.taskEnded(status) }
  }

  func taskEnded(answering reply: ByteBuffer) {
    answer(reply)
    taskEnded(.ok)
  }

  private func taskEnded(_ status: RPCStatus) {
    isTaskRunning = false
    task = nil
    connection.taskEnded()
    finish(status)
  }
}
