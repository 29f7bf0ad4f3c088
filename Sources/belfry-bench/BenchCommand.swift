internal import ArgumentParser
internal import Belfry

/// The benchmarks: real broker, real store, real processes, mutual TLS. `make bench` runs them all.
@main
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "belfry-bench",
    abstract: "Measure the RPC layer, and a coordinator and one worker on real parts.",
    discussion: """
      RPC: an echo server on the first core, its caller on the last; mutual TLS, one connection, 64 B.
      Drain: COUNT queued jobs of SIZE bytes through coordinator and one worker whose handler does
      nothing, each outcome inserted with majority and journal; then as many with a queue bound to the
      events. Latency: from submit to the outcome seen by the submitter, at RATE jobs a second. Run it
      by make bench, which starts the servers.
      """,
    subcommands: [
      Run.self, Embedded.self, Watching.self, WatchNodes.self, WatchLoads.self, NoopWorker.self,
      RPCCaller.self, RPCServer.self, Load.self,
      Hold.self, Codec.self,
    ],
    defaultSubcommand: Run.self)

  struct Run: AsyncParsableCommand {
    @Option(help: "Jobs to drain.") var count = 200_000
    @Option(help: "Bytes of each payload.") var size = 256
    @Option(help: "The worker's slots.") var slots = 1_000
    @Option(help: "Jobs a second for the latency.") var rate = 200
    @Option(help: "Seconds of the latency run.") var seconds = 10

    func run() async throws {
      let bench = try await Bench.onServers(slots: slots)
      defer { bench.stop() }
      print(bench.machine)
      print(try bench.rpc(), terminator: "")
      print(try await bench.drain(count: count, size: size))
      print(try await bench.drainWithEvents(count: count, size: size))
      print(try await bench.latency(rate: rate, seconds: seconds, size: size))
    }
  }

  /// The same job's way on `belfry dev`: no server but our own.
  struct Embedded: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure belfry dev: queue and store in one file, synced.",
      discussion: """
        COUNT jobs of SIZE bytes, from several callers, run by a worker in another process whose handler
        does nothing: from the first submit to the last outcome.
        BELFRY_TEST_BIN names the folder of belfry: BELFRY_TEST_BIN=.build/release belfry-bench embedded
        """)

    @Option(help: "Jobs.") var count = 20_000
    @Option(help: "Bytes of each payload.") var size = 256
    @Option(help: "The worker's slots.") var slots = 1_000
    @Option(help: "Submitters at a time.") var callers = 8

    func run() async throws {
      let bench = try await Bench.embedded(slots: slots)
      defer { bench.stop() }
      print(bench.machine)
      print(try await bench.through(count: count, size: size, callers: callers))
    }
  }

  /// What watchers of the health stream cost.
  struct Watching: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure what watchers of a cluster's health cost its coordinator.",
      discussion: """
        A coordinator (belfry dev) with NODES workers that beat, a lane that is paused and let go on five
        times a second; without watchers, and with WATCHERS of them, for SECONDS each.
        BELFRY_TEST_BIN names the folder of belfry: BELFRY_TEST_BIN=.build/release belfry-bench watching
        """)

    @Option(help: "Workers in session.") var nodes = 2_000
    @Option(help: "Watchers, each with a connection of its own.") var watchers = 500
    @Option(help: "Seconds of each measurement.") var seconds = 20

    func run() async throws {
      let bench = try await Bench.embedded(slots: 1)
      defer { bench.stop() }
      print(bench.machine)
      print(try await bench.watching(nodes: nodes, watchers: watchers, seconds: seconds))
    }
  }

  struct WatchNodes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "watch-nodes", shouldDisplay: false)

    @Argument var certificates: String
    @Argument var port: Int
    @Argument var count: Int

    func run() async throws {
      try await WatchLoad.nodes(count, certificates: certificates, port: port)
    }
  }

  struct WatchLoads: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "watch-load", shouldDisplay: false)

    @Argument var identity: String
    @Argument var port: Int
    @Argument var count: Int

    func run() async throws {
      try await WatchLoad.watchers(count, identity: identity, port: port)
    }
  }

  /// Measures calls to an `RPCServer` that it starts on the first core.
  struct RPCCaller: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rpc-caller", shouldDisplay: false)

    @Argument var certificates: String
    @Option(help: "Seconds of each measurement.") var seconds = 3

    func run() async throws {
      try await RPCBench.measure(certificates: certificates, for: .seconds(seconds))
    }
  }

  struct RPCServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rpc-server", shouldDisplay: false)

    @Argument var identity: String
    @Argument var port: Int

    func run() async throws { try await RPCBench.serve(port: port, identity: identity) }
  }

  struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rpc-load", shouldDisplay: false)

    @Argument(help: "single, stream or large.") var kind: String
    @Argument var identity: String
    @Argument var port: Int
    @Option var seconds = 2.0

    func run() async throws {
      try await RPCLoad.run(kind, identity: identity, port: port, for: .seconds(seconds))
    }
  }

  struct Hold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rpc-hold", shouldDisplay: false)

    @Argument var count: Int
    @Argument var identity: String
    @Argument var port: Int

    func run() async throws { try await RPCLoad.hold(count, identity: identity, port: port) }
  }

  struct Codec: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "codec", shouldDisplay: false)

    @Option var rounds = 15

    func run() throws { try CodecBench.run(rounds: rounds) }
  }

  /// The worker of the benchmark: a handler in Swift that returns its payload's size.
  struct NoopWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "noop-worker", shouldDisplay: false)

    @Argument var server: String
    @Argument var identity: String
    @Argument var store: String
    @Argument var slots: Int

    func run() async throws {
      var worker = JobWorker(
        name: "w1", server: server, identity: identity, store: store.isEmpty ? nil : store,
        slots: slots)
      worker.handle("noop") { job in JobOutput("\(job.payload.count)") }
      try await worker.run()
    }
  }
}
