internal import ArgumentParser
internal import BelfryTestKit

extension BelfrySim {
  /// The failure detector alone, many nodes for a long time.
  struct Detect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Runs the failure detector alone: false verdicts, and how soon the dead are noticed.",
      discussion: """
        Each node pauses now and then, its packets are lost, the observer sleeps, and some nodes die \
        silently. The same seed gives the same numbers. Exit status 1 when a node that lived was \
        called lost.

        EXAMPLES
          belfry-sim detect
          belfry-sim detect --nodes 100 --seconds 20000 --loss 0.3 --json
        """)

    @Option(help: "How many nodes.")
    var nodes = 2_000

    @Option(help: "Virtual seconds.")
    var seconds: Int64 = 100_000

    @Option(help: "Share of packets that are lost, each way.")
    var loss = 0.05

    @Option(help: "The seed.")
    var seed: UInt64 = 1

    @Option(help: "Threads to use.")
    var threads = 2

    @Flag(help: "Heartbeats on the stream only.")
    var streamOnly = false

    @Flag(help: "One JSON object.")
    var json = false

    func validate() throws {
      guard nodes >= 1, (1...10_000_000).contains(seconds), (0..<1).contains(loss), threads >= 1
      else {
        throw ValidationError("--nodes, --seconds and --threads are at least 1, --loss is below 1.")
      }
    }

    func run() async throws {
      var plan = DetectorSimulation.Plan()
      plan.seed = seed
      plan.nodes = nodes
      plan.seconds = seconds
      plan.loss = loss
      plan.hasDatagrams = !streamOnly
      let simulation = DetectorSimulation(plan)
      let report = await withTaskGroup(of: DetectorSimulation.Report.self) { tasks in
        for thread in 0..<threads {
          let share = (nodes * thread / threads)..<(nodes * (thread + 1) / threads)
          tasks.addTask { simulation.run(share) }
        }
        var total = DetectorSimulation.Report()
        for await part in tasks { total.add(part) }
        return total
      }
      print(json ? text(json: report) : text(report))
      if report.falselyLost > 0 { throw ExitCode(1) }
    }

    private func text(_ report: DetectorSimulation.Report) -> String {
      """
      \(nodes) nodes, \(seconds) virtual seconds, \(loss) of packets lost, \
      datagrams \(streamOnly ? "off" : "on"), seed \(seed)
      \(rounded(report.nodeHours)) node-hours: \(report.falselyLost) false verdicts, with a confidence of \
      95 % at most one in \(rounded(1 / report.boundPerNodeHour)) node-hours
      suspected \(report.suspected) times, degraded \(report.degraded) times
      \(report.noticedMS.count) silent deaths, noticed after \(noticed(report, 0.5)) ms (p50), \
      \(noticed(report, 0.99)) (p99), \(noticed(report, 0.999)) (p99.9), \(noticed(report, 1)) (longest)
      """
    }

    private func text(json report: DetectorSimulation.Report) -> String {
      """
      {"nodes":\(nodes),"seconds":\(seconds),"loss":\(loss),"datagrams":\(!streamOnly),"seed":\(seed),\
      "nodeHours":\(report.nodeHours),"falseVerdicts":\(report.falselyLost),\
      "falsePerNodeHourAtMost95":\(report.boundPerNodeHour),"suspected":\(report.suspected),\
      "degraded":\(report.degraded),"deaths":\(report.noticedMS.count),\
      "noticedMs":{"p50":\(noticed(report, 0.5)),"p99":\(noticed(report, 0.99)),\
      "p999":\(noticed(report, 0.999)),"max":\(noticed(report, 1))}}
      """
    }

    private func noticed(_ report: DetectorSimulation.Report, _ quantile: Double) -> String {
      report.noticedMS(quantile: quantile).map { "\($0)" } ?? (json ? "null" : "-")
    }

    private func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
  }
}
