import Foundation
import Testing

/// `belfry drill` on a real cluster: it hurts what it says, counts, and leaves nothing behind.
@Suite(.serialized)
struct DrillTests {
  private struct Report: Decodable {
    let drill: String, id: String
    let jobs: Int, lost: Int, twice: Int, failed: Int, ranAgain: Int, repeatedSubmits: Int
    let noticedMs: Int?, recoveredMs: Int?
  }

  private func cluster(amqp: String? = nil, mongo: String? = nil) async throws -> TestCluster {
    let cluster = try await TestCluster(amqp: amqp, mongo: mongo)
    try cluster.startCoordinator()
    for name in ["drill-1", "drill-2"] { try await cluster.issue("worker", name) }
    try await until("the coordinator answers") { try await cluster.health() != nil }
    return cluster
  }

  private func drill(_ cluster: TestCluster, _ arguments: String...) async throws -> Ended {
    try await drill(cluster, arguments)
  }

  private func drill(_ cluster: TestCluster, _ arguments: [String]) async throws -> Ended {
    try await Run.program(
      cluster.belfryPath,
      ["drill"] + arguments + [
        "--worker", cluster.certs + "/drill-1", "--worker", cluster.certs + "/drill-2", "--lane",
        cluster.lane, "-o", "json",
      ], environment: cluster.client, limit: 240)
  }

  private func report(_ cluster: TestCluster, _ arguments: String...) async throws -> Report {
    let ended = try await drill(cluster, arguments)
    if ended.status != 0 {
      let health = try await cluster.belfry("health", "-o", "json")
      Issue.record("\(ended.err)\n\(health.out)\n\(cluster.log("c1").suffix(2_000))")
    }
    try #require(ended.status == 0)
    return try JSONDecoder().decode(Report.self, from: Data(ended.out.utf8))
  }

  @Test func aKilledWorkerLosesNothing() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let report = try await report(cluster, "worker-kill", "--jobs", "60")
    #expect(report.drill == "worker-kill" && report.jobs >= 60)
    #expect(report.lost == 0 && report.twice == 0 && report.failed == 0)
    #expect(report.ranAgain > 0, "nothing was running on the one that was killed")
    #expect(try #require(report.noticedMs) < 20_000)
    #expect(try #require(report.recoveredMs) < 60_000)
    // Counted by somebody else.
    let counted = try await cluster.count(report.jobs, prefix: report.id, state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    // It left in order, and nothing of it is left.
    let health = try #require(try await cluster.health())
    #expect(health.nodes.filter { $0.name.hasPrefix("drill-") }.allSatisfy { $0.state == "left" })
    let folder = FileManager.default.temporaryDirectory.path + "/belfry-\(report.id)"
    #expect(!FileManager.default.fileExists(atPath: folder))
  }

  @Test func aPausedWorkerRecordsNothingTwice() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let report = try await report(cluster, "worker-pause", "--jobs", "60", "--for", "7s")
    #expect(report.lost == 0 && report.twice == 0 && report.ranAgain > 0)
    #expect(try #require(report.noticedMs) >= 3_000)
    let counted = try await cluster.count(report.jobs, prefix: report.id, state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
  }

  @Test(arguments: ["broker-restart", "store-outage"])
  func aPartThatIsAwayLosesNothing(_ name: String) async throws {
    let server =
      name == "broker-restart" ? try await PrivateServer.rabbit() : try await PrivateServer.mongo()
    let cluster = try await cluster(
      amqp: name == "broker-restart" ? server.url : nil,
      mongo: name == "broker-restart" ? nil : server.url)
    do {
      let (stop, start) = server.commands
      let report = try await report(
        cluster, name, "--jobs", "60", "--for", "8s", "--stop-command", stop, "--start-command",
        start, "--yes")
      #expect(report.lost == 0 && report.twice == 0 && report.jobs >= 60)
      #expect(report.ranAgain == 0, "no job runs twice because a part was away")
      #expect(report.noticedMs != nil && report.recoveredMs != nil)
    } catch {
      Issue.record("\(error)\n\(cluster.log("c1").suffix(2_000))")
    }
    cluster.stop()
    await server.stop()
  }

  @Test func itAsksFirstAndHurtsNobodyElse() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let marker = cluster.folder.appendingPathComponent("hurt").path
    let plan = try await drill(
      cluster, "store-outage", "--stop-command", "touch \(marker)", "--start-command", "true",
      "--dry-run")
    #expect(plan.status == 0 && plan.out.contains("run: touch \(marker)"), "\(plan)")
    let unasked = try await drill(
      cluster, "store-outage", "--stop-command", "touch \(marker)", "--start-command", "true")
    #expect(unasked.status == 64 && unasked.err.contains("BF0106"), "\(unasked)")
    #expect(!FileManager.default.fileExists(atPath: marker))
    // A command that fails: what it stopped is started all the same.
    let failed = try await drill(
      cluster, "store-outage", "--jobs", "10", "--stop-command", "echo no; exit 3",
      "--start-command", "touch \(marker)", "--yes")
    #expect(failed.status == 75 && failed.err.contains("status 3: no"), "\(failed)")
    #expect(FileManager.default.fileExists(atPath: marker))
    // A worker of the user's own is never taken.
    try await cluster.issue("worker", "w1")
    let taken = try await cluster.belfry(
      "drill", "worker-kill", "--worker", cluster.certs + "/w1", "--worker",
      cluster.certs + "/drill-1", "--lane", cluster.lane)
    #expect(taken.status == 78 && taken.err.contains("must begin with drill-"), "\(taken.err)")
  }
}
