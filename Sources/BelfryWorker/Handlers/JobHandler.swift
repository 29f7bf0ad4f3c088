package import BelfryCore

/// What runs a job of one kind.
package enum JobHandler: Sendable {
  /// A handler in Swift: returns the result, or throws. It cannot be killed: at the time-out its
  /// task is cancelled, 5 s later it is given up and its slot stays taken until it returns.
  case swift(@Sendable (HandlerCall) async throws -> JobResult)
  /// A command: its process group is killed at the time-out.
  case command(CommandHandler)
}

/// One attempt, as a handler in Swift sees it.
package struct HandlerCall: Sendable {
  package let job: Job
  package let assignment: AssignmentID
  package let attempt: Int
  /// Until the attempt's time-out or the job's deadline.
  package let timeout: Duration?
  /// Says how far it is; seen live, never stored. From any thread, as often as one likes.
  package let report: @Sendable (JobProgress) -> Void
}

/// Thrown by a handler that wants its failure named, or never tried again.
package struct HandlerError: Error, Sendable, CustomStringConvertible {
  package var code: String
  package var message: String
  package var neverAgain: Bool

  package init(code: String = "error", message: String, neverAgain: Bool = false) {
    self.code = code
    self.message = message
    self.neverAgain = neverAgain
  }

  package var description: String { message }
}
