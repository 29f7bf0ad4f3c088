/// Makes a run that breaks a promise shorter: its faults are written down, then faults and jobs are
/// dropped one at a time while the same promise still breaks. Dropping one moves all that follows, so
/// each candidate is tried under a few orders of events. The same run always shrinks to the same.
package struct Shrinker {
  /// Runs tried at most: some seconds.
  static let runsMax = 4_000
  /// Orders of events that a candidate is tried under.
  static let salts: UInt64 = 24

  private let invariant: Invariant
  private var best: SimulationCase
  private var bestSteps: Int
  private var runs = 0

  /// The shortest form found; the run itself when nothing can be dropped.
  package static func shrink(_ found: SimulationCase) -> SimulationCase {
    let result = Simulator(found).run()
    guard let violation = result.violation else { return found }
    var shrinker = Shrinker(
      invariant: violation.invariant, best: found, bestSteps: result.steps)
    var written = found
    written.faults = result.faultsInjected
    written.jobs = found.jobs ?? Array(0..<result.jobs)
    guard shrinker.accept(written) else { return found }
    shrinker.dropAll()
    shrinker.findShortest()
    return shrinker.best
  }

  private init(invariant: Invariant, best: SimulationCase, bestSteps: Int) {
    self.invariant = invariant
    self.best = best
    self.bestSteps = bestSteps
  }

  private mutating func dropAll() {
    var hasDropped = true
    while hasDropped {
      hasDropped = dropOne(\.faults)
      hasDropped = dropOne(\.jobs) || hasDropped
    }
  }

  private mutating func dropOne<Element>(
    _ list: WritableKeyPath<SimulationCase, [Element]?>
  ) -> Bool {
    var hasDropped = false
    var index = (best[keyPath: list]?.count ?? 0) - 1
    while index >= 0 {
      var shorter = best
      shorter[keyPath: list]?.remove(at: index)
      if accept(shorter) { hasDropped = true }
      index -= 1
    }
    return hasDropped
  }

  /// Breaks the same promise under some order of events: then it is the best so far.
  private mutating func accept(_ candidate: SimulationCase) -> Bool {
    for salt in [candidate.salt] + Array(0..<Self.salts) where runs < Self.runsMax {
      var tried = candidate
      tried.salt = salt
      guard let steps = stepsToViolation(tried) else { continue }
      best = tried
      bestSteps = steps
      return true
    }
    return false
  }

  /// Of the orders of events that break it, the one that needs the fewest steps.
  private mutating func findShortest() {
    for salt in 0..<(Self.salts * 8) where runs < Self.runsMax {
      var tried = best
      tried.salt = salt
      guard let steps = stepsToViolation(tried), steps < bestSteps else { continue }
      best = tried
      bestSteps = steps
    }
  }

  private mutating func stepsToViolation(_ candidate: SimulationCase) -> Int? {
    runs += 1
    let result = Simulator(candidate).run()
    return result.violation?.invariant == invariant ? result.steps : nil
  }
}
