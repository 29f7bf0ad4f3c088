internal import CGlibc
internal import Glibc

/// A thread of our own, for calls that block: a blocked call must hold up neither an event loop nor
/// the pool that async functions run on.
enum WorkThread {
  /// Starts a detached thread; whoever needs to know that it has ended lets it say so.
  /// - Parameter name: at most 15 bytes, shown by `top -H`.
  static func start(
    named name: String, _ body: @escaping @Sendable () -> Void
  ) throws(SystemCallError) {
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
        pthread_setname_np(pthread_self(), start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw SystemCallError(call: "pthread_create", code: code)
    }
    pthread_detach(thread)
  }

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}

/// Lets one thread sleep until another has something for it; wake-ups are counted, none is lost.
final class WakeCount: Sendable {
  /// A semaphore must not move, hence the allocation. `sem_t` is made for use by many threads.
  private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    precondition(sem_init(semaphore, 0, 0) == 0, "sem_init: \(errno)")
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func wake() {
    sem_post(semaphore)
  }

  func sleep() {
    while sem_wait(semaphore) != 0 && errno == EINTR {}
  }
}
