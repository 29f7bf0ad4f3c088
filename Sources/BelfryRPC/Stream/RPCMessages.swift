package import NIOCore
internal import Synchronization

/// The received messages of a stream, for one reader on any thread.
///
/// Ends with the stream; throws the status when the stream failed. When more than the allowed bytes
/// wait here, the peer's flow-control window is not given back until the reader has caught up.
package final class RPCMessages: AsyncSequence, Sendable {
  package typealias Element = ByteBuffer
  package typealias Failure = RPCStatus

  private struct State {
    var queue: [ByteBuffer] = []
    var first = 0
    var queuedBytes = 0
    var isHolding = false
    var end: RPCStatus?
    var waiter: CheckedContinuation<Result<ByteBuffer?, RPCStatus>, Never>?
    /// Told, on the loop, that the window may be given back.
    var release: (@Sendable () -> Void)?
  }

  private let eventLoop: any EventLoop
  private let queuedBytesMax: Int
  private let state: Mutex<State>

  init(
    eventLoop: any EventLoop, queuedBytesMax: Int, release: (@Sendable () -> Void)? = nil
  ) {
    self.eventLoop = eventLoop
    self.queuedBytesMax = queuedBytesMax
    state = Mutex(State(release: release))
  }

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let messages: RPCMessages

    package mutating func next() async throws(RPCStatus) -> ByteBuffer? {
      try await messages.next()
    }

    package mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(RPCStatus) -> ByteBuffer? {
      try await messages.next()
    }
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(messages: self) }

  /// The next message; nil at the end. One caller at a time.
  package func next() async throws(RPCStatus) -> ByteBuffer? {
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (result, release) = state.withLock { state in
          take(&state, or: continuation)
        }
        if let release { run(release) }
        if let result { continuation.resume(returning: result) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        let waiter = state.waiter
        state.waiter = nil
        return waiter
      }
      waiter?.resume(returning: .failure(RPCStatus(.cancelled, "the task was cancelled")))
    }
    return try result.get()
  }

  // MARK: For the call, on the loop

  func push(_ message: ByteBuffer) {
    let waiter = state.withLock {
      state -> CheckedContinuation<Result<ByteBuffer?, RPCStatus>, Never>? in
      guard state.end == nil else { return nil }
      if let waiter = state.waiter {
        state.waiter = nil
        return waiter
      }
      state.queue.append(message)
      state.queuedBytes += message.readableBytes
      if state.queuedBytes > queuedBytesMax { state.isHolding = true }
      return nil
    }
    waiter?.resume(returning: .success(message))
  }

  /// True while the peer's window should not be given back.
  var isHolding: Bool { state.withLock { $0.isHolding } }

  /// No more will come. OK ends the sequence behind what is queued; anything else is thrown there.
  func end(_ status: RPCStatus) {
    let waiter = state.withLock {
      state -> CheckedContinuation<Result<ByteBuffer?, RPCStatus>, Never>? in
      guard state.end == nil else { return nil }
      state.end = status
      state.release = nil
      let waiter = state.waiter
      state.waiter = nil
      return waiter
    }
    waiter?.resume(returning: status.isOK ? .success(nil) : .failure(status))
  }

  // MARK: Private

  private func take(
    _ state: inout State,
    or continuation: CheckedContinuation<Result<ByteBuffer?, RPCStatus>, Never>
  ) -> (Result<ByteBuffer?, RPCStatus>?, (@Sendable () -> Void)?) {
    if state.first < state.queue.count {
      let message = state.queue[state.first]
      state.queue[state.first] = ByteBuffer()
      state.first += 1
      if state.first == state.queue.count {
        state.queue.removeAll(keepingCapacity: true)
        state.first = 0
      }
      state.queuedBytes -= message.readableBytes
      guard state.isHolding, state.queuedBytes <= queuedBytesMax / 2 else {
        return (.success(message), nil)
      }
      state.isHolding = false
      return (.success(message), state.release)
    }
    if let end = state.end { return (end.isOK ? .success(nil) : .failure(end), nil) }
    if Task.isCancelled { return (.failure(RPCStatus(.cancelled, "the task was cancelled")), nil) }
    precondition(state.waiter == nil, "two readers wait for the messages of one stream")
    state.waiter = continuation
    return (nil, nil)
  }

  private func run(_ release: @escaping @Sendable () -> Void) {
    if eventLoop.inEventLoop { release() } else { eventLoop.execute(release) }
  }
}
