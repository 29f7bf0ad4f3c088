import Foundation
import Testing

/// The health stream from the command line: where a watch was broken off, the next one goes on.
@Suite struct HealthWatchTests {
  /// The documents that a watcher has written, by what it was told.
  private func lines(_ cluster: TestCluster, _ name: String) throws -> [[String: Any]] {
    try cluster.log(name).split(separator: "\n").filter { $0.hasPrefix("{") }.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  private func watch(_ cluster: TestCluster, _ name: String, _ more: String...) throws {
    try cluster.start(
      name, ["health", "--watch", "-o", "ndjson"] + more, environment: cluster.client)
  }

  @Test func goesOnWhereItWas() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("it serves") { try await cluster.health() != nil }
    try watch(cluster, "first")
    try await until("the whole is told") {
      try lines(cluster, "first").contains { $0["kind"] as? String == "Health" }
    }
    cluster.kill9("first")
    let seen = try #require(try lines(cluster, "first").last?["cursor"] as? String)
    try cluster.require(try await cluster.belfry("lane", "pause", cluster.lane))
    try watch(cluster, "second", "--since", seen)
    try await until("what was missed is told") { try !lines(cluster, "second").isEmpty }
    let missed = try lines(cluster, "second")[0]
    #expect(missed["kind"] as? String == "HealthChange", "\(missed)")
    let lanes = missed["lanes"] as? [[String: Any]]
    #expect(lanes?.first?["paused"] as? Bool == true, "\(missed)")

    // A coordinator that was started anew counts anew: it is waited for, and tells the whole.
    cluster.kill9("c1")
    try await until("it is said that there is no news") {
      cluster.log("second").contains("no news, trying again")
    }
    try cluster.startCoordinator()
    try await until("the whole is told again") {
      try lines(cluster, "second").contains { $0["kind"] as? String == "Health" }
    }
    #expect(cluster.log("second").contains("connected again"))
  }

  @Test func aCursorIsForAWatch() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    for arguments in [["--since", "1@x"], ["--watch", "--since", "soon"]] {
      let ended = try await cluster.belfry(["health"] + arguments, identity: "me")
      #expect(ended.status == 64 && ended.err.contains("--since"), "\(ended)")
    }
  }
}
