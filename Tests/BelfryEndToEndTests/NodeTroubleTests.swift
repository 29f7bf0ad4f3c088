import Foundation
import Testing

/// A worker that is heard and can do nothing: it is named, it gets nothing new, and the others go on.
@Suite struct NodeTroubleTests {
  private func state(of name: String, in cluster: TestCluster) async throws -> String? {
    try await cluster.health()?.nodes.first { $0.name == name }?.state
  }

  @Test func oneThatAloneDoesNotReachItsStoreIsDegraded() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    let nowhere = "mongodb://127.0.0.1:\(try FreePort.find())/nothing"
    try await cluster.startWorker(
      "w1", run: ["work=true"], slots: 2, environment: [:], "--store", nowhere)
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "work", prefix: "kept")
    try await until("w1 is degraded", within: 120) {
      try await state(of: "w1", in: cluster) == "degraded"
    }
    #expect(cluster.log("c1").contains("node-store-down"))
    try await cluster.startWorker("w2", run: ["work=true"])
    try await cluster.untilUp("w2")
    try await cluster.submit(20, kind: "work", prefix: "others")
    let counted = try await cluster.count(20, prefix: "others", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
  }
}
