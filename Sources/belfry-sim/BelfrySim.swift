internal import ArgumentParser
internal import BelfryCore
internal import BelfryTestKit

/// Runs many seeds of the simulator, or one with its trace.
@main
struct BelfrySim: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "belfry-sim",
    abstract: "Runs the real cores in a simulated world with faults, and checks every promise.",
    discussion: """
      Each seed is one run: a few jobs, two coordinators, a few workers, a broker, a store and a \
      network that fail. Exit status 1 when a promise was broken; the seed and its trace are printed.

      EXAMPLES
        belfry-sim --seeds 10000
        belfry-sim --seeds 1000 --first-seed 50000 --faults 5
        belfry-sim --seed 4711 --trace
      """)

  @Option(help: "How many seeds to run.")
  var seeds = 10_000

  @Option(help: "The first seed.")
  var firstSeed: UInt64 = 1

  @Option(help: "Faults a run, at most. Default: 0 to 10, drawn for each seed.")
  var faults: Int?

  @Option(help: "Run only this seed.")
  var seed: UInt64?

  @Flag(help: "With --seed: print what happens.")
  var trace = false

  @Option(help: "Threads to use.")
  var threads = 2

  func validate() throws {
    guard seeds >= 1, threads >= 1, threads <= 256, faults ?? 0 >= 0 else {
      throw ValidationError("--seeds and --threads are at least 1, --faults at least 0.")
    }
    if trace, seed == nil { throw ValidationError("--trace needs --seed.") }
  }

  func run() async throws {
    if let seed { return try runOne(seed) }
    let clock = ContinuousClock()
    let began = clock.now
    var total = Tally()
    var next = firstSeed
    let end = firstSeed + UInt64(seeds)
    // Portions, so that progress shows and a violation ends the run soon.
    while next < end, total.broken.isEmpty {
      let portion = min(UInt64(20_000), end - next)
      total.add(await runPortion(next, portion))
      next += portion
      print(total.progress(after: clock.now - began))
    }
    print(total.faultTable)
    if !total.broken.isEmpty {
      print(
        "seeds: "
          + total.broken.sorted { $0.seed < $1.seed }.prefix(20)
          .map { "\($0.seed) (\($0.invariant.rawValue))" }.joined(separator: ", "))
    }
    if let worst = total.broken.min(by: { $0.seed < $1.seed }) {
      show(worst.seed)
      throw ExitCode(1)
    }
  }

  private func runPortion(_ first: UInt64, _ count: UInt64) async -> Tally {
    let faults = faults
    let threads = UInt64(threads)
    return await withTaskGroup(of: Tally.self) { group in
      for thread in 0..<threads {
        group.addTask {
          var tally = Tally()
          for seed in stride(from: first + thread, to: first + count, by: Int(threads)) {
            tally.add(Simulator(seed: seed, faults: faults).run())
          }
          return tally
        }
      }
      var total = Tally()
      for await tally in group { total.add(tally) }
      return total
    }
  }

  private func runOne(_ seed: UInt64) throws {
    if trace {
      if show(seed) { throw ExitCode(1) }
      return
    }
    let result = Simulator(seed: seed, faults: faults).run()
    print(
      "seed \(seed): \(result.steps) steps, \(result.virtualTime) of virtual time, "
        + "hash \(String(result.hash, radix: 16))")
    if let violation = result.violation {
      print("\(violation.invariant.rawValue): \(violation.message)")
      throw ExitCode(1)
    }
  }

  /// Runs a seed again with its trace; true when it breaks a promise.
  @discardableResult
  private func show(_ seed: UInt64) -> Bool {
    let result = Simulator(seed: seed, faults: faults, traces: true).run()
    for line in result.trace where !line.hasSuffix("ms  ") { print(line) }
    guard let violation = result.violation else { return false }
    let again = faults.map { " --faults \($0)" } ?? ""
    print(
      """

      VIOLATION of \(violation.invariant.rawValue) in seed \(seed): \(violation.message)
      See it again: belfry-sim --seed \(seed)\(again) --trace
      """)
    return true
  }
}

/// Sums over runs.
struct Tally: Sendable {
  var runs = 0
  var steps = 0
  var jobs = 0
  var handlerRuns = 0
  var faults = [Int](repeating: 0, count: FaultKind.allCases.count)
  var broken: [(seed: UInt64, invariant: Invariant)] = []

  mutating func add(_ result: SimulationResult) {
    runs += 1
    steps += result.steps
    jobs += result.jobs
    handlerRuns += result.handlerRuns
    for (index, count) in result.faults.enumerated() { faults[index] += count }
    if let violation = result.violation { broken.append((result.seed, violation.invariant)) }
  }

  mutating func add(_ other: Tally) {
    runs += other.runs
    steps += other.steps
    jobs += other.jobs
    handlerRuns += other.handlerRuns
    for (index, count) in other.faults.enumerated() { faults[index] += count }
    broken += other.broken
  }

  func progress(after time: Duration) -> String {
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    let perSecond = Int(Double(runs) / max(seconds, 0.001))
    return "\(runs) runs, \(perSecond) runs/s, \(steps / max(runs, 1)) steps a run, \(jobs) jobs, "
      + "\(handlerRuns) handler runs, \(faults.reduce(0, +)) faults, \(broken.count) violations"
      + violationsByInvariant
  }

  private var violationsByInvariant: String {
    let names = broken.map(\.invariant.rawValue)
    let counts = Set(names).sorted().map { name in "\(name) \(names.count { $0 == name })" }
    return counts.isEmpty ? "" : " (\(counts.joined(separator: ", ")))"
  }

  var faultTable: String {
    "faults done: "
      + FaultKind.allCases.map { "\($0) \(faults[$0.rawValue])" }.joined(separator: ", ")
  }
}
