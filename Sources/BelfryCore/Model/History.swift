/// What became of one assignment that did not end its job.
package struct HistoryLine: Hashable, Sendable {
  package enum What: String, Sendable {
    case failed, timeout, lost
  }

  package var assignment: AssignmentID
  package var attempt: Int
  package var what: What
  package var worker: NodeName
  package var boot: BootID
  /// Lost only: the process had announced the start. If not, the loss weighs half.
  package var started: Bool
  /// Lost only: the worker ran a hazard at the time; this loss weighs nothing for the others.
  package var beside: Bool
  package var at: WallTime
  package var code: String
  package var message: String
  /// The end of what it printed, at most 1 KiB.
  package var stderr: String

  /// Of a loss of which nothing more is known (yet).
  package static let lostCode = "lost"

  package init(
    assignment: AssignmentID, attempt: Int, what: What, worker: NodeName, boot: BootID,
    started: Bool = true, beside: Bool = false, at: WallTime, code: String = "",
    message: String = "", stderr: String = ""
  ) {
    self.assignment = assignment
    self.attempt = attempt
    self.what = what
    self.worker = worker
    self.boot = boot
    self.started = started
    self.beside = beside
    self.at = at
    self.code = code
    self.message = message
    self.stderr = stderr
  }
}

/// A job's past: one line an assignment, carried in its messages. The history of a set of
/// deliveries is the union of theirs.
package struct History: Hashable, Sendable {
  /// In the order in which they were learnt.
  package private(set) var lines: [HistoryLine]
  /// Tries whose lines were cut to keep the message small.
  package private(set) var triesCut: Int

  /// Of failures the newest that are kept in a message.
  package static let failuresMax = 16

  package init(lines: [HistoryLine] = [], triesCut: Int = 0) {
    self.lines = lines
    self.triesCut = max(0, triesCut)
  }

  /// Tries used: the handler's own failures. A loss is not a try.
  package var tries: Int { triesCut + lines.count { $0.what != .lost } }
  package var losses: Int { lines.count { $0.what == .lost } }
  package var lostLines: [HistoryLine] { lines.filter { $0.what == .lost } }

  package func contains(_ assignment: AssignmentID) -> Bool {
    lines.contains { $0.assignment == assignment }
  }

  /// Adds a line, unless that assignment has one already.
  package mutating func add(_ line: HistoryLine) {
    guard !contains(line.assignment) else { return }
    lines.append(line)
    cut()
  }

  /// Replaces lines of which more is known by now.
  mutating func explain(_ known: (HistoryLine) -> HistoryLine?) {
    for index in lines.indices {
      if let line = known(lines[index]) { lines[index] = line }
    }
  }

  /// Failures older than the oldest one that is left of a cut history were counted by it.
  package mutating func formUnion(_ other: History) {
    let here = firstAttemptKept
    let there = other.firstAttemptKept
    lines.removeAll { $0.what != .lost && $0.attempt < there && !other.contains($0.assignment) }
    for line in other.lines where !contains(line.assignment) {
      if line.what == .lost || line.attempt >= here { lines.append(line) }
    }
    triesCut = max(triesCut, other.triesCut)
    cut()
  }

  private var firstAttemptKept: Int {
    guard triesCut > 0 else { return .min }
    return lines.lazy.filter { $0.what != .lost }.map(\.attempt).min() ?? .min
  }

  /// Lost lines are never cut (poison is decided from them); of failures the newest stay.
  private mutating func cut() {
    var excess = lines.count { $0.what != .lost } - Self.failuresMax
    guard excess > 0 else { return }
    triesCut += excess
    lines.removeAll { line in
      guard excess > 0, line.what != .lost else { return false }
      excess -= 1
      return true
    }
  }
}
