import BelfryTestKit
import Foundation
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

  @Test("a run that is written down is the same run, and so is its command line")
  func writtenDown() throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      let drawn = Simulator(seed: seed, faults: 3).run()
      var written = SimulationCase(seed: seed, faultsMax: 3)
      written.faults = drawn.faultsInjected
      written.jobs = Array(0..<drawn.jobs)
      #expect(SimulationCase(arguments: written.arguments)?.arguments == written.arguments)
      let again = Simulator(written).run()
      #expect(again.hash == drawn.hash, "\(written.arguments)")
      #expect(again.faults == drawn.faults)
    }
    #expect(SimulationCase(arguments: "--seed 1 --fault nothing@1:2") == nil)
    #expect(SimulationCase(arguments: "--jobs 1") == nil)
  }

  @Test("another order of events is another run of the same world")
  func salted() {
    var salted = SimulationCase(seed: 7, faultsMax: 0)
    salted.salt = 1
    let plain = Simulator(seed: 7, faults: 0).run()
    #expect(Simulator(salted).run().hash != plain.hash)
    #expect(Simulator(salted).run().jobs == plain.jobs)
  }

  @Test("a run is shrunk to the faults and jobs without which the promise would hold")
  func shrunk() throws {
    let text =
      "--seed 5 --jobs 0,1,2,3 --fault workerCrash@10:1,sessionCut@20:2,storeOutage@30:3"
    let found = try #require(SimulationCase(arguments: text))
    let shrink = {
      Shrinker.shrink(found) { run in
        let kinds = run.faults?.map(\.kind) ?? []
        guard kinds.contains(.sessionCut), run.jobs?.contains(2) == true, run.salt >= 3
        else { return nil }
        return 100 - Int(run.salt % 10)
      }
    }
    let short = try #require(shrink())
    #expect(short.arguments == "--seed 5 --salt 9 --jobs 2 --fault sessionCut@20:2")
    #expect(shrink() == short)
    #expect(Shrinker.shrink(found) { _ in nil } == nil)
  }

  /// What broke a promise once, in earnest or by a planted bug, must not do so again.
  static let kept: [String] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "KeptRuns.txt")
    let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
  }()

  @Test("every kept run keeps every promise")
  func keptRuns() throws {
    #expect(Self.kept.count >= 10)
    for line in Self.kept {
      let arguments = line.prefix { $0 != "#" }
      let run = try #require(SimulationCase(arguments: arguments), "\(line)")
      let violation = Simulator(run).run().violation
      #expect(violation == nil, "belfry-sim \(arguments)--trace")
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
    let rare: Set<FaultKind> = [.workerGone, .coordinatorGone]
    for kind in FaultKind.allCases where !rare.contains(kind) {
      #expect(done[kind.rawValue] > 0, "\(kind) was never done")
    }
  }
}
