import BelfryTestKit
import Testing

/// A small share of what `belfry-sim` runs with optimisation.
@Suite struct SimulatorTests {
  @Test("300 seeds keep every promise")
  func seeds() {
    for seed in 1...300 as ClosedRange<UInt64> {
      let result = Simulator(seed: seed).run()
      #expect(result.violation == nil, "seed \(seed): belfry-sim --seed \(seed) --trace")
    }
  }

  @Test("the same seed gives the same run, traced or not")
  func same() {
    for seed in [3, 77, 408] as [UInt64] {
      let first = Simulator(seed: seed, faults: 5).run()
      let second = Simulator(seed: seed, faults: 5).run()
      let traced = Simulator(seed: seed, faults: 5, traces: true).run()
      #expect(first.hash == second.hash)
      #expect(first.hash == traced.hash)
      #expect(first.steps == traced.steps)
      #expect(!traced.trace.isEmpty)
    }
  }

  @Test("another seed gives another run")
  func other() {
    let hashes = (1...50 as ClosedRange<UInt64>).map { Simulator(seed: $0).run().hash }
    #expect(Set(hashes).count == 50)
  }

  @Test("every kind of fault is done, and never more than were asked for")
  func faults() {
    var done = [Int](repeating: 0, count: FaultKind.allCases.count)
    for seed in 1...200 as ClosedRange<UInt64> {
      let result = Simulator(seed: seed, faults: 10).run()
      #expect(result.faults.reduce(0, +) <= 10)
      for (index, count) in result.faults.enumerated() { done[index] += count }
    }
    for kind in FaultKind.allCases where kind != .workerGone {
      #expect(done[kind.rawValue] > 0, "\(kind) was never done")
    }
  }
}
