internal import BelfryTestKit

/// Sums over runs.
struct Tally: Sendable {
  var runs = 0
  private var steps = 0
  private var jobs = 0
  private var handlerRuns = 0
  private var digest: UInt64 = 0
  private var faults = [Int](repeating: 0, count: FaultKind.allCases.count)
  /// Runs by how many faults were done in them.
  private var runsByFaults: [Int: Int] = [:]
  private(set) var broken: [(identity: SimulationCase, violation: Violation)] = []

  mutating func add(_ result: SimulationResult) {
    runs += 1
    steps += result.steps
    jobs += result.jobs
    handlerRuns += result.handlerRuns
    // A sum, so that the order in which threads add does not matter.
    digest &+= result.hash &* (result.identity.seed | 1)
    for (index, count) in result.faults.enumerated() { faults[index] += count }
    runsByFaults[result.faultsInjected.count, default: 0] += 1
    if let violation = result.violation { broken.append((result.identity, violation)) }
  }

  mutating func add(_ other: Tally) {
    runs += other.runs
    steps += other.steps
    jobs += other.jobs
    handlerRuns += other.handlerRuns
    digest &+= other.digest
    for (index, count) in other.faults.enumerated() { faults[index] += count }
    runsByFaults.merge(other.runsByFaults, uniquingKeysWith: +)
    broken += other.broken
  }

  var digestText: String { "digest " + String(digest, radix: 16) }

  func progress(after time: Duration) -> String {
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    let perSecond = Int(Double(runs) / max(seconds, 0.001))
    return "\(runs) runs, \(perSecond) runs/s, \(steps / max(runs, 1)) steps a run, \(jobs) jobs, "
      + "\(handlerRuns) handler runs, \(faults.reduce(0, +)) faults, \(broken.count) violations"
      + violationsByInvariant
  }

  private var violationsByInvariant: String {
    let names = broken.map(\.violation.invariant.rawValue)
    let counts = Set(names).sorted().map { name in "\(name) \(names.count { $0 == name })" }
    return counts.isEmpty ? "" : " (\(counts.joined(separator: ", ")))"
  }

  var brokenSeeds: String {
    broken.sorted { $0.identity.seed < $1.identity.seed }.prefix(20)
      .map { "\($0.identity.seed) (\($0.violation.invariant.rawValue))" }.joined(separator: ", ")
  }

  var faultTable: String {
    let kinds = FaultKind.allCases.map { "\($0) \(faults[$0.rawValue])" }
    let runs = runsByFaults.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    return "faults done: " + kinds.joined(separator: ", ") + "\nruns by number of faults: "
      + runs.joined(separator: ", ")
  }
}
