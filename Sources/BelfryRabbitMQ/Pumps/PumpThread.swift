#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A thread of its own for calls that block: never a loop's, never the pool's.
enum PumpThread {
  /// Runs `body` on a new thread and returns when it has ended and was joined.
  static func run(_ body: @escaping @Sendable () -> Void) async {
    let thread = await withCheckedContinuation { continuation in
      start {
        body()
        continuation.resume(returning: ThreadID(pthread: pthread_self()))
      }
    }
    _ = pthread_join(thread.pthread, nil)
  }

  private struct ThreadID: @unchecked Sendable { let pthread: pthread_t }

  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func start(_ body: @escaping @Sendable () -> Void) {
    #if canImport(Glibc)
      var thread = pthread_t()
    #else
      var thread: pthread_t?
    #endif
    let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
    let status = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument as UnsafeMutableRawPointer? else { return nil }
        unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, work)
    guard status == 0 else { fatalError("no thread for the queue: error \(status)") }
  }
}

/// How long to wait before the next try to connect: 0.2 s, doubled up to 2 s, for ever.
struct Backoff {
  private var wait = Limit.reconnectFirst

  mutating func next() -> Duration {
    defer { wait = min(wait * 2, Limit.reconnectMax) }
    return wait
  }

  mutating func reset() { wait = Limit.reconnectFirst }
}
