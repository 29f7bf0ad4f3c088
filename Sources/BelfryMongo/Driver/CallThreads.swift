internal import Glibc

/// Runs calls that block on a few threads of their own, so that they never hold up an event loop or
/// the cooperative pool.
///
/// A thread is started when a call finds none idle, up to `max`; a process that sends one batch
/// after the other has one. The queue is bounded by its callers, each of which waits for its answer;
/// the wait is bounded by `patience`: a call that stood in the queue for longer is not run.
final class CallThreads: @unchecked Sendable {
  /// Why a call was not run.
  enum Refusal: Error {
    case late, closed
  }

  private typealias Call = (queued: ContinuousClock.Instant, run: @Sendable (Refusal?) -> Void)

  private let max: Int
  private let patience: Duration
  private let now: @Sendable () -> ContinuousClock.Instant
  private let lock: Lock
  // Below: guarded by `lock`.
  private var waiting: [Call] = []
  private var threads = 0
  private var idle = 0
  private var atEnd: (@Sendable () -> Void)?

  init(
    max: Int, patience: Duration,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
  ) {
    self.max = max
    self.patience = patience
    self.now = now
    lock = Lock()
  }

  /// Runs `body` on one of the threads. Cancelling the task does not end it: its own limits do.
  func run<Answer: Sendable>(
    _ body: @escaping @Sendable () -> Answer
  ) async -> Result<Answer, Refusal> {
    await withCheckedContinuation { continuation in
      let run: @Sendable (Refusal?) -> Void = { refusal in
        continuation.resume(returning: refusal.map { .failure($0) } ?? .success(body()))
      }
      if let refusal = enqueue((now(), run)) { run(refusal) }
    }
  }

  /// Takes no more calls; runs `last` when all threads have ended, on the last of them. False: it
  /// is closed already, and `last` will not run.
  @discardableResult
  func close(_ last: @escaping @Sendable () -> Void) -> Bool {
    lock.acquire()
    let isFirst = atEnd == nil
    let isOver = isFirst && threads == 0
    if isFirst { atEnd = last }
    lock.wakeAll()
    lock.release()
    if isOver { last() }
    return isFirst
  }

  /// Calls that no thread has begun.
  var waitingCount: Int {
    lock.acquire()
    defer { lock.release() }
    return waiting.count
  }

  private func enqueue(_ call: Call) -> Refusal? {
    lock.acquire()
    defer { lock.release() }
    guard atEnd == nil else { return .closed }
    waiting.append(call)
    if waiting.count > idle, threads < max, start() { threads += 1 }
    guard threads > 0 else {
      waiting.removeAll()
      return .late
    }
    lock.wakeOne()
    return nil
  }

  private func start() -> Bool {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(self)
    let status = unsafe pthread_create(
      &thread, nil,
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<CallThreads>.fromOpaque(context).takeRetainedValue().serve()
        return nil
      }, context.toOpaque())
    if status != 0 {
      unsafe context.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  /// The life of one thread.
  private func serve() {
    lock.acquire()
    while true {
      if !waiting.isEmpty {
        runNext()
      } else if let last = atEnd {
        threads -= 1
        let isOver = threads == 0
        lock.release()
        if isOver { last() }
        return
      } else {
        idle += 1
        lock.wait()
        idle -= 1
      }
    }
  }

  /// Runs the first call with the lock released. The call is gone before the lock is taken again:
  /// it may hold the last reference to the store, whose end takes the lock too.
  private func runNext() {
    do {
      let call = waiting.removeFirst()
      lock.release()
      call.run(now() - call.queued > patience ? .late : nil)
    }
    lock.acquire()
  }
}

/// A mutex with a condition, which `Synchronization.Mutex` does not have.
@safe private struct Lock: ~Copyable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  func acquire() { unsafe pthread_mutex_lock(mutex) }
  func release() { unsafe pthread_mutex_unlock(mutex) }
  func wait() { unsafe pthread_cond_wait(condition, mutex) }
  func wakeOne() { unsafe pthread_cond_signal(condition) }
  func wakeAll() { unsafe pthread_cond_broadcast(condition) }
}
