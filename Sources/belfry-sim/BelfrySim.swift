internal import ArgumentParser
internal import BelfryTestKit

/// Runs many seeds of the simulator, or one run with its trace.
@main
struct BelfrySim: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "belfry-sim",
    abstract: "Runs the real cores in a simulated world with faults, and checks every promise.",
    discussion: """
      Each seed is one run: jobs, one to three coordinators, a few workers, a broker, a store and a \
      network that fail. One seed in 50 is run twice, and some again in another process: they must \
      be the same. Exit status 1 when a promise was broken: printed are the seed, its trace made as \
      short as it gets, and the command that repeats it.

      EXAMPLES
        belfry-sim --seeds 10000
        belfry-sim --seeds 1000 --first-seed 50000 --faults 5
        belfry-sim --seed 4711 --trace
        belfry-sim --seed 4711 --jobs 0,2 --fault workerCrash@812334567:42 --trace
        belfry-sim detect
      """,
    subcommands: [Detect.self])

  @Option(help: "How many seeds to run.")
  var seeds = 10_000

  @Option(help: "The first seed.")
  var firstSeed: UInt64 = 1

  @Option(help: "Faults a run, at most. Default: 0 to 10, drawn for each seed.")
  var faults: Int?

  @Option(help: "Threads to use.")
  var threads = 2

  @Option(help: "Run only this seed.")
  var seed: UInt64?

  @Option(help: "With --seed: another order of events in the same world.")
  var salt: UInt64 = 0

  @Option(help: "With --seed: produce only these jobs (0,2).")
  var jobs: String?

  @Option(
    help: "With --seed: do these faults, not drawn ones (KIND@NANOSECONDS:CHOICE,... or none).")
  var fault: String?

  @Flag(help: "With --seed: print what happens.")
  var trace = false

  @Flag(help: "With --seed: make the run as short as it gets before it is shown.")
  var shrink = false

  @Flag(help: "Print one number that stands for all runs, and nothing else.")
  var digest = false

  func validate() throws {
    guard seeds >= 1, threads >= 1, threads <= 256, faults ?? 0 >= 0 else {
      throw ValidationError("--seeds and --threads are at least 1, --faults at least 0.")
    }
    guard seed != nil || !(trace || shrink || salt != 0 || jobs != nil || fault != nil) else {
      throw ValidationError("--trace, --shrink, --salt, --jobs and --fault need --seed.")
    }
    if let jobs, SimulationCase.jobs(jobs) == nil {
      throw ValidationError("--jobs is a list of numbers: 0,2.")
    }
    if let fault, SimulationCase.faults(fault) == nil {
      throw ValidationError("--fault is a list of KIND@NANOSECONDS:CHOICE, or none.")
    }
  }

  func run() async throws {
    if let seed { return try runOne(seed) }
    if digest {
      let total = await Portion(first: firstSeed, count: UInt64(seeds), faults: faults).run(threads)
      return print(total.digestText)
    }
    let total = await runAll()
    print(total.faultTable)
    if let worst = total.broken.min(by: { $0.identity.seed < $1.identity.seed }) {
      print("seeds: \(total.brokenSeeds)")
      show(worst.identity, of: worst.violation)
      throw ExitCode(1)
    }
    try await compareWithAnotherProcess()
  }

  private func runAll() async -> Tally {
    let clock = ContinuousClock()
    let began = clock.now
    var total = Tally()
    var next = firstSeed
    let end = firstSeed + UInt64(seeds)
    // Portions, so that progress shows and a violation ends the run soon.
    while next < end, total.broken.isEmpty {
      let count = min(max(UInt64(total.runs), 250), 20_000, end - next)
      total.add(await Portion(first: next, count: count, faults: faults).run(threads))
      next += count
      print(total.progress(after: clock.now - began))
    }
    return total
  }

  /// What hangs on the order of a set or a dictionary is the same all through one process.
  private func compareWithAnotherProcess() async throws {
    let count = UInt64(min(seeds, 200))
    let here = await Portion(first: firstSeed, count: count, faults: faults).run(threads)
    var arguments = ["--digest", "--first-seed", "\(firstSeed)", "--seeds", "\(count)"]
    if let faults { arguments += ["--faults", "\(faults)"] }
    let there = try await runProgram(Self.program, arguments)
    guard here.digestText == there else {
      print("VIOLATION of D1: seeds \(firstSeed)... run otherwise in another process")
      throw ExitCode(1)
    }
    print("\(count) seeds ran the same in another process: \(there)")
  }

  private static var program: String {
    #if os(Linux)
      "/proc/self/exe"
    #else
      CommandLine.arguments[0]
    #endif
  }

  private func runOne(_ seed: UInt64) throws {
    var identity = SimulationCase(seed: seed, faultsMax: faults)
    identity.salt = salt
    identity.jobs = jobs.flatMap { SimulationCase.jobs($0) }
    identity.faults = fault.flatMap { SimulationCase.faults($0) }
    let result = Simulator(identity, traces: trace && !shrink).run()
    for line in result.trace { print(line) }
    print(
      "seed \(seed): \(result.steps) steps, \(result.virtualTime) of virtual time, "
        + "hash \(String(result.hash, radix: 16))")
    guard let violation = result.violation else { return }
    print("VIOLATION of \(violation.invariant.rawValue): \(violation.message)")
    if shrink { show(identity, of: violation) }
    throw ExitCode(1)
  }

  /// Prints the shortest form of a run that breaks a promise.
  private func show(_ found: SimulationCase, of violation: Violation) {
    let short = violation.invariant == .D1 ? found : Shrinker.shrink(found)
    let result = Simulator(short, traces: true).run()
    for line in result.trace { print(line) }
    print(
      """

      VIOLATION of \(violation.invariant.rawValue) in seed \(found.seed): \(violation.message)
      As found:  belfry-sim \(found.arguments) --trace
      Shortened: belfry-sim \(short.arguments) --trace
      It has \(result.faultsInjected.count) faults and \(short.jobs?.count ?? result.jobs) jobs. \
      Keep the short one: Tests/BelfryCoreTests/KeptRuns.txt.
      """)
  }
}

/// Neighbouring seeds, shared among threads.
struct Portion: Sendable {
  let first: UInt64
  let count: UInt64
  let faults: Int?

  func run(_ threads: Int) async -> Tally {
    await withTaskGroup(of: Tally.self) { group in
      for thread in 0..<UInt64(threads) {
        group.addTask {
          var tally = Tally()
          for seed in stride(from: first + thread, to: first + count, by: threads) {
            tally.add(run(SimulationCase(seed: seed, faultsMax: faults)))
          }
          return tally
        }
      }
      var total = Tally()
      for await tally in group { total.add(tally) }
      return total
    }
  }

  /// One seed in 50 runs again, with its trace: it must be the same run.
  private func run(_ identity: SimulationCase) -> SimulationResult {
    let result = Simulator(identity).run()
    guard identity.seed.isMultiple(of: 50) else { return result }
    let again = Simulator(identity, traces: true).run()
    return again.hash == result.hash ? result : result.differing
  }
}
