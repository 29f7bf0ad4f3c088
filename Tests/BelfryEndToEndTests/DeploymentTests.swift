import Foundation
import Testing

/// The files in deploy/ against the program: what they say to it must exist.
@Suite struct DeploymentTests {
  private func check(_ more: String...) async throws -> Ended {
    let services = try Services()
    return try await Run.program(
      services.python,
      [
        services.scripts + "/lib/deploy_check.py", "--commands", "--binary",
        services.bin + "/belfry",
      ] + more, environment: ["PYTHONDONTWRITEBYTECODE": "1"])
  }

  @Test("every command, option and variable in units, Compose, Kubernetes and docs is known")
  func commands() async throws {
    let ended = try await check()
    #expect(ended.status == 0, "\(ended.err)")
  }

  @Test("Prometheus' rules name metrics that a coordinator has")
  func metrics() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let port = try FreePort.find()
    try cluster.startCoordinator("--http", "127.0.0.1:\(port)")
    let rules = try String(
      contentsOfFile: cluster.services.scripts + "/../deploy/prometheus/rules.yaml", encoding: .utf8
    )
    // The one that is there only while an alert fires; promtool's tests know it.
    let names = Set(rules.matches(of: /belfry_[a-z_]+/).map { String($0.0) })
      .subtracting(["belfry_alerts_firing"])
    #expect(names.count > 5)
    try await until("the coordinator has \(names.sorted())", within: 60) {
      let text = try await Run.program(
        "/usr/bin/env", ["curl", "-s", "http://127.0.0.1:\(port)/metrics"]
      ).out
      return names.allSatisfy { text.contains("\n\($0){") || text.contains("\n\($0) ") }
    }
  }

  @Test("a mistake in any of them is found")
  func control() async throws {
    let ended = try await check("--control")
    #expect(ended.status == 0, "\(ended.err)")
  }
}
