internal import BelfryNet
internal import NIOCore

/// Tasks that serve a connection's unary calls, one after another: to make a task costs more than a
/// small handler does.
///
/// A call has a task for itself while its handler runs. A task that was cancelled serves no other call.
/// Confined to the loop.
final class ServerWorkers: @unchecked Sendable {
  private struct Work {
    let call: ServerCall
    let request: ByteBuffer
    let handler: UnaryAsyncBody.Handler
  }

  @safe private final class Worker: @unchecked Sendable {
    @safe @exclusivity(unchecked) var work: Work?
    @safe @exclusivity(unchecked) var task: Task<Void, Never>?
    @safe @exclusivity(unchecked) var continuation: UnsafeContinuation<Void, Never>?

    init(_ work: Work) { self.work = work }
  }

  /// Handlers that do not wait need one; others as many as wait at once.
  private static let idleMax = 8

  private let executor: EventLoopExecutor
  @safe @exclusivity(unchecked) private var idle: [Worker] = []
  private var isClosed = false

  init(_ executor: EventLoopExecutor) { self.executor = executor }

  func serve(_ call: ServerCall, _ request: ByteBuffer, _ handler: @escaping UnaryAsyncBody.Handler)
  {
    call.taskBegan()
    let work = Work(call: call, request: request, handler: handler)
    if let worker = idle.popLast(), let continuation = worker.continuation {
      worker.work = work
      call.task = worker.task
      return unsafe executor.resume(continuation)
    }
    let worker = Worker(work)
    let task =
      if #available(macOS 26.0, *) {
        Task.immediate(executorPreference: executor) { await self.run(worker) }
      } else {
        Task(executorPreference: executor) { await self.run(worker) }
      }
    worker.task = task
    if call.isTaskRunning { call.task = task }
  }

  func close() {
    isClosed = true
    rest()
  }

  /// Lets the tasks go that wait for a call.
  func rest() {
    let waiting = idle
    idle = []
    for worker in waiting { unsafe worker.continuation?.resume() }
  }

  private func run(_ worker: Worker) async {
    while let work = worker.work.take() {
      let call = work.call
      do {
        let reply = try await work.handler(call.context, work.request)
        if call.context.eventLoop.inEventLoop {
          call.taskEnded(answering: reply)
        } else {
          call.context.eventLoop.execute { call.taskEnded(answering: reply) }
        }
      } catch {
        call.endTask(RPCStatus(handlerError: error))
      }
      if Task.isCancelled || isClosed || idle.count >= Self.idleMax { return }
      unsafe await withUnsafeContinuation { continuation in
        worker.continuation = unsafe continuation
        idle.append(worker)
      }
    }
  }
}
