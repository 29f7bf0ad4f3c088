import Foundation
import Testing

/// `belfry bench` on a real cluster: it measures all that it says, and leaves nothing waiting behind.
@Suite(.serialized)
struct BenchTests {
  private struct Bench: Decodable {
    struct Phase: Decodable {
      let phase: String
      let jobs: Int
      let perSecond: Double
      let p50Us: Int?
      let p99Us: Int?
      let p9999Us: Int?
      let maxUs: Int?
    }
    let items: [Phase]
  }

  private func start() async throws -> TestCluster {
    let cluster = try await TestCluster()
    try cluster.startCoordinator()
    // Takes none of the benchmark's jobs.
    try await cluster.startWorker("w1", run: ["belfry-bench=false"])
    try await cluster.untilUp("w1")
    try await cluster.issue("worker", "bench-1")
    return cluster
  }

  private func bench(_ cluster: TestCluster, _ more: String...) async throws -> Ended {
    try await cluster.belfry(
      ["bench", "--worker", cluster.certs + "/bench-1", "--lane", cluster.lane] + more,
      identity: "me")
  }

  @Test func fillsDrainsAndSubmitsAtAnEvenRate() async throws {
    let cluster = try await start()
    defer { cluster.stop() }
    let svg = cluster.folder.path + "/bench.svg"
    let ended = try await bench(
      cluster, "--jobs", "250", "--rate", "50", "--for", "2s", "--svg", svg, "-o", "json")
    #expect(ended.status == 0, "\(ended)")
    let phases = try JSONDecoder().decode(Bench.self, from: Data(ended.out.utf8)).items
    #expect(phases.map(\.phase) == ["fill", "drain", "submit", "round-trip"])
    // The second of warm-up is not counted.
    #expect(phases.map(\.jobs) == [250, 250, 100, 100])
    #expect(phases.allSatisfy { $0.perSecond > 0 })
    #expect(phases[2].p50Us ?? .max < phases[3].p50Us ?? 0, "an outcome comes after the acceptance")
    #expect(phases[3].p9999Us ?? 0 <= phases[3].maxUs ?? 0)
    // 250 and 50 a second for 3 s, each with one outcome, by its own worker alone.
    let counted = try await cluster.python(
      """
      print(db.outcomes.count_documents({'state': 'succeeded', 'worker': 'bench-1'}),
            db.outcomes.count_documents({}))
      import xml.etree.ElementTree as tree
      print(len(tree.parse('\(svg)').getroot().findall('{http://www.w3.org/2000/svg}polyline')))
      """)
    #expect(counted.out.split(whereSeparator: \.isWhitespace) == ["400", "400", "2"], "\(counted)")
    #expect(!cluster.log("c1").contains("node-lost"), "its worker has left in order")
  }

  /// A stall holds up what was due meanwhile, also what could not even be submitted.
  @Test func aStallCountsForAllThatItHeldUp() async throws {
    let cluster = try await start()
    defer { cluster.stop() }
    try cluster.start(
      "bench",
      [
        "bench", "--worker", cluster.certs + "/bench-1", "--lane", cluster.lane, "--jobs", "1",
        "--rate", "50", "--for", "10s", "-o", "json",
      ], environment: cluster.client)
    try await until("the steady phase begins") { cluster.log("bench").contains("steady: ") }
    // For 2.6 s, of which the first second is warm-up. Waiting is what is tested.
    cluster.signal("c1", SIGSTOP)
    try await Task.sleep(for: .milliseconds(2_600))
    cluster.signal("c1", SIGCONT)
    #expect(try await cluster.status(of: "bench", within: 60) == 0, "\(cluster.log("bench"))")
    let printed = try #require(cluster.log("bench").split(separator: "\n").last)
    let phases = try JSONDecoder().decode(Bench.self, from: Data(printed.utf8)).items
    // Of 500 jobs, those due until 1.6 s after the stop have waited for at least one.
    let submit = try #require(phases.first { $0.phase == "submit" })
    #expect(submit.maxUs ?? 0 >= 1_000_000, "\(submit)")
    #expect(submit.p99Us ?? 0 >= 1_000_000, "\(submit)")
  }

  @Test func aWorkerOfAnotherNameIsNotUsed() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.issue("worker", "w1")
    let ended = try await cluster.belfry(
      ["bench", "--worker", cluster.certs + "/w1"], identity: "me")
    #expect(ended.status == 78 && ended.err.contains("must begin with bench-"), "\(ended)")
  }
}
