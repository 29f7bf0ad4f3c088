/// Makes a run that breaks a promise shorter: its faults are written down, then faults and jobs are
/// dropped one at a time while the same promise still breaks. Dropping one moves all that follows, so
/// each candidate is tried under a few orders of events. The same run always shrinks to the same.
package struct Shrinker {
  /// Runs tried at most: some seconds.
  static let runsMax = 4_000
  /// Orders of events that a candidate is tried under.
  static let salts: UInt64 = 24

  /// After how many steps a run breaks the promise; nil: it keeps it.
  package typealias Judge = (SimulationCase) -> Int?

  private let judge: Judge
  private var best: SimulationCase
  private var bestSteps = Int.max
  private var runs = 0

  /// The shortest form found; the run itself when nothing can be dropped.
  package static func shrink(_ found: SimulationCase) -> SimulationCase {
    let result = Simulator(found).run()
    guard let violation = result.violation else { return found }
    var written = found
    written.faults = result.faultsInjected
    written.jobs = found.jobs ?? Array(0..<result.jobs)
    return shrink(written) { candidate in
      let result = Simulator(candidate).run()
      return result.violation?.invariant == violation.invariant ? result.steps : nil
    } ?? found
  }

  /// The same for a run whose faults and jobs are written down; nil when the judge finds nothing
  /// wrong with it under any order of events.
  package static func shrink(_ written: SimulationCase, _ judge: @escaping Judge) -> SimulationCase?
  {
    var shrinker = Shrinker(judge: judge, best: written)
    guard shrinker.accept(written) else { return nil }
    shrinker.dropAll()
    shrinker.findShortest()
    return shrinker.best
  }

  private init(judge: @escaping Judge, best: SimulationCase) {
    self.judge = judge
    self.best = best
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
      guard let steps = judged(tried) else { continue }
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
      guard let steps = judged(tried), steps < bestSteps else { continue }
      best = tried
      bestSteps = steps
    }
  }

  private mutating func judged(_ candidate: SimulationCase) -> Int? {
    runs += 1
    return judge(candidate)
  }
}
