package import NIOCore

/// Runs tasks on an event loop, so that a handler never leaves the thread of its connection.
package final class EventLoopExecutor: TaskExecutor, @unchecked Sendable {
  package let eventLoop: any EventLoop
  /// Only looked at on the loop.
  @safe @exclusivity(unchecked) private var runsNextAtOnce = false

  package init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if eventLoop.inEventLoop, runsNextAtOnce {
      runsNextAtOnce = false
      return unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
    eventLoop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// Resumes a task of this executor, which goes on at once, until it waits again. On the loop only.
  package func resume(_ continuation: UnsafeContinuation<Void, Never>) {
    eventLoop.preconditionInEventLoop()
    runsNextAtOnce = true
    unsafe continuation.resume()
    runsNextAtOnce = false
  }
}
