import Foundation
import Testing

/// What helps when something is wrong: the doctor, checks, the bundle, completions.
@Suite(.serialized)
struct SupportTests {
  struct Report: Decodable {
    struct Item: Decodable {
      let group: String
      let name: String
      let state: String
      let found: String
      let fix: String?
    }
    let errors: Int
    let items: [Item]
  }

  private func doctor(
    _ cluster: TestCluster, _ more: [String], environment: [String: String] = [:]
  ) async throws -> (ended: Ended, report: Report, seconds: Double) {
    let start = Date()
    let ended = try await Run.program(
      cluster.belfryPath, ["doctor", "-o", "json"] + more,
      environment: cluster.client.merging(environment) { _, own in own })
    let seconds = Date().timeIntervalSince(start)
    return (ended, try JSONDecoder().decode(Report.self, from: Data(ended.out.utf8)), seconds)
  }

  @Test func theDoctorFindsNothingWhereNothingIsWrong() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    let (ended, report, seconds) = try await doctor(
      cluster, ["--queue", cluster.amqp, "--store", cluster.store, "--role", "operator"])
    #expect(report.items.count >= 30, "\(report.items.count)")
    #expect(report.errors == 0 && [0, 2].contains(ended.status), "\(ended)")
    #expect(seconds < 10)
    let groups = Set(report.items.map(\.group))
    #expect(
      groups == ["host", "libraries", "config", "identity", "broker", "store", "cluster"])
    let hops = report.items.filter { ["broker", "store", "cluster"].contains($0.group) }
    #expect(hops.allSatisfy { $0.state == "ok" }, "\(hops)")
  }

  /// Silent hosts, wrong passwords, a broken file: each is found, named, and has a line that mends it.
  @Test func theDoctorNamesWhatIsWrongAndHowToMendIt() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    // A port that takes connections and never says a word.
    let silent = try FreePort.find()
    try cluster.start(
      "silent",
      [
        "-c",
        "import socket,time; s=socket.create_server(('127.0.0.1',\(silent)), backlog=64); time.sleep(600)",
      ], program: cluster.services.python)
    try await until("it listens") {
      try await Run.program(
        "/usr/bin/env", ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/\(silent)"]
      ).status == 0
    }
    let key = cluster.certs + "/me/identity.key"
    chmod(key, 0o644)
    let (ended, report, seconds) = try await doctor(
      cluster,
      [
        "--queue", "amqp://nobody:wrong@\(cluster.amqp.split(separator: "@").last ?? "")",
        "--store", "mongodb://127.0.0.1:\(silent)/?replicaSet=rs0", "--server",
        "https://127.0.0.1:\(silent)", "--role", "worker",
      ])
    #expect(ended.status == 1 && seconds < 10, "\(seconds) s: \(ended)")
    func item(_ group: String, _ name: String) -> Report.Item? {
      report.items.first { $0.group == group && $0.name == name }
    }
    #expect(item("identity", "key's mode")?.fix == "chmod 600 \(key)")
    #expect(item("identity", "role")?.state == "error")
    #expect(item("broker", "connection")?.state == "ok")
    #expect(item("broker", "login")?.state == "error", "\(ended.out)")
    #expect(item("broker", "login")?.found.contains("nobody") == true, "\(ended.out)")
    #expect(item("store", "replica set and user")?.state == "error", "\(ended.out)")
    #expect(item("cluster", "call")?.state == "error", "\(ended.out)")
    for item in report.items where item.state == "error" || item.state == "warning" {
      #expect(item.fix?.isEmpty == false, "\(item)")
    }
    let (_, mended, _) = try await doctor(cluster, ["--only", "identity", "--fix"])
    #expect(mended.items.first { $0.name == "key's mode" }?.state == "ok")
    let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func checksSpeakToMonitoring() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let down = try await cluster.belfry("check", "live", "--format", "nagios", "--timeout", "2s")
    #expect(down.status == 2 && down.out.hasPrefix("BELFRY CRITICAL - live: "), "\(down)")
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let noWorker = try await cluster.belfry("check")
    #expect(noWorker.status == 2 && noWorker.out.contains("no worker is up"), "\(noWorker)")
    let warning = try await cluster.belfry("check", "--format", "nagios")
    #expect(warning.status == 1 && warning.out.hasPrefix("BELFRY WARNING - nodes: "), "\(warning)")
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    let good = try await cluster.belfry("check", "all", "--format", "nagios")
    #expect(good.status == 0 && good.out.hasPrefix("BELFRY OK - "), "\(good)")
    let text = try await cluster.belfry("check", "--format", "prometheus")
    let judged = try await Run.program("/usr/bin/promtool", ["check", "metrics"], input: text.out)
    #expect(judged.status == 0 && judged.err.isEmpty, "\(judged)")
    cluster.kill9("w1")
    try await until("the loss is an error") {
      try await cluster.belfry("check", "nodes").status == 1
    }
  }

  /// Secrets are planted in every place that a bundle reads, and none is in it.
  @Test func theBundleHasNoSecrets() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = cluster.folder
    let config = folder.appendingPathComponent("c.yaml")
    try Data(
      "# canary01 is no secret; password: canary02\nqueue:\n  url: amqp://u:canary03@mq/\n".utf8
    ).write(to: config)
    let key = try String(contentsOfFile: cluster.certs + "/me/identity.key", encoding: .utf8)
    let secretLine = try #require(key.split(separator: "\n").dropFirst().first)
    let log = folder.appendingPathComponent("old.log")
    try Data(
      """
      connecting to mongodb://admin:canary04@db:27017/x
      {"password":"canary05","token": "canary06"} BELFRY_STORE_PASSWORD=canary07
      Authorization: Bearer canary08.abc
      the broker said canary09 and canary10
      \(key)
      plain words stay
      """.utf8
    ).write(to: log)
    let credentials = folder.appendingPathComponent("credentials")
    try FileManager.default.createDirectory(at: credentials, withIntermediateDirectories: true)
    try Data("canary10\n".utf8).write(to: credentials.appendingPathComponent("store-password"))
    let bundle = folder.appendingPathComponent("b.tar.gz").path
    let ended = try await Run.program(
      cluster.belfryPath,
      [
        "support", "bundle", "--file", bundle, "--log", log.path, "--config", config.path,
      ],
      environment: cluster.client.merging([
        "BELFRY_QUEUE_PASSWORD": "canary09", "CREDENTIALS_DIRECTORY": credentials.path,
        "AWS_SECRET_ACCESS_KEY": "canary11",
      ]) { _, own in own })
    try cluster.require(ended)
    let mode = try FileManager.default.attributesOfItem(atPath: bundle)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let text = try await Run.program("/usr/bin/env", ["tar", "-xzOf", bundle])
    #expect(text.out.contains("plain words stay") && text.out.contains("canary01"), "\(text)")
    #expect(text.out.contains("\"kind\":\"Health\""), "\(text)")
    for number in 2...11 {
      let canary = "canary" + (number < 10 ? "0" : "") + "\(number)"
      #expect(!text.out.contains(canary), "\(canary)")
    }
    #expect(!text.out.contains(secretLine), "a private key")
  }

  /// In the shells themselves: somebody types a word's beginning and presses Tab.
  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsWorkInTheShells(_ shell: String) async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "echo", prefix: "photo")
    _ = try await cluster.job("photo-1")
    let folder = cluster.folder.path
    let script = folder + (shell == "zsh" ? "/_belfry" : "/belfry.\(shell)")
    let made = try cluster.require(try await cluster.belfry("completion", shell))
    try Data(made.out.utf8).write(to: URL(fileURLWithPath: script))
    let (command, setUp) =
      switch shell {
      case "bash": ("bash --norc -i", ". '\(script)'")
      case "fish": ("fish -N -i", "source '\(script)'")
      default:
        (
          "zsh -f -i",
          "fpath=('\(folder)' $fpath); autoload -U compinit; compinit -u -d '\(folder)/dump'"
        )
      }
    let terminal = try await Tmux(
      command,
      environment: cluster.client.merging([
        "PATH": cluster.services.bin + ":/usr/bin:/bin", "HOME": folder,
      ]) { _, own in own })
    try await terminal.type(setUp + "; clear; echo REA''DY", "Enter")
    try await terminal.until("the shell is ready") { $0.contains("READY") }
    // A job and a lane of the running cluster, a command, an option.
    for (words, expected) in [
      ("belfry job show pho", "belfry job show photo-1"),
      ("belfry lane pause t-", "belfry lane pause \(cluster.lane)"),
      ("belfry sched", "belfry schedule"),
      ("belfry job show --time", "belfry job show --timeout"),
    ] {
      try await terminal.type("C-u", words)
      // On a busy machine the cluster may not answer within 300 ms: then nothing comes, and one tries again.
      try await until("\(words) is completed in \(shell)", within: 60) {
        try await terminal.type("Tab")
        for _ in 0..<20 where try await !terminal.screen.contains(expected) {
          try await Task.sleep(for: .milliseconds(50))
        }
        return try await terminal.screen.contains(expected)
      }
    }
    await terminal.close()
  }
}
