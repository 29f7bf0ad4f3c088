/// One alert episode: fired once, resolved once, with why.
package struct Alert: Sendable, Equatable {
  package enum State: String, Sendable {
    case firing, resolved
  }
  package enum Severity: String, Sendable {
    case critical, warning, info
  }

  /// Rule and subject are its identity, `node-lost` and `w1`.
  package var rule: String
  package var subject: String
  package var state: State
  package var severity: Severity
  package var summary: String
  /// What was seen last, how long ago.
  package var why: String
  package var firedAt: WallTime
  package var resolvedAt: WallTime?
  package var jobsMoved: Int

  package init(
    rule: String, subject: String, state: State = .firing, severity: Severity, summary: String,
    why: String, firedAt: WallTime, resolvedAt: WallTime? = nil, jobsMoved: Int = 0
  ) {
    self.rule = rule
    self.subject = subject
    self.state = state
    self.severity = severity
    self.summary = summary
    self.why = why
    self.firedAt = firedAt
    self.resolvedAt = resolvedAt
    self.jobsMoved = jobsMoved
  }
}
