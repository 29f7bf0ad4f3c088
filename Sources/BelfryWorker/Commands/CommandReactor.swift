internal import Glibc

/// Serves the streams and deadlines of all running commands on one thread: no thread waits for a
/// child, and a command's time-out holds even when the pool of async functions is busy.
///
/// By `poll`, with 3 descriptors a command: at 1,000 commands a turn costs about 0.1 ms, nothing
/// beside what those cost. Not by NIO: its pipe channels cannot be asked to read what is left *now*,
/// which is how the result of a command that has exited is known to be whole.
final class CommandReactor {
  private typealias Key = ObjectIdentifier

  private let inbox: CommandInbox
  private var active: [Key: ActiveRun] = [:]
  private var isClosing = false
  /// No deadline is earlier than this; nil when there is none.
  private var nextDeadline: ContinuousClock.Instant?

  /// What is polled: the inbox first, then `slots` in their order.
  private var polled: [pollfd] = []
  private var slots: [(run: ActiveRun, stream: ActiveRun.Stream)] = []
  private var isPolledStale = true
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

  init(_ inbox: CommandInbox) {
    self.inbox = inbox
  }

  deinit {
    scratch.deallocate()
  }

  /// Returns when the inbox was closed and no command runs.
  func run() {
    while !(isClosing && active.isEmpty) {
      if isPolledStale { rebuildPolled() }
      let readyCount = poll(&polled, nfds_t(polled.count), pollMilliseconds())
      // Streams before events: an event may close descriptors whose numbers are then used anew.
      if readyCount > 0 {
        transferReady()
        if polled[0].revents != 0 { inbox.take().forEach(handle) }
      }
      if let nextDeadline, nextDeadline <= .now { expire() }
    }
  }

  private func transferReady() {
    for (index, slot) in slots.enumerated() where polled[index + 1].revents != 0 {
      if slot.run.transfer(slot.stream, scratch) { isPolledStale = true }
      watchDeadline(of: slot.run)
    }
  }

  private func handle(_ event: CommandInbox.Event) {
    switch event {
    case .started(let child):
      let run = ActiveRun(child)
      active[Key(child.run)] = run
      isPolledStale = true
      if isClosing || child.run.isStopRequested { run.stop() }
      watchDeadline(of: run)
    case .exited(let child, let status):
      // None when it was given up.
      finish(Key(child.run), status)
    case .stop(let commandRun):
      // None when it is not started yet (the mark on it is seen then) or over.
      guard let run = active[Key(commandRun)] else { return }
      run.stop()
      watchDeadline(of: run)
    case .close:
      isClosing = true
      for run in active.values {
        run.stop()
        watchDeadline(of: run)
      }
    }
  }

  private func finish(_ key: Key, _ status: ChildExit?) {
    guard let run = active.removeValue(forKey: key) else { return }
    isPolledStale = true
    run.finish(status, scratch)
  }

  private func expire() {
    let now = ContinuousClock.now
    nextDeadline = nil
    for (key, run) in active {
      if run.deadlinePassed(at: now) {
        finish(key, nil)
      } else {
        watchDeadline(of: run)
      }
    }
  }

  private func watchDeadline(of run: ActiveRun) {
    guard let deadline = run.deadline else { return }
    nextDeadline = min(deadline, nextDeadline ?? deadline)
  }

  /// Rounded up, so that the deadline has passed when poll returns.
  private func pollMilliseconds() -> Int32 {
    guard let nextDeadline else { return -1 }
    let left = ContinuousClock.now.duration(to: nextDeadline)
    guard left > .zero else { return 0 }
    guard left < .seconds(3600) else { return 3_600_000 }
    let (seconds, attoseconds) = left.components
    return Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
  }

  private func rebuildPolled() {
    isPolledStale = false
    polled = [pollfd(fd: inbox.wakeReader, events: Int16(POLLIN), revents: 0)]
    slots = []
    for run in active.values {
      for (stream, descriptor, events) in [
        (ActiveRun.Stream.input, run.input, POLLOUT), (.output, run.output, POLLIN),
        (.errors, run.errors, POLLIN), (.progress, run.progress, POLLIN),
      ] {
        guard let descriptor else { continue }
        slots.append((run, stream))
        polled.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
      }
    }
  }
}
