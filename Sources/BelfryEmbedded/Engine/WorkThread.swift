internal import BelfryCore

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A thread that owns a connection, and what waits for it: all that has come while one batch was under
/// way is the next one.
///
/// What waits is bounded by those who put it here: each waits for its answer.
@safe final class WorkThread<Work: Sendable>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  // Below: guarded by `mutex`.
  private var waiting: [Work] = []
  private var isClosed = false
  private var atEnd: [@Sendable () -> Void] = []
  private var hasEnded = false

  /// - Parameter take: called on the thread with all that waits, or with nothing after the time that
  ///   it returned; the thread is its only owner.
  init(_ take: sending @escaping ([Work]) -> Duration?) {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
    Self.start(Body(self, take))
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// False: the thread takes no more.
  func put(_ work: Work) -> Bool {
    locked {
      guard !isClosed else { return false }
      waiting.append(work)
      if waiting.count == 1 { unsafe pthread_cond_signal(condition) }
      return true
    }
  }

  /// Finishes what waits, takes no more; returns when the thread has let go of its connection.
  func close() async {
    await withCheckedContinuation { continuation in
      let isOver = locked {
        isClosed = true
        if !hasEnded { atEnd.append { continuation.resume() } }
        unsafe pthread_cond_signal(condition)
        return hasEnded
      }
      if isOver { continuation.resume() }
    }
  }

  // MARK: the thread

  fileprivate final class Body {
    let thread: WorkThread
    /// Nil once it has ended: whoever waits for that may open the file anew.
    var take: (([Work]) -> Duration?)?

    init(_ thread: WorkThread, _ take: @escaping ([Work]) -> Duration?) {
      self.thread = thread
      self.take = take
    }
  }

  private static func start(_ body: sending Body) {
    #if canImport(Glibc)
      var thread = pthread_t()
    #else
      var thread: pthread_t?
    #endif
    let context = unsafe Unmanaged.passRetained(body as AnyObject).toOpaque()
    let status = unsafe pthread_create(
      &thread, nil,
      { context in
        guard let context = unsafe context as UnsafeMutableRawPointer? else { return nil }
        unsafe (Unmanaged<AnyObject>.fromOpaque(context).takeRetainedValue() as? any Runnable)?
          .run()
        return nil
      }, context)
    guard status == 0, let thread = Optional(thread) else {
      fatalError("no thread for the store: error \(status)")
    }
    pthread_detach(thread)
  }

  private func wait(atMost limit: Duration?) -> [Work]? {
    locked {
      if waiting.isEmpty, !isClosed {
        if let limit { wait(limit) } else { unsafe pthread_cond_wait(condition, mutex) }
      }
      if waiting.isEmpty, isClosed { return nil }
      defer { waiting = [] }
      return waiting
    }
  }

  private func wait(_ limit: Duration) {
    var until = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &until)
    let nanoseconds = Int64(until.tv_nsec) + limit.nanosecondsClamped
    until.tv_sec += Int(nanoseconds / 1_000_000_000)
    until.tv_nsec = Int(nanoseconds % 1_000_000_000)
    unsafe pthread_cond_timedwait(condition, mutex, &until)
  }

  private func end() {
    let last = locked {
      hasEnded = true
      defer { atEnd = [] }
      return atEnd
    }
    for resume in last { resume() }
  }

  private func locked<Answer>(_ body: () -> Answer) -> Answer {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }
}

/// What a thread's start routine, which can name no type parameter, sees of a body.
private protocol Runnable {
  func run()
}

extension WorkThread.Body: Runnable {
  func run() {
    var limit: Duration?
    while let works = thread.wait(atMost: limit) { limit = take?(works) }
    take = nil
    thread.end()
  }
}
