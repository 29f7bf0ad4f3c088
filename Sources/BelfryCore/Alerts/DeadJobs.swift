internal import OrderedCollections

/// Something that has happened, for whoever collects errors: no episode, so it has no end.
package struct Notice: Sendable, Equatable {
  /// `job-dead`, `node-crashed`.
  package var rule: String
  /// What is one thing to people: kind and reason, node and signal.
  package var subject: String
  package var summary: String
  package var why: String
  package var at: WallTime
  package var tags: [String: String]
  /// The same from whichever coordinator tells of it; nil: only one does.
  package var key: String?

  package init(
    rule: String, subject: String, summary: String, why: String, at: WallTime,
    tags: [String: String], key: String? = nil
  ) {
    self.rule = rule
    self.subject = subject
    self.summary = summary
    self.why = why
    self.at = at
    self.tags = tags
    self.key = key
  }

  /// A process of Belfry died of a signal, by its own fault.
  package static func crashed(
    _ node: NodeName, role: String, _ death: Death, at now: WallTime
  ) -> Notice {
    Notice(
      rule: "node-crashed", subject: "\(role)/\(death.signal)",
      summary: "\(role) \(node) died of \(death.signal)",
      why: "the process before this one, boot \(death.boot), left word of it; "
        + "\(death.lastWords.count) runs ended with it",
      at: now, tags: ["role": role, "node": node.text, "signal": death.signal],
      key: "crash/\(death.boot)")
  }
}

/// Dead jobs as notices: one a kind and reason a minute, 30 a minute in all, however many die. What is
/// left out is counted in the next one.
package struct DeadJobs: Sendable {
  package static let every = Duration.seconds(60)
  package static let noticesMax = 30
  /// Kinds and reasons that are told apart at a time.
  package static let groupsMax = 200
  private static let idsMax = 1_000

  private struct Group {
    var untold = 0
    var told: WallTime?
    var last: Outcome
  }

  private var groups = OrderedDictionary<String, Group>()
  /// An outcome is announced again when a late copy of its job is met.
  private var seen = OrderedSet<JobID>()
  private var window = WallTime(milliseconds: 0)
  private var noticesInWindow = 0

  package init() {}

  package mutating func died(_ outcomes: [Outcome], at now: WallTime) {
    for outcome in outcomes where outcome.state == .failed {
      guard seen.append(outcome.id).inserted else { continue }
      if seen.count > Self.idsMax { seen.removeFirst() }
      let subject = Self.subject(outcome)
      let isKnown = groups[subject] != nil || groups.count < Self.groupsMax
      let key = isKnown ? subject : "others"
      groups[key, default: Group(last: outcome)].untold += 1
      groups[key]?.last = outcome
    }
  }

  /// What is to be told now; called at least every few seconds.
  package mutating func due(at now: WallTime) -> [Notice] {
    guard !groups.isEmpty else { return [] }
    if Self.isOver(window, at: now) { (window, noticesInWindow) = (now, 0) }
    var notices: [Notice] = []
    for (subject, group) in groups {
      guard group.told.map({ Self.isOver($0, at: now) }) ?? true else { continue }
      if group.untold == 0 {
        groups[subject] = nil
      } else if noticesInWindow < Self.noticesMax {
        noticesInWindow += 1
        notices.append(Self.notice(subject, group))
        groups[subject]?.untold = 0
        groups[subject]?.told = now
      }
    }
    return notices
  }

  /// A clock that was set back makes nobody wait for it.
  private static func isOver(_ time: WallTime, at now: WallTime) -> Bool {
    now < time || now - time >= every
  }

  private static func subject(_ outcome: Outcome) -> String {
    "\(outcome.kind?.text ?? "unknown")/\(outcome.reason)"
  }

  private static func notice(_ subject: String, _ group: Group) -> Notice {
    let outcome = group.last
    let error = outcome.error.map { "\($0.code): \($0.message)" } ?? outcome.reason
    let more = group.untold > 1 ? ", and \(group.untold - 1) more since the last message" : ""
    return Notice(
      rule: "job-dead", subject: subject,
      summary: "job \(outcome.id) of \(subject) failed for good\(more)", why: error,
      at: outcome.finishedAt,
      tags: [
        "job": outcome.id.text, "kind": outcome.kind?.text ?? "", "reason": outcome.reason,
        "lane": outcome.lane.text, "worker": outcome.worker?.text ?? "",
        "tries": "\(outcome.tries)", "losses": "\(outcome.losses)", "count": "\(group.untold)",
      ].filter { !$0.value.isEmpty })
  }
}
