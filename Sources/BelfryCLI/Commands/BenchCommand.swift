internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import Foundation

struct BenchCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast a cluster takes, runs and answers jobs.",
    discussion: """
      Three phases, with jobs that only a worker of the benchmark's own can run, in this process, by a \
      handler that does nothing:

        fill        --jobs jobs are submitted, 100 a call, by --callers callers
        drain       the worker starts: from its first job to the last outcome
        steady      --rate jobs a second for --for, after a second of warm-up: submit is the time until a
                    job is accepted, round-trip until its outcome is seen here. Both count from when the
                    job was due, so a stall is counted for every job that it held up

      Times are in microseconds. The jobs share the lane and the servers with all others; their outcomes stay:
      belfry job forget --all --prefix bench- removes them.

      Before the first: belfry cert issue worker bench-1 --dir certs

      Examples:

        belfry bench --worker certs/bench-1
        belfry bench --worker certs/bench-1 --rate 500 --for 30s --svg bench.svg -o csv
      """)

  @Option(help: "Folder of an identity for the benchmark's worker, its name begins with bench-.")
  var worker: String
  @Option(help: "A lane that the coordinator serves.") var lane = "default"
  @Option(help: "Jobs to fill and drain, 1 to 1000000.") var jobs = 10_000
  @Option(help: "Bytes of each payload, at most 1048576.") var size = 256
  @Option(help: "Callers at a time while it fills, 1 to 256.") var callers = 8
  @Option(help: "The worker's slots, 1 to 10000.") var slots = 1_000
  @Option(help: "Jobs a second in the steady phase, 1 to 10000.") var rate = 100
  @Option(
    name: .customLong("for"), help: "How long the steady phase is, whole seconds, at most 1h.")
  var time = DurationOption(.seconds(10))
  @Option(help: "How long each phase may take.") var limit = DurationOption(.seconds(300))
  @Option(help: "Draw the percentiles into this file, as SVG.", completion: .file())
  var svg: String?
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...1_000_000).contains(jobs), (0...1_048_576).contains(size),
      (1...256).contains(callers), (1...10_000).contains(slots), (1...10_000).contains(rate),
      (Duration.seconds(1)...Duration.seconds(3_600)).contains(time.duration)
    else { throw ValidationError("a number is out of its range: belfry bench --help") }
  }

  func report() async throws -> Report {
    let plan = try await plan()
    return try await client.connected { client, limit in
      _ = try await client.health(serving: lane, within: limit)
      let phases = try await interruptible(remark: "stopping: the benchmark's worker leaves first")
      {
        try await BenchRun(plan: plan, client: client).run()
      }
      if let svg { try draw(phases, to: svg) }
      return Report(phases.map(\.document), kind: "Bench", columns: BenchPhase.columns)
    }
  }

  private func plan() async throws -> BenchPlan {
    let name = try NodeIdentity(folder: worker, role: .worker).name.text
    guard name.hasPrefix("bench-") else {
      throw UserError(
        .badSetting, "worker \(name) cannot take part in a benchmark",
        why: "so that nobody's jobs go through it, its name must begin with bench-",
        next: ["belfry cert issue worker bench-1 --dir certs"])
    }
    return BenchPlan(
      id: "bench-" + String(format: "%08x", UInt32.random(in: 0 ... .max)), lane: lane,
      server: try await client.access.place().server, worker: (name, worker), slots: slots,
      jobs: jobs, size: size, callers: callers, rate: rate,
      seconds: Int(time.duration / .seconds(1)), limit: limit.duration)
  }

  private func draw(_ phases: [BenchPhase], to path: String) throws {
    let plot = BenchPlot(
      title: "belfry bench: \(rate) jobs/s of \(size) B",
      lines: phases.compactMap { phase in phase.latencies.map { (phase.name, $0) } })
    do {
      try Data(plot.svg.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError(
        .badFile, "\(path) cannot be written", why: error.localizedDescription,
        next: ["--svg FILE in a folder that is yours"])
    }
  }
}
