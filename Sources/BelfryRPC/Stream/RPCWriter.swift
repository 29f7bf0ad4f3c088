package import NIOCore
internal import Synchronization

/// What a writer writes to; called on the loop.
protocol RPCWriterTarget: AnyObject, Sendable {
  func write(_ messages: [ByteBuffer])
  func endWriting(_ status: RPCStatus)
}

/// The sending side of a stream, for any thread.
///
/// Batches sent from other threads cost at most one wake-up of the loop between them; batches sent
/// on the loop cost none. What was accepted is sent in order; after the end of the stream it is
/// dropped, and the handler's `closed` or the next `send` says so.
package final class RPCWriter: Sendable {
  private struct State {
    var pending: [ByteBuffer] = []
    var end: RPCStatus?
    var isHopScheduled = false
    var queuedBytes = 0
    var isCongested = false
    /// Set once nothing more is accepted.
    var closed: RPCStatus?
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter: UInt64 = 0
    var target: (any RPCWriterTarget)?
  }

  package let eventLoop: any EventLoop
  private let queuedBytesMax: Int
  private let state = Mutex(State())

  init(eventLoop: any EventLoop, queuedBytesMax: Int) {
    self.eventLoop = eventLoop
    self.queuedBytesMax = queuedBytesMax
  }

  // MARK: For users

  /// True while more than the allowed bytes wait for the peer. Go on sending only what must be sent;
  /// the handler's `drained` says when there is room.
  package var isCongested: Bool { state.withLock { $0.isCongested } }

  /// Bytes accepted that flow control or the socket still hold back.
  package var queuedBytes: Int { state.withLock { $0.queuedBytes } }

  /// Queues messages without waiting; false when the writer is now congested, or closed.
  @discardableResult
  package func send(contentsOf messages: [ByteBuffer]) -> Bool {
    let onLoop = eventLoop.inEventLoop
    let (hop, isFree) = state.withLock { state -> (Bool, Bool) in
      guard state.closed == nil else { return (false, false) }
      state.pending.append(contentsOf: messages)
      for message in messages { state.queuedBytes += message.readableBytes + 5 }
      if state.queuedBytes > queuedBytesMax { state.isCongested = true }
      return (Self.claimHop(&state, onLoop: onLoop), !state.isCongested)
    }
    schedule(hop, onLoop: onLoop)
    return isFree
  }

  @discardableResult
  package func send(_ message: ByteBuffer) -> Bool { send(contentsOf: [message]) }

  /// Queues a message and waits while the writer is congested.
  /// - Throws: the status the stream ended with; *cancelled* when the task was.
  package func sendWhenFree(_ message: ByteBuffer) async throws(RPCStatus) {
    if send(message) { return }
    let id = state.withLock { state -> UInt64 in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumeNow = state.withLock { state -> Bool in
          if state.closed != nil || !state.isCongested || Task.isCancelled { return true }
          state.waiters[id] = continuation
          return false
        }
        if resumeNow { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
    if let status = state.withLock({ $0.closed }) { throw status }
    if Task.isCancelled { throw RPCStatus(.cancelled, "the task was cancelled") }
  }

  /// Ends our side after what is queued. On a server the status goes into the trailers; on a client
  /// OK ends the requests (half-close) and anything else cancels the call.
  package func finish(_ status: RPCStatus = .ok) {
    let onLoop = eventLoop.inEventLoop
    let hop = state.withLock { state -> Bool in
      guard state.closed == nil else { return false }
      state.end = status
      state.closed = status.isOK ? RPCStatus(.failedPrecondition, "finished") : status
      return Self.claimHop(&state, onLoop: onLoop)
    }
    schedule(hop, onLoop: onLoop)
  }

  // MARK: For the call

  /// Names the call; what was queued before is written now. On the loop.
  func attach(_ target: any RPCWriterTarget) {
    state.withLock { $0.target = target }
    flush()
  }

  /// Bytes have left for the connection; true when the writer was congested and is free again.
  func drained(_ count: Int) -> Bool {
    let (freed, waiters) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
      state.queuedBytes -= count
      guard state.isCongested, state.queuedBytes <= queuedBytesMax / 4 else { return (false, []) }
      state.isCongested = false
      let waiters = Array(state.waiters.values)
      state.waiters.removeAll()
      return (true, waiters)
    }
    for waiter in waiters { waiter.resume() }
    return freed
  }

  /// The stream is over: what waits is dropped, who waits is woken.
  func close(_ status: RPCStatus) {
    let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      if state.closed == nil { state.closed = status }
      state.pending.removeAll()
      state.end = nil
      state.target = nil
      state.queuedBytes = 0
      state.isCongested = false
      let waiters = Array(state.waiters.values)
      state.waiters.removeAll()
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  // MARK: Private

  private static func claimHop(_ state: inout State, onLoop: Bool) -> Bool {
    if onLoop { return true }
    if state.isHopScheduled || state.target == nil { return false }
    state.isHopScheduled = true
    return true
  }

  private func schedule(_ hop: Bool, onLoop: Bool) {
    guard hop else { return }
    if onLoop { flush() } else { eventLoop.execute { self.flush() } }
  }

  private func flush() {
    let (target, messages, end) = state.withLock {
      state -> ((any RPCWriterTarget)?, [ByteBuffer], RPCStatus?) in
      state.isHopScheduled = false
      guard let target = state.target else { return (nil, [], nil) }
      let end = state.end
      state.end = nil
      if end != nil { state.target = nil }
      var messages: [ByteBuffer] = []
      swap(&messages, &state.pending)
      return (target, messages, end)
    }
    guard let target else { return }
    if !messages.isEmpty { target.write(messages) }
    if let end { target.endWriting(end) }
  }
}
