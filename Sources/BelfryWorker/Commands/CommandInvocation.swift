package import BelfryCore

/// One run of a command: the job it is for, and how long it may take.
package struct CommandInvocation: Sendable {
  /// Its payload is written to the command's standard input, which is then closed.
  package var job: Job
  package var assignment: AssignmentID
  /// From 1.
  package var attempt: Int
  /// How long the command may run, from its start; nil is as long as it wants.
  package var timeout: Duration?
  /// Told how far the run is, as the command says; from a thread that serves every command.
  package var report: @Sendable (JobProgress) -> Void = { _ in }

  package init(job: Job, assignment: AssignmentID, attempt: Int, timeout: Duration? = nil) {
    self.job = job
    self.assignment = assignment
    self.attempt = attempt
    self.timeout = timeout
  }
}

/// A line that a command wrote to its standard error.
package struct CommandLogLine: Equatable, Sendable {
  /// Without the line's end. Bytes that are not UTF-8 are replaced; control characters stand as
  /// they came, so whoever prints it escapes them.
  package let text: String
  /// The line was longer than the limit; its rest is dropped.
  package let isCut: Bool

  package init(text: String, isCut: Bool = false) {
    self.text = text
    self.isCut = isCut
  }
}
