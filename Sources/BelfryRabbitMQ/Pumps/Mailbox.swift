internal import BelfryCore
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Commands on their way to a pump's thread, and what wakes that thread: one write a batch.
final class Mailbox: Sendable {
  struct Inbox {
    var commands: [QueueCommand] = []
    var isStopped = false
  }

  private struct State {
    var inbox = Inbox()
    var isSignalled = false
  }

  private let state = Mutex(State())
  private let readEnd: Int32
  private let writeEnd: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { fatalError("no file descriptors left for a pipe") }
    (readEnd, writeEnd) = (ends[0], ends[1])
    for end in ends {
      _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  func put(_ commands: [QueueCommand]) {
    signal { $0.inbox.commands.append(contentsOf: commands) }
  }

  func stop() { signal { $0.inbox.isStopped = true } }

  /// Forgets an earlier stop. What has come already stays.
  func open() { state.withLock { $0.inbox.isStopped = false } }

  /// Takes all that has come. A stop stays until `open`.
  func take() -> Inbox {
    state.withLock { state in
      if state.isSignalled {
        var bytes: [UInt8] = [0, 0]
        _ = unsafe read(readEnd, &bytes, 2)
        state.isSignalled = false
      }
      defer { state.inbox.commands = [] }
      return state.inbox
    }
  }

  var isStopped: Bool { state.withLock { $0.inbox.isStopped } }

  /// Waits until something came, `descriptor` is ready, or the time is over.
  func wait(for descriptor: Int32? = nil, writable: Bool = false, atMost time: Duration) {
    var polled = [pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)]
    if let descriptor {
      let events = Int16(POLLIN) | (writable ? Int16(POLLOUT) : 0)
      polled.append(pollfd(fd: descriptor, events: events, revents: 0))
    }
    // Rounded up: a wait of 0.4 ms must not become a busy loop.
    let milliseconds = Int32(clamping: max(0, (time + .microseconds(999)).millisecondsClamped))
    _ = unsafe poll(&polled, nfds_t(polled.count), milliseconds)
  }

  private func signal(_ change: (inout State) -> Void) {
    state.withLock { state in
      change(&state)
      guard !state.isSignalled else { return }
      state.isSignalled = true
      var byte: UInt8 = 1
      _ = unsafe write(writeEnd, &byte, 1)
    }
  }
}
