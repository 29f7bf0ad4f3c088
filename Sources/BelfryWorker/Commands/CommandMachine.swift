/// Decides how a running command is brought to its end: when it is told to go, when it is killed,
/// and what the end is called. Pure: it is told what happened and says what to do.
///
/// The first cause counts. A command that is told to end because its time is up has timed out, even
/// if it then exits with 0; one that has exited before any cause ends as it exited.
struct CommandMachine {
  enum Effect: Equatable {
    case nothing
    /// SIGTERM to the process group.
    case terminate
    /// SIGKILL to the process group.
    case kill
    /// Finish without it: it does not die (a process in an uninterruptible wait, such as a dead
    /// network file system, survives SIGKILL until the wait ends).
    case abandon
  }

  private enum State {
    case running
    case terminating(CommandResult.Ending)
    case killed(CommandResult.Ending)
    case over
  }

  /// How long a killed command is waited for. It is gone in milliseconds, or not for a long time.
  static let abandonAfter = Duration.seconds(10)

  private var state = State.running
  private let timeout: Duration?
  private let grace: Duration
  private let resultBytesMax: Int
  /// When `deadlinePassed` is to be called; nil if there is nothing to wait for.
  private(set) var deadline: ContinuousClock.Instant?

  /// - Parameters:
  ///   - timeout: from now; nil is none.
  ///   - grace: from SIGTERM to SIGKILL; zero kills at once.
  init(
    timeout: Duration?, grace: Duration, resultBytesMax: Int, startedAt now: ContinuousClock.Instant
  ) {
    self.timeout = timeout
    self.grace = grace
    self.resultBytesMax = resultBytesMax
    deadline = timeout.map { now + $0 }
  }

  mutating func stopRequested(at now: ContinuousClock.Instant) -> Effect {
    guard case .running = state else { return .nothing }
    return end(as: .stopped, at: now)
  }

  mutating func resultOverflowed(at now: ContinuousClock.Instant) -> Effect {
    guard case .running = state else { return .nothing }
    return kill(as: .resultTooLarge(bytesMax: resultBytesMax), at: now)
  }

  mutating func deadlinePassed(at now: ContinuousClock.Instant) -> Effect {
    guard let deadline, now >= deadline else { return .nothing }
    switch state {
    case .running:
      return end(as: .timedOut(after: timeout ?? .zero), at: now)
    case .terminating(let ending):
      return kill(as: ending, at: now)
    case .killed:
      self.deadline = nil
      return .abandon
    case .over:
      return .nothing
    }
  }

  /// It has exited and all that it wrote was read, or it was abandoned (status nil).
  mutating func finished(_ status: ChildExit?) -> CommandResult.Ending {
    defer {
      state = .over
      deadline = nil
    }
    switch (state, status) {
    case (.terminating(let ending), _), (.killed(let ending), _): return ending
    case (_, .exited(0)): return .succeeded
    case (_, .exited(let code)): return .exited(code)
    case (_, .signaled(let signal)): return .killed(signal: signal)
    case (_, .unknown), (_, nil): return .killed(signal: 0)
    }
  }

  private mutating func end(
    as ending: CommandResult.Ending, at now: ContinuousClock.Instant
  ) -> Effect {
    guard grace > .zero else { return kill(as: ending, at: now) }
    state = .terminating(ending)
    deadline = now + grace
    return .terminate
  }

  private mutating func kill(
    as ending: CommandResult.Ending, at now: ContinuousClock.Instant
  ) -> Effect {
    state = .killed(ending)
    deadline = now + Self.abandonAfter
    return .kill
  }
}
