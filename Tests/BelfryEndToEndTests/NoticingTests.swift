import Foundation
import Testing

/// What a coordinator makes of a worker that falls silent, on one way or on both, without root; with it, in
/// network namespaces, `ChaosTests` has more.
@Suite(.serialized)
struct NoticingTests {
  /// The worker's stream goes through a relay that can hold it; its datagrams do not.
  private static func startRelayed(_ cluster: TestCluster, run: String) async throws {
    let relay = try #require(
      Bundle.module.url(forResource: "relay", withExtension: "py", subdirectory: "Peers"))
    let port = try FreePort.find()
    try cluster.start(
      "relay", [relay.path, "\(port)", "\(cluster.port)", cluster.folder.path],
      program: cluster.services.python)
    try await until("the relay listens") { cluster.log("relay").contains("listens") }
    try await cluster.issue("worker", "w1")
    try cluster.start(
      "w1",
      [
        "worker", "run", "--server", "https://127.0.0.1:\(port)", "--identity",
        cluster.certs + "/w1", "--lanes", cluster.lane, "--slots", "1", "--run", run,
      ])
    try await cluster.untilUp("w1")
  }

  /// A command that writes down that it runs, and ends when the gate is open.
  private static func gated(_ cluster: TestCluster) -> (run: String, gate: URL, runs: URL) {
    let gate = cluster.folder.appendingPathComponent("gate")
    let runs = cluster.folder.appendingPathComponent("runs")
    let run =
      "slow=sh -c 'echo $BELFRY_JOB_ID >> \(runs.path); while ! test -e \(gate.path); do sleep 0.05; done; cat'"
    return (run, gate, runs)
  }

  private static func lines(_ file: URL) -> Int {
    (try? String(contentsOf: file, encoding: .utf8))?.split(separator: "\n").count ?? 0
  }

  private static func state(_ cluster: TestCluster) async throws -> String? {
    try await cluster.health()?.nodes.first { $0.name == "w1" }?.state
  }

  private static func losses(_ cluster: TestCluster) async throws -> Int {
    try await cluster.python("print(db.alerts.count_documents({'rule': 'node-lost'}))").out.number
  }

  @Test(
    "a stuck stream, with datagrams that come: degraded, a fresh connection, the job kept and run once"
  )
  func stuckStream() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    let (run, gate, runs) = Self.gated(cluster)
    try await Self.startRelayed(cluster, run: run)
    try await cluster.submit(2, kind: "slow", prefix: "job")
    try await until("one runs") { Self.lines(runs) == 1 }

    let stuck = cluster.folder.appendingPathComponent("stuck")
    try Data().write(to: stuck)
    // For a while it cannot even make a client: its key is away.
    let key = URL(fileURLWithPath: cluster.certs + "/w1/identity.key")
    let away = key.appendingPathExtension("away")
    try FileManager.default.moveItem(at: key, to: away)
    try await until("it is degraded") { try await Self.state(cluster) == "degraded" }
    try await until("it calls again") { cluster.log("w1").contains("a fresh connection") }
    try await until("it cannot") { cluster.log("w1").contains("identity.key") }
    try FileManager.default.moveItem(at: away, to: key)
    try FileManager.default.removeItem(at: stuck)
    try await until("the fresh connection is a session", within: 60) {
      try await Self.state(cluster) == "up"
    }
    #expect(Self.lines(runs) == 1, "the job goes on where it is")
    try Data().write(to: gate)
    let counted = try await cluster.count(2, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    #expect(Self.lines(runs) == 2, "each ran once")
    #expect(try await cluster.job("job-1").losses ?? 0 == 0)
    #expect(try await Self.losses(cluster) == 0, "it was never lost")
  }

  @Test(
    "without datagrams the same stuck stream is silence: lost, and back when it is through again")
  func stuckStreamWithoutDatagrams() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--datagrams", "off")
    try await Self.startRelayed(cluster, run: "slow=cat")
    let stuck = cluster.folder.appendingPathComponent("stuck")
    try Data().write(to: stuck)
    try await until("it is lost") { try await Self.state(cluster) == "lost" }
    try FileManager.default.removeItem(at: stuck)
    try await until("it is back", within: 90) { try await Self.state(cluster) == "up" }
  }

  @Test("silent on both ways: lost, and not before 3 s")
  func silence() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["slow=cat"])
    try await cluster.untilUp("w1")
    cluster.signal("w1", SIGSTOP)
    try await until("it is lost") { try await Self.losses(cluster) == 1 }
    let why = try await cluster.python("print(db.alerts.find_one({'rule': 'node-lost'})['why'])")
      .out
    let silence = try #require(why.firstMatch(of: /silent for (\d+\.\d) s/)?.1)
    #expect(try #require(Double(silence)) >= 3, "\(why)")
    cluster.signal("w1", SIGCONT)
    try await until("it is back", within: 60) { try await Self.state(cluster) == "up" }
  }

  @Test("stopped for 2.5 s, three times: never lost")
  func stopped() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    let (run, gate, runs) = Self.gated(cluster)
    try await cluster.startWorker("w1", run: [run], slots: 1)
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "slow", prefix: "job")
    try await until("it runs") { Self.lines(runs) == 1 }
    for _ in 1...3 {
      cluster.signal("w1", SIGSTOP)
      // The pause is the fault, not a wait for something.
      try await Task.sleep(for: .milliseconds(2_500))
      cluster.signal("w1", SIGCONT)
      try await until("it is up again") { try await Self.state(cluster) == "up" }
    }
    try Data().write(to: gate)
    let counted = try await cluster.count(1, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    #expect(Self.lines(runs) == 1)
    #expect(try await Self.losses(cluster) == 0)
  }
}
