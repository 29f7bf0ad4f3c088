package import BelfryCore
internal import Glibc

/// What became of one run of a command.
package struct CommandResult: Equatable, Sendable {
  package enum Ending: Equatable, Sendable {
    /// Exit status 0.
    case succeeded
    /// Any other exit status: 75 asks for another try, 65 for none (sysexits), the rest is left to
    /// the retry policy.
    case exited(Int32)
    /// A signal that we did not send.
    case killed(signal: Int32)
    /// It ran longer than it may; whatever it did when told to end does not count.
    case timedOut(after: Duration)
    /// Stopped by us: the attempt was stopped or the job cancelled.
    case stopped
    /// It wrote more to standard output than a result may have.
    case resultTooLarge(bytesMax: Int)
    /// The system could not start it.
    case notStarted(code: Int32, reason: String)
  }

  /// What the ending means for the job.
  package enum Verdict: Equatable, Sendable {
    case succeeded
    /// Failed; the command asks for another try.
    case tryAgain
    /// Failed; another try would not help.
    case neverAgain
    /// Failed; the job's retry policy decides.
    case byPolicy
    /// Neither: we stopped it.
    case stopped
  }

  package let ending: Ending
  /// Standard output of a command that succeeded; else empty.
  package let output: Payload
  /// The end of standard error (1 KiB unless set otherwise), for the error's record.
  package let errorTail: String
  package let duration: Duration

  package init(ending: Ending, output: Payload = .empty, errorTail: String, duration: Duration) {
    self.ending = ending
    self.output = output
    self.errorTail = errorTail
    self.duration = duration
  }

  package var verdict: Verdict {
    switch ending {
    case .succeeded: .succeeded
    case .exited(EX_TEMPFAIL): .tryAgain
    case .exited(EX_DATAERR), .resultTooLarge: .neverAgain
    case .exited, .killed, .timedOut: .byPolicy
    case .stopped: .stopped
    case .notStarted(let code, _):
      // The machine is short of something; the job has no part in it.
      [EAGAIN, ENOMEM, EMFILE, ENFILE, ETXTBSY].contains(code) ? .tryAgain : .byPolicy
    }
  }

  /// A stable code for the error's record; nil for a success.
  package var reason: String? {
    switch ending {
    case .succeeded: nil
    case .exited(let status): "exit-\(status)"
    case .killed(let signal): "signal-\(Self.signalName(signal))"
    case .timedOut: "timeout"
    case .stopped: "stopped"
    case .resultTooLarge: "result-too-large"
    case .notStarted: "not-started"
    }
  }

  /// The sentence for a person; nil for a success.
  package var message: String? {
    switch ending {
    case .succeeded: nil
    case .exited(let status): "the command exited with status \(status)"
    case .killed(let signal): "the command was killed by \(Self.signalName(signal))"
    case .timedOut(let limit): "the command ran longer than \(limit) and was ended"
    case .stopped: "the command was stopped"
    case .resultTooLarge(let max): "the command wrote more than \(max) bytes of result"
    case .notStarted(_, let reason): "the command could not be started: \(reason)"
    }
  }

  /// The failure to report; nil for a success, and for a command that we stopped.
  package func failure(startedAt: WallTime, finishedAt: WallTime) -> Failure? {
    guard let reason, let message, ending != .stopped else { return nil }
    var failure = Failure(
      neverAgain: verdict == .neverAgain,
      error: JobError(code: reason, message: message, stderr: errorTail),
      startedAt: startedAt, finishedAt: finishedAt)
    if case .timedOut = ending { failure.isTimeout = true }
    return failure
  }

  private static func signalName(_ signal: Int32) -> String {
    switch signal {
    case SIGHUP: "SIGHUP"
    case SIGINT: "SIGINT"
    case SIGQUIT: "SIGQUIT"
    case SIGILL: "SIGILL"
    case SIGTRAP: "SIGTRAP"
    case SIGABRT: "SIGABRT"
    case SIGBUS: "SIGBUS"
    case SIGFPE: "SIGFPE"
    case SIGKILL: "SIGKILL"
    case SIGUSR1: "SIGUSR1"
    case SIGSEGV: "SIGSEGV"
    case SIGUSR2: "SIGUSR2"
    case SIGPIPE: "SIGPIPE"
    case SIGALRM: "SIGALRM"
    case SIGTERM: "SIGTERM"
    case SIGXCPU: "SIGXCPU"
    case SIGXFSZ: "SIGXFSZ"
    case SIGSYS: "SIGSYS"
    case 0: "unknown"
    default: "\(signal)"
    }
  }
}
