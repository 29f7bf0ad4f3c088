/// How a worker's process before this one ended, as far as it could leave word: a process that is killed
/// with SIGKILL, by the system when memory ran out, or with its machine, leaves no signal.
package struct Death: Sendable, Equatable {
  package var boot: BootID
  /// `SIGSEGV` and so on; empty when there is none to be known.
  package var signal: String
  /// What commands that ran then had written last to standard error, at most 1 KiB each, by assignment.
  package var lastWords: [AssignmentID: String]

  /// Of how many runs a worker tells.
  package static let runsMax = 64

  package init(boot: BootID, signal: String, lastWords: [AssignmentID: String] = [:]) {
    self.boot = boot
    self.signal = signal
    self.lastWords = lastWords
  }
}

/// Deaths that workers told of, the newest 100: they explain losses that are in histories already.
struct Deaths {
  private static let countMax = 100
  private var deaths: [(worker: NodeName, death: Death)] = []

  /// - Returns: the death, if it is new.
  mutating func heard(_ death: Death?, of worker: NodeName) -> Death? {
    guard let death, !deaths.contains(where: { $0.death.boot == death.boot }) else { return nil }
    if deaths.count == Self.countMax { deaths.removeFirst() }
    deaths.append((worker, death))
    return death
  }

  /// What is known of a loss beyond that it was one; nil: nothing new.
  func explain(_ line: HistoryLine) -> HistoryLine? {
    guard line.what == .lost, line.code == HistoryLine.lostCode,
      let known = deaths.first(where: { $0.worker == line.worker && $0.death.boot == line.boot })
    else { return nil }
    var line = line
    let signal = known.death.signal
    line.code = signal.isEmpty ? "lost-without-signal" : "signal-\(signal)"
    line.message =
      signal.isEmpty
      ? "the worker died, signal unknown: killed, out of memory, or with its machine"
      : "the worker died of \(signal)"
    line.stderr = known.death.lastWords[line.assignment] ?? ""
    return line
  }
}
