internal import BelfryCore
internal import Glibc
internal import Synchronization

/// The process of one run, from its start until its id is free again.
///
/// It leads a process group, and all signals go to the group. They stop at the moment of reaping:
/// from then on the id may be somebody else's.
final class ChildProcess: WatchedChild {
  /// Our ends of its standard streams, owned by whoever handles the start.
  struct Streams: Sendable {
    /// nil: the whole payload is in the pipe already and our end is closed.
    let input: Int32?
    /// How much of the payload is in the pipe.
    let inputSent: Int
    let output: Int32
    let errors: Int32
    let progress: Int32
  }

  let run: CommandRun
  let pid: pid_t
  let startedAt: ContinuousClock.Instant
  let streams: Streams
  private let keeper: KeeperHandle?
  private let inbox: CommandInbox
  private let isReaped = Mutex(false)

  /// Starts the run's command. What of the payload fits is in its pipe before it runs, so a small
  /// one costs no wake-up.
  init(
    starting run: CommandRun, keeper: KeeperHandle?, inbox: CommandInbox
  ) throws(SystemCallError) {
    let input = try Pipe()
    let output = try Pipe()
    let errors = try Pipe()
    let progress = try Pipe()
    setNonBlocking(input.writer.raw)
    setNonBlocking(output.reader.raw)
    setNonBlocking(errors.reader.raw)
    setNonBlocking(progress.reader.raw)
    let sent = run.payload.bytes.withUnsafeBytes { Self.fill(input.writer.raw, with: $0) }

    let marks = keeper.map { [$0.environmentLine] } ?? []
    var plan = SpawnPlan(path: run.path, words: run.words, environment: marks + run.environment)
    plan.workingDirectory = run.settings.workingDirectory
    plan.input = input.reader.raw
    plan.output = output.writer.raw
    plan.errors = errors.writer.raw
    plan.progress = progress.writer.raw
    startedAt = .now
    pid = try plan.start()
    keeper?.started(pid)

    self.run = run
    self.keeper = keeper
    self.inbox = inbox
    input.reader.close()
    output.writer.close()
    errors.writer.close()
    progress.writer.close()
    let isAllSent = sent == run.payload.size
    let feed = input.writer.release()
    if isAllSent { close(feed) }
    streams = Streams(
      input: isAllSent ? nil : feed, inputSent: sent, output: output.reader.release(),
      errors: errors.reader.release(), progress: progress.reader.release())
  }

  func signalGroup(_ signal: Int32) {
    isReaped.withLock { isReaped in
      if !isReaped { _ = kill(-pid, signal) }
    }
  }

  func exited(_ status: ChildExit) {
    // What it left running in its group must not outlive it, hold its output open or its slot.
    isReaped.withLock { isReaped in
      kill(-pid, SIGKILL)
      isReaped = true
    }
    keeper?.ended(pid)
  }

  func reaped(_ status: ChildExit) {
    inbox.post(.exited(self, status))
  }

  /// - Returns: how many bytes were taken: a pipe holds 64 KiB, less for a user with very many.
  private static func fill(_ descriptor: Int32, with bytes: UnsafeRawBufferPointer) -> Int {
    var sent = 0
    while sent < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
      guard case .bytes(let count) = writeAvailable(descriptor, rest) else { break }
      sent += count
    }
    return sent
  }
}
