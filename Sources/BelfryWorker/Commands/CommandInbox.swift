internal import Glibc
internal import Synchronization

/// What happens to runs on other threads, handed to the reactor's. A pipe wakes it from `poll`, one
/// byte for however many events wait.
final class CommandInbox: Sendable {
  enum Event {
    case started(ChildProcess)
    case exited(ChildProcess, ChildExit)
    case stop(CommandRun)
    /// Nothing more will be started: stop what runs, then end.
    case close
  }

  /// Readable while events wait.
  let wakeReader: Int32
  private let wakeWriter: Int32
  private let events = Mutex<[Event]>([])

  init() throws(SystemCallError) {
    let pipe = try Pipe()
    setNonBlocking(pipe.reader.raw)
    setNonBlocking(pipe.writer.raw)
    wakeReader = pipe.reader.release()
    wakeWriter = pipe.writer.release()
  }

  deinit {
    close(wakeReader)
    close(wakeWriter)
  }

  func post(_ event: Event) {
    let isFirst = events.withLock { events in
      events.append(event)
      return events.count == 1
    }
    if isFirst {
      withUnsafeBytes(of: UInt8(1)) { _ = writeAvailable(wakeWriter, $0) }
    }
  }

  /// All that wait, in their order.
  func take() -> [Event] {
    withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { buffer in
      _ = readAvailable(wakeReader, into: buffer)
    }
    return events.withLock { events in
      defer { events = [] }
      return events
    }
  }
}
