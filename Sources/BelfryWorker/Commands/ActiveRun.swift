internal import BelfryCore
internal import Glibc

/// A command that runs, as the reactor's thread sees it: its streams, what came from them, and the
/// machine that decides about its end.
final class ActiveRun {
  enum Stream {
    case input
    case output
    case errors
    case progress
  }

  /// After an exit at most this much is read from a stream: all that a pipe can hold
  /// (/proc/sys/fs/pipe-max-size). More would come from a process that left the group.
  private static let drainBytesMax = 1 << 20

  let child: ChildProcess
  private(set) var input: Int32?
  private(set) var output: Int32?
  private(set) var errors: Int32?
  private(set) var progress: Int32?
  private var sent: Int
  private var result: [UInt8] = []
  private var lines: LineSplitter
  private var tail: ByteTail
  private var progressLines = LineSplitter(lineBytesMax: ProgressLine.bytesMax)
  private var machine: CommandMachine

  init(_ child: ChildProcess) {
    self.child = child
    let settings = child.run.settings
    input = child.streams.input
    output = child.streams.output
    errors = child.streams.errors
    progress = child.streams.progress
    sent = child.streams.inputSent
    lines = LineSplitter(lineBytesMax: settings.logLineBytesMax)
    tail = ByteTail(bytesMax: settings.errorTailBytes)
    machine = CommandMachine(
      timeout: child.run.timeout, grace: settings.grace, resultBytesMax: settings.resultBytesMax,
      startedAt: child.startedAt)
  }

  deinit {
    for descriptor in [input, output, errors, progress] {
      if let descriptor { close(descriptor) }
    }
  }

  var deadline: ContinuousClock.Instant? { machine.deadline }

  func stop() {
    perform(machine.stopRequested(at: .now))
  }

  /// - Returns: true when it is to be given up.
  func deadlinePassed(at now: ContinuousClock.Instant) -> Bool {
    let effect = machine.deadlinePassed(at: now)
    perform(effect)
    return effect == .abandon
  }

  /// One read or write on a stream that is ready. No more than one, so that no command keeps the
  /// others waiting.
  /// - Returns: whether the stream was closed.
  func transfer(_ stream: Stream, _ scratch: UnsafeMutableRawBufferPointer) -> Bool {
    switch stream {
    case .input: sendInput()
    case .output: readOutput(scratch) == nil && output == nil
    case .errors: readErrors(scratch) == nil && errors == nil
    case .progress: readProgress(scratch) == nil && progress == nil
    }
  }

  /// It has exited (nil: it is given up): reads what is still in the pipes and answers.
  func finish(_ status: ChildExit?, _ scratch: UnsafeMutableRawBufferPointer) {
    closeInput()
    if status != nil {
      drain { readOutput(scratch) }
      drain { readErrors(scratch) }
      drain { readProgress(scratch) }
    }
    // Not only where a stream is seen to end: what escaped its group may hold it open, and so may,
    // for a moment, another child between its fork and its exec.
    lines.finish(child.run.log)
    progressLines.finish(tell)
    let ending = machine.finished(status)
    child.run.finish(
      CommandResult(
        ending: ending, output: ending == .succeeded ? Payload(result) : .empty,
        errorTail: tail.text,
        duration: child.startedAt.duration(to: .now)))
  }

  private func perform(_ effect: CommandMachine.Effect) {
    switch effect {
    case .nothing, .abandon: break
    case .terminate: child.signalGroup(SIGTERM)
    case .kill: child.signalGroup(SIGKILL)
    }
  }

  private func drain(_ read: () -> Int?) {
    var count = 0
    while count < Self.drainBytesMax, let more = read() { count += more }
  }

  private func sendInput() -> Bool {
    guard let input else { return false }
    let payload = child.run.payload.bytes
    let written = payload.withUnsafeBytes {
      writeAvailable(input, UnsafeRawBufferPointer(rebasing: $0[sent...]))
    }
    switch written {
    case .bytes(let count):
      sent += count
      guard sent == payload.count else { return false }
      closeInput()
      return true
    case .wouldBlock:
      return false
    case .closed:
      // It does not want the rest, which is its affair.
      closeInput()
      return true
    }
  }

  /// - Returns: how many bytes came; nil when none did, or the stream is closed.
  private func readOutput(_ scratch: UnsafeMutableRawBufferPointer) -> Int? {
    guard let output else { return nil }
    switch readAvailable(output, into: scratch) {
    case .bytes(let count):
      if count <= child.run.settings.resultBytesMax - result.count {
        result.append(contentsOf: scratch[..<count])
        return count
      }
      result = []
      // The kill first: to a command whose output is closed it would be a signal of its own.
      perform(machine.resultOverflowed(at: .now))
      closeOutput()
      return nil
    case .wouldBlock:
      return nil
    case .closed:
      closeOutput()
      return nil
    }
  }

  /// - Returns: how many bytes came; nil when none did, or the stream is closed.
  private func readErrors(_ scratch: UnsafeMutableRawBufferPointer) -> Int? {
    guard let errors else { return nil }
    switch readAvailable(errors, into: scratch) {
    case .bytes(let count):
      let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<count])
      tail.feed(bytes)
      lines.feed(bytes, child.run.log)
      return count
    case .wouldBlock:
      return nil
    case .closed:
      close(errors)
      self.errors = nil
      return nil
    }
  }

  /// What is no progress is dropped: it is for people to look at, and costs nothing else.
  /// - Returns: how many bytes came; nil when none did, or the stream is closed.
  private func readProgress(_ scratch: UnsafeMutableRawBufferPointer) -> Int? {
    guard let progress else { return nil }
    switch readAvailable(progress, into: scratch) {
    case .bytes(let count):
      progressLines.feed(UnsafeRawBufferPointer(rebasing: scratch[..<count]), tell)
      return count
    case .wouldBlock:
      return nil
    case .closed:
      close(progress)
      self.progress = nil
      return nil
    }
  }

  private func tell(_ line: CommandLogLine) {
    if let news = ProgressLine.parse(line.text) { child.run.report(news) }
  }

  private func closeInput() {
    if let input { close(input) }
    input = nil
  }

  private func closeOutput() {
    if let output { close(output) }
    output = nil
  }
}
