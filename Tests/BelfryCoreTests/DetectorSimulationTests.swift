import BelfryTestKit
import Testing

/// A small share of what `belfry-sim detect` runs with optimisation.
@Suite struct DetectorSimulationTests {
  static func plan(_ change: (inout DetectorSimulation.Plan) -> Void = { _ in })
    -> DetectorSimulation.Plan
  {
    var plan = DetectorSimulation.Plan()
    plan.nodes = 8
    plan.seconds = 4_000
    plan.deathEvery = .seconds(400)
    change(&plan)
    return plan
  }

  @Test(
    "5 % loss, pauses and an observer that sleeps: nobody who lives is lost, the dead within 5 s")
  func steady() throws {
    let report = DetectorSimulation(Self.plan()).run(0..<8)
    #expect(report.falselyLost == 0)
    #expect(report.nodeHours > 8)
    #expect(report.boundPerNodeHour == 3 / report.nodeHours)
    #expect(report.noticedMS.count > 40)
    #expect(try #require(report.noticedMS(quantile: 0.999)) <= 5_000)
  }

  @Test("where nothing is lost and nobody sleeps, a death is noticed after 3.5 to 4.1 s")
  func silence() throws {
    let plan = Self.plan {
      $0.loss = 0
      $0.pauseEvery = .seconds(1_000_000)
      $0.sleepEvery = .seconds(1_000_000)
    }
    let report = DetectorSimulation(plan).run(0..<8)
    #expect(try #require(report.noticedMS.min()) >= 3_500)
    #expect(try #require(report.noticedMS.max()) <= 4_100)
  }

  @Test("30 % loss: the stream alone lies, with datagrams beside it nobody is lost")
  func lossy() {
    let both = DetectorSimulation(Self.plan { $0.loss = 0.3 }).run(0..<8)
    #expect(both.falselyLost == 0)
    #expect(both.degraded > 0, "its streams are stuck now and then")
    let stream = DetectorSimulation(
      Self.plan {
        $0.loss = 0.3
        $0.hasDatagrams = false
      }
    ).run(0..<8)
    #expect(stream.falselyLost > 20)
    #expect(stream.boundPerNodeHour > Double(stream.falselyLost) / stream.nodeHours)
  }

  @Test("each node for itself, the same seed the same numbers")
  func repeatable() {
    let simulation = DetectorSimulation(Self.plan())
    var parts = simulation.run(0..<3)
    parts.add(simulation.run(3..<8))
    #expect(parts == simulation.run(0..<8))
    #expect(parts != DetectorSimulation(Self.plan { $0.seed = 2 }).run(0..<8))
  }
}
