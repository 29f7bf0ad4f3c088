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

  @Test("Prometheus' rules and the dashboard name metrics that a coordinator has")
  func metrics() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let port = try FreePort.find()
    try cluster.startCoordinator("--http", "127.0.0.1:\(port)")
    let rules = try String(
      contentsOfFile: cluster.services.scripts + "/../deploy/prometheus/rules.yaml", encoding: .utf8
    )
    // The one that is there only while an alert fires; promtool's tests know it.
    let dashboard = try String(
      contentsOfFile: cluster.services.scripts + "/../deploy/prometheus/dashboard.json",
      encoding: .utf8)
    let names = Set((rules + dashboard).matches(of: /belfry_[a-z_]+/).map { String($0.0) })
      .subtracting(["belfry_alerts_firing"])
    #expect(names.count > 15)
    try await until("the coordinator answers a call") { try await cluster.health() != nil }
    try await until("the coordinator has \(names.sorted())", within: 60) {
      let text = try await Run.program(
        "/usr/bin/env", ["curl", "-s", "http://127.0.0.1:\(port)/metrics"]
      ).out
      return names.allSatisfy { text.contains("\n\($0){") || text.contains("\n\($0) ") }
    }
  }

  @Test("who joins as root by the printed line is whom the unit starts")
  func joinedIsStarted() async throws {
    let services = try Services()
    let unit = try String(
      contentsOfFile: services.scripts + "/../deploy/systemd/belfry-worker.service", encoding: .utf8
    )
    let folder = try #require(unit.firstMatch(of: /BELFRY_IDENTITY=(\S+)/)).1
    let help = try await Run.program(services.bin + "/belfry", ["worker", "join", "--help"])
    let words = help.out.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("[default: \(folder), or below your home]"), "\(help)")
  }

  @Test("every command has its manual page, and man has nothing to say of any")
  func manualPages() async throws {
    let services = try Services()
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let made = try await Run.program(
      services.python,
      [services.scripts + "/lib/manual_page.py", services.bin + "/belfry", folder])
    #expect(made.status == 0, "\(made)")
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(pages.count > 20 && Set(pages).isSuperset(of: ["belfry.1", "belfry.yaml.5"]))
    for page in pages {
      let judged = try await Run.program(
        "/usr/bin/env",
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", folder + "/" + page],
        environment: ["LC_ALL": "C.UTF-8", "MANWIDTH": "80"])
      #expect(judged.status == 0 && judged.err.isEmpty, "\(page): \(judged.err)")
    }
    func text(_ page: String) async throws -> String {
      try await Run.program(
        "/usr/bin/env", ["man", "-l", folder + "/" + page],
        environment: ["LC_ALL": "C.UTF-8", "MANWIDTH": "200"]
      ).out
    }
    let whole = try await text("belfry.1")
    for leaf in LeafTests.arguments.keys {
      #expect(whole.contains("belfry \(leaf)\n"), "belfry(1) lacks \(leaf)")
    }
    let job = try await text("belfry-job.1")
    #expect(job.contains("belfry job wait") && job.contains("--dry-run"), "\(job)")
    #expect(try await text("belfry.yaml.5").contains("BELFRY_WORKER_SLOTS"))
  }

  @Test("a mistake in any of them is found")
  func control() async throws {
    let ended = try await check("--control")
    #expect(ended.status == 0, "\(ended.err)")
  }
}
