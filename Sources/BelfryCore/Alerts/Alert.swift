/// One alert episode: fired once, resolved once, with why.
package struct Alert: Sendable, Equatable {
  /// In this order; `pending` and `acknowledged` may be left out.
  package enum State: String, Sendable, CaseIterable {
    /// What it is about is so, not yet for long enough. Never stored, never sent.
    case pending
    case firing
    /// Somebody looks after it.
    case acknowledged
    case resolved
  }
  package enum Severity: String, Sendable, Comparable {
    case critical, warning, info

    /// The worst first.
    package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
    private var rank: Int { self == .critical ? 0 : self == .warning ? 1 : 2 }
  }

  /// Rule and subject are its identity, `node-lost` and `w1`.
  package var rule: String
  package var subject: String
  package var state: State
  package var severity: Severity
  package var summary: String
  /// What was seen last, how long ago. Of an alert that is raised as resolved: why it is over.
  package var why: String
  package var firedAt: WallTime
  package var resolvedAt: WallTime?
  package var jobsMoved: Int
  package var acknowledgement: Acknowledgement?
  /// Why no sink was told that it fires: a silence's id, another alert's, or `flapping`; empty: they
  /// were.
  package var heldBackBy = ""
  /// Why it is over, as the store has it beside why it fired.
  package var resolvedWhy = ""
  /// Who raised it; empty: not known.
  package var coordinator = ""

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

  package var id: AlertID { AlertID(rule: rule, subject: subject) }
  package var isHeldBack: Bool { !heldBackBy.isEmpty }
}

/// Names an alert: of one rule and subject at most one episode is open. Written `node-lost/w1`.
package struct AlertID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rule: String
  package let subject: String

  package init(rule: String, subject: String) {
    self.rule = rule
    self.subject = subject
  }

  /// Nil without a `/` that has something on either side. A rule has none, a subject may.
  package init?(_ text: String) {
    guard let slash = text.firstIndex(of: "/") else { return nil }
    self.init(rule: String(text[..<slash]), subject: String(text[text.index(after: slash)...]))
    if rule.isEmpty || subject.isEmpty { return nil }
  }

  package var description: String { "\(rule)/\(subject)" }

  package static func < (a: Self, b: Self) -> Bool { (a.rule, a.subject) < (b.rule, b.subject) }
}

/// That somebody looks after an alert.
package struct Acknowledgement: Sendable, Equatable {
  package var by: String
  package var at: WallTime
  package var note: String

  package init(by: String, at: WallTime, note: String) {
    self.by = by
    self.at = at
    self.note = note
  }
}
