import Foundation
import Testing

/// What people and their tools meet besides jobs: exit statuses, probes, settings, completions.
@Suite(.serialized)
struct ConsoleTests {
  private func cluster(_ more: String...) async throws -> TestCluster {
    let cluster = try await TestCluster()
    try cluster.startCoordinator(more)
    try await cluster.startWorker("w1", run: ["echo=cat", "never=sh -c 'exit 65'"])
    try await cluster.untilUp("w1")
    return cluster
  }

  private func run(
    _ cluster: TestCluster, _ arguments: [String], environment: [String: String] = [:],
    input: String? = nil
  ) async throws -> Ended {
    try await Run.program(
      cluster.belfryPath, arguments,
      environment: cluster.client.merging(environment) { _, own in own }, input: input)
  }

  /// One of each status that needs a cluster, and what is then on which stream.
  @Test func exitStatusesAndStreams() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    try await cluster.submit(1, kind: "echo", prefix: "good")
    try await cluster.submit(1, kind: "never", prefix: "bad")
    try await cluster.submit(1, kind: "echo", prefix: "later", "--delay", "1h")
    let cases: [([String], Int32, String)] = [
      (["job", "wait", "good-1"], 0, ""), (["job", "wait", "bad-1"], 1, ""),
      (["job", "wait", "good-1", "bad-1"], 2, ""), (["job", "sho", "x"], 64, "BF0001"),
      (["job", "show", "x", "-o", "nothing"], 64, "BF0001"),
      (["submit", "--kind", "bad kind", "--lane", cluster.lane], 65, "BF0201"),
      (["job", "show", "nobody"], 66, "BF0202"), (["context", "use", "nobody"], 66, "BF0110"),
      (["explain", "BF9"], 66, "BF0111"),
      (["config", "validate", "/nowhere.yaml"], 66, "BF0107"),
      (["health", "--server", "https://127.0.0.1:1"], 69, "BF0301"),
      (["job", "wait", "later-1", "--timeout", "300ms"], 75, "BF0303"),
      (["health", "--identity", cluster.certs + "/nobody"], 66, "BF0107"),
      (["health", "--config", "/nowhere.yaml"], 66, "BF0107"),
    ]
    for (arguments, status, code) in cases {
      let ended = try await run(cluster, arguments)
      #expect(ended.status == status, "\(arguments): \(ended)")
      if !code.isEmpty { #expect(ended.err.contains(code), "\(arguments): \(ended)") }
      if status >= 64 { #expect(ended.out.isEmpty, "\(arguments): data only: \(ended)") }
    }
    let file = cluster.folder.appendingPathComponent("bad.yaml").path
    try Data("worker:\n  slotz: 3\n".utf8).write(to: URL(fileURLWithPath: file))
    let bad = try await run(cluster, ["health", "--config", file])
    #expect(bad.status == 78 && bad.err.contains("\(file):2:3: worker.slotz"), "\(bad)")
    #expect(bad.err.contains("did you mean worker.slots?"), "\(bad)")
    let usage = try await run(cluster, ["submit", "-o", "json"])
    let value = try JSONSerialization.jsonObject(with: Data(usage.err.utf8)) as? [String: Any]
    #expect(usage.status == 64 && value?["code"] as? String == "BF0001", "\(usage)")
  }

  /// What only says what would be done touches nothing.
  @Test func aDryRunTouchesNothing() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let nobody = ["BELFRY_SERVER": "https://127.0.0.1:1"]
    let plan = try await run(
      cluster,
      ["submit", "--kind", "echo", "--count", "7", "--payload", "hi", "--dry-run", "-o", "csv"],
      environment: nobody)
    #expect(plan.status == 0 && plan.out.contains("7,echo,default,2"), "\(plan)")
    let node = try await run(cluster, ["node", "revoke", "w1", "--dry-run", "-o", "json"])
    #expect(node.status == 0 && node.out.contains("\"name\":\"w1\""), "\(node)")
    let absent = try await run(cluster, ["node", "revoke", "w77", "--dry-run"])
    #expect(absent.status == 66 && absent.err.contains("BF0611"), "\(absent)")
    try await cluster.submit(1, kind: "echo", prefix: "after")
    #expect(try await cluster.job("after-1").state == "succeeded", "w1 is still one of us")
  }

  /// A beginning that no other id has is enough for what has an outcome.
  @Test func idsByTheirBeginnings() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    for prefix in ["alpha", "beta"] { try await cluster.submit(1, kind: "never", prefix: prefix) }
    try await cluster.submit(2, kind: "echo", prefix: "gamma")
    for id in ["alpha-1", "beta-1", "gamma-1", "gamma-2"] { _ = try await cluster.job(id) }
    let retried = try await run(cluster, ["job", "retry", "alpha-1", "beta-1", "-o", "csv"])
    #expect(retried.status == 0 && retried.out.contains("alpha-1,"), "\(retried)")
    #expect(retried.out.contains("beta-1,"), "\(retried)")
    // What removes or runs again takes no beginnings: another job may have been meant.
    let part = try await run(cluster, ["job", "forget", "alpha", "--yes"])
    #expect(part.status == 66 && part.err.contains("no outcome matches"), "\(part)")
    let again = try await run(cluster, ["job", "retry", "alp", "-o", "csv"])
    #expect(again.status == 66 && again.out.isEmpty, "\(again)")
    #expect(try await run(cluster, ["job", "show", "alp"]).out.contains("alpha-1"))
    let forgotten = try await run(cluster, ["job", "forget", "gamma-2", "--yes", "-o", "name"])
    #expect(forgotten.status == 0 && forgotten.out == "gamma-2\n", "\(forgotten)")
    let result = try await run(cluster, ["job", "result", "gam"])
    #expect(result.status == 0 && result.out == "x", "\(result)")
  }

  @Test func codesAndSettingsAreExplained() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    for (word, said) in [("bf0302", "BF0302"), ("worker.slots", "BELFRY_WORKER_SLOTS")] {
      let ended = try await run(cluster, ["explain", word])
      #expect(ended.status == 0 && ended.out.contains(said), "\(ended)")
    }
    for (word, meant) in [("BF0320", "BF0302"), ("worker.slotz", "worker.slots")] {
      let ended = try await run(cluster, ["explain", word])
      #expect(ended.status == 66 && ended.err.contains("did you mean \(meant)?"), "\(ended)")
    }
  }

  /// How far it is stands on a terminal, and nowhere else.
  @Test func progressIsForTerminals() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let words = "submit --kind echo --lane \(cluster.lane) --payload x"
    let piped = try await run(
      cluster, (words + " --count 300 --delay 1h").split(separator: " ").map(String.init))
    #expect(piped.status == 0 && piped.err.isEmpty, "\(piped)")
    let terminal = try await Tmux("bash --norc -i", environment: cluster.client)
    try await terminal.type(
      "'\(cluster.belfryPath)' \(words) --count 200000 > /dev/null", "Enter")
    try await terminal.until("a bar, a rate, and the time that is left") {
      $0.contains("submit [") && $0.contains("/s  ") && $0.contains(" left")
    }
    try await terminal.type("C-c", "echo status=$?", "Enter")
    try await terminal.until("it has ended") { $0.contains("status=130") }
    await terminal.close()
  }

  /// What is not what it should be on the other side is 76.
  @Test func aServerOfAnotherKindIs76() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    // RabbitMQ's port speaks, but not TLS.
    let port = cluster.amqp.split(separator: ":").last.map { $0.prefix { $0.isNumber } } ?? ""
    let other = try await run(cluster, ["health", "--server", "https://127.0.0.1:\(port)"])
    #expect(other.status == 76, "\(other)")
    // A CA of the same name that is not the cluster's.
    let folder = cluster.folder.appendingPathComponent("other").path
    try cluster.require(
      try await cluster.belfry("cert", "init", "--cluster", "test", "--dir", folder))
    try await cluster.issue("operator", "me", dir: folder)
    let foreign = try await run(cluster, ["health", "--identity", folder + "/me"])
    #expect(foreign.status == 76 && foreign.err.contains("BF0306"), "\(foreign)")
  }

  @Test func metricsPassPromtoolAndProbesFollowTheNode() async throws {
    let (coordinator, worker) = (try FreePort.find(), try FreePort.find())
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.startWorker(
      "w1", run: ["echo=cat"], slots: 8, "--http", "127.0.0.1:\(worker)")
    try await until("the worker lives") { try await get(worker, "/healthz").status == 0 }
    let alone = try await get(worker, "/readyz")
    #expect(alone.out.contains("503") && alone.out.contains("no coordinator"), "\(alone)")
    try cluster.startCoordinator("--http", "127.0.0.1:\(coordinator)")
    try await cluster.untilUp("w1")
    try await until("both are ready") {
      let answers = [try await get(worker, "/readyz"), try await get(coordinator, "/readyz")]
      return answers.allSatisfy { $0.out == "ready\n200" }
    }
    try await cluster.submit(3, kind: "echo", prefix: "m")
    for number in 1...3 { _ = try await cluster.job("m-\(number)") }
    for (port, path) in [
      (coordinator, "/metrics"), (coordinator, "/metrics/per-node"), (worker, "/metrics"),
    ] {
      let text = try await get(port, path, withStatus: false)
      let judged = try await Run.program(
        "/usr/bin/promtool", ["check", "metrics"], input: text.out)
      #expect(judged.status == 0 && judged.err.isEmpty, "\(path): \(judged)\n\(text.out)")
    }
    let text = try await get(coordinator, "/metrics").out
    #expect(text.contains("belfry_jobs_finished_total{lane=\"\(cluster.lane)\"} 3\n"), "\(text)")
    #expect(text.contains("belfry_nodes{role=\"worker\",state=\"up\"} 1\n"), "\(text)")
    #expect(text.contains("belfry_rpc_refused_total{reason=\"certificate\"} 0\n"), "\(text)")
    // A stranger is refused and counted.
    _ = try await Run.program(
      "/usr/bin/env", ["curl", "-s", "http://127.0.0.1:\(cluster.port)/"])
    try await until("the refusal is counted") {
      let text = try await get(coordinator, "/metrics").out
      let lines = text.split(separator: "\n").filter { $0.hasPrefix("belfry_rpc_refused_total") }
      return lines.contains { !$0.hasSuffix(" 0") }
    }
    let other = try await get(coordinator, "/jobs")
    #expect(other.out.hasSuffix("404"), "\(other)")
    cluster.kill9("c1")
    try await until("the worker's session, which is over, is counted") {
      try await get(worker, "/metrics").out.contains(
        "belfry_rpc_client_requests_total{method=\"belfry.v1.Session/Connect\"")
    }
  }

  /// Histograms of jobs for all lanes, and by lane apart; calls by method and status.
  @Test func timesOfJobsAndCallsAreCounted() async throws {
    let port = try FreePort.find()
    let cluster = try await cluster("--http", "127.0.0.1:\(port)")
    defer { cluster.stop() }
    try await cluster.submit(3, kind: "echo", prefix: "m")
    try await cluster.submit(1, kind: "never", prefix: "n")
    for id in ["m-1", "m-2", "m-3", "n-1"] { _ = try await cluster.job(id) }
    let refused = try await run(cluster, ["job", "show", "nobody"])
    #expect(refused.status == 66)
    let text = try await get(port, "/metrics").out
    let lanes = try await get(port, "/metrics/per-lane", withStatus: false)
    for (page, line) in [
      (text, "belfry_job_wait_seconds_count 4"), (text, "belfry_job_run_seconds_count 4"),
      (text, "belfry_job_run_seconds_bucket{le=\"+Inf\"} 4"),
      (text, "belfry_lane_oldest_job_age_seconds{lane=\"\(cluster.lane)\"} 0"),
      (text, "belfry_rpc_requests_total{method=\"belfry.v1.Jobs/Get\",code=\"NOT_FOUND\"} 1"),
      (text, "belfry_rpc_duration_seconds_count{method=\"belfry.v1.Jobs/Get\"}"),
      (lanes.out, "belfry_job_wait_seconds_count{lane=\"\(cluster.lane)\"} 4"),
      (lanes.out, "belfry_job_run_seconds_sum{lane=\"\(cluster.lane)\"} "),
    ] { #expect(page.contains("\n" + line), "\(line) in\n\(page)") }
    #expect(!lanes.out.contains("process_"), "only what is by lane")
    let judged = try await Run.program("/usr/bin/promtool", ["check", "metrics"], input: lanes.out)
    #expect(judged.status == 0 && judged.err.isEmpty, "\(judged)")
    // A job that waits is as old as its wait.
    try await cluster.submit(1, kind: "nobody-serves-it", prefix: "w")
    try await until("the oldest job's age is seen") {
      try await get(port, "/metrics").out.split(separator: "\n")
        .contains { $0.hasPrefix("belfry_lane_oldest_job_age_seconds{") && !$0.hasSuffix(" 0") }
    }
  }

  private func get(_ port: Int, _ path: String, withStatus: Bool = true) async throws -> Ended {
    try await Run.program(
      "/usr/bin/env",
      ["curl", "-s"] + (withStatus ? ["-w", "%{http_code}"] : [])
        + ["http://127.0.0.1:\(port)\(path)"])
  }

  /// A flood of half-open connections neither stops the probes nor the node.
  @Test func theListenerHasALimit() async throws {
    let port = try FreePort.find()
    let cluster = try await cluster("--http", "127.0.0.1:\(port)")
    defer { cluster.stop() }
    let answer = try await cluster.python(
      """
      import socket, urllib.request
      idle = [socket.create_connection(('127.0.0.1', \(port))) for _ in range(200)]
      closed = 0
      for one in idle:
          one.settimeout(0.02)
          try:
              closed += one.recv(1) == b''
          except TimeoutError:
              pass
          except ConnectionError:
              closed += 1
      for one in idle: one.close()
      deadline = time.time() + 20
      while time.time() < deadline:
          try:
              print(closed, urllib.request.urlopen('http://127.0.0.1:\(port)/healthz').status)
              break
          except OSError:
              time.sleep(0.1)
      """)
    #expect(answer.out == "136 200\n", "\(answer)")
  }

  @Test func aPortThatIsTakenIsNamed() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    try await cluster.issue("coordinator", "c2", "--host", "127.0.0.1")
    for option in ["--http", "--listen"] {
      let free = try FreePort.find()
      let arguments =
        [
          "coordinator", "run", "--queue", cluster.amqp, "--store", cluster.store, "--identity",
          cluster.certs + "/c2", "--lanes", cluster.lane, option, "127.0.0.1:\(cluster.port)",
        ] + (option == "--http" ? ["--listen", "127.0.0.1:\(free)"] : [])
      let ended = try await run(cluster, arguments)
      #expect(ended.status == 69 && ended.err.contains("BF0112"), "\(option): \(ended)")
    }
  }

  @Test func settingsAreReadAnewAtSIGHUP() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let file = cluster.folder.appendingPathComponent("c.yaml")
    try Data("log:\n  level: warning\n".utf8).write(to: file)
    try cluster.startCoordinator("--config", file.path)
    try await until("the coordinator answers") { try await cluster.health() != nil }
    #expect(!cluster.log("c1").contains("coordinator is ready"), "its level is warning")
    try Data("log:\n  level: debug\ncoordinator:\n  payloadMax: 1000\n".utf8).write(to: file)
    cluster.signal("c1", SIGHUP)
    try await until("it says what waits") { cluster.log("c1").contains("coordinator.payloadMax") }
    #expect(cluster.log("c1").contains("\"labels.level\":\"debug\""), "\(cluster.log("c1"))")
    try Data("log:\n  levle: info\n".utf8).write(to: file)
    cluster.signal("c1", SIGHUP)
    try await until("a mistake is named") { cluster.log("c1").contains("c.yaml:2:3: log.levle") }
    #expect(try await cluster.health() != nil, "and changes nothing")
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    #expect(cluster.log("c1").contains("session opened"), "the level is another now")
    // One part alone: what others have to say of the second worker is not said.
    try Data("log:\n  level: notice\n  levels: [sessions=info]\n".utf8).write(to: file)
    cluster.signal("c1", SIGHUP)
    try await until("it is read") { cluster.log("c1").contains("notice, sessions=info") }
    try await cluster.startWorker("w2", run: ["echo=cat"])
    try await cluster.untilUp("w2")
    let lines = cluster.log("c1").split(separator: "\n").reversed().prefix {
      !$0.contains("settings were read anew")
    }
    #expect(lines.contains { $0.contains("session opened") }, "\(lines)")
    #expect(lines.allSatisfy { $0.contains("\"log.logger\":\"sessions\"") }, "\(lines)")
  }

  @Test func aPasswordOnTheCommandLineIsNoticed() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    #expect(cluster.amqp.contains("guest:guest@"))
    #expect(cluster.log("c1").contains("a password stands on the command line"))
    #expect(!cluster.log("c1").contains("guest:guest"), "and is not repeated")
  }

  @Test func originsArePrintedAndSecretsAreNot() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let file = cluster.folder.appendingPathComponent("c.yaml").path
    try Data("queue:\n  url: amqp://me:canary1@mq:5672/\nworker:\n  slots: 3\n".utf8)
      .write(to: URL(fileURLWithPath: file))
    let ended = try await run(
      cluster, ["config", "print", "--origin", "--config", file],
      environment: ["BELFRY_QUEUE_PASSWORD": "canary2"])
    #expect(ended.status == 0 && !ended.out.contains("canary"), "\(ended)")
    #expect(ended.out.contains("amqp://me:••••••@mq:5672/"), "\(ended)")
    #expect(ended.out.contains("file \(file):4"), "\(ended)")
    #expect(ended.out.contains("environment BELFRY_QUEUE_PASSWORD"), "\(ended)")
    #expect(ended.out.contains("environment BELFRY_SERVER"), "\(ended)")
  }

  /// A context is enough for every command, a named one goes before the environment.
  @Test func contextsStandInForOptions() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let none = ["BELFRY_SERVER": "", "BELFRY_IDENTITY": ""]
    let missing = try await run(cluster, ["health"], environment: none)
    #expect(missing.status == 78 && missing.err.contains("--server"), "\(missing)")
    for name in ["here", "there"] {
      let server = name == "here" ? cluster.server : "https://127.0.0.1:1"
      try cluster.require(
        try await run(
          cluster,
          ["context", "add", name, "--server", server, "--identity", cluster.certs + "/me"]))
    }
    let current = try await run(cluster, ["health"], environment: none)
    #expect(current.status == 0, "\(current)")
    let named = try await run(cluster, ["health", "--context", "there"])
    #expect(named.status == 69, "\(named)")
    let option = try await run(
      cluster, ["health", "--context", "there", "--server", cluster.server], environment: none)
    #expect(option.status == 0, "\(option)")
  }
}
