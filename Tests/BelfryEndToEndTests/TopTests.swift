import Foundation
import Testing

/// `belfry top` at a real terminal: what keys do, and how the terminal is left.
@Suite(.serialized)
struct TopTests {
  private func cluster() async throws -> TestCluster {
    let cluster = try await TestCluster()
    try cluster.startCoordinator()
    try await cluster.startWorker("alpha", run: ["echo=cat"], slots: 4)
    try await cluster.startWorker("beta", run: ["echo=cat"], slots: 9)
    try await cluster.untilUp("alpha", "beta")
    return cluster
  }

  /// A shell that says how belfry has ended and what the terminal's settings are after it.
  private func top(_ cluster: TestCluster, width: Int = 100) async throws -> Tmux {
    let terminal = try await Tmux("bash --norc -i", width: width, environment: cluster.client)
    try await terminal.type("echo REA''DY", "Enter")
    try await terminal.until("the shell") { $0.contains("READY") }
    try await terminal.type("stty -g > \(cluster.folder.path)/before", "Enter")
    try await terminal.type("clear; '\(cluster.belfryPath)' top; echo status=$?", "Enter")
    try await terminal.until("the cluster is shown") {
      $0.contains("cluster test:") && $0.contains("beta") && !$0.contains("status=")
    }
    #expect(try await terminal.modes == "1 0", "the other screen, no cursor")
    return terminal
  }

  /// The settings are what they were, and the shell's own screen is back with its cursor.
  private func expectRestored(
    _ terminal: Tmux, _ cluster: TestCluster, status: Int
  ) async throws {
    try await terminal.until("the shell is back") { $0.contains("status=\(status)") }
    #expect(try await terminal.modes == "0 1")
    try await terminal.type("stty -g > \(cluster.folder.path)/after; echo DO''NE", "Enter")
    try await terminal.until("the settings are read") { $0.contains("DONE") }
    let texts = try ["before", "after"].map {
      try String(contentsOf: cluster.folder.appendingPathComponent($0), encoding: .utf8)
    }
    #expect(texts[0] == texts[1])
  }

  @Test func keysFilterSortAndPause() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let terminal = try await top(cluster)
    try await terminal.type("/", "a", "l", "p", "h")
    try await terminal.until("only rows with the text") {
      $0.contains("alpha") && !$0.contains("beta") && $0.contains("filter: alph")
    }
    try await terminal.type("Escape")
    try await terminal.until("all rows again") { $0.contains("beta") }
    // By slots in use and number, the largest first: the column with the star.
    try await terminal.type("s", "s", "s")
    try await terminal.until("sorted by slots") { screen in
      guard screen.contains("SLOTS*"), let beta = screen.range(of: "beta"),
        let alpha = screen.range(of: "alpha")
      else { return false }
      return beta.lowerBound < alpha.lowerBound
    }
    try await terminal.type("Enter")
    try await terminal.until("details of a row") { $0.contains("STATE: up") }
    try await terminal.type("Enter", "Tab")
    try await terminal.until("lanes") { $0.contains("[lanes]") && $0.contains(cluster.lane) }
    try await terminal.type("?")
    try await terminal.until("help") { $0.contains("sort by the next column") }
    try await terminal.type("?", "p")
    try await terminal.until("paused") { $0.contains("PAUSED") && $0.contains("READY") }
    try await cluster.submit(1, kind: "echo", prefix: "one")
    _ = try await cluster.job("one-1")
    try await until("the cluster counts it") {
      try await cluster.belfry("lane", "list", "-o", "csv", "--columns", "finished", "--no-headers")
        .out.hasPrefix("1")
    }
    #expect(try await !doneIsOne(terminal), "the picture is held")
    try await terminal.type("p")
    try await terminal.until("the picture goes on") { Self.doneIsOne($0) }
    try await terminal.type("q")
    try await expectRestored(terminal, cluster, status: 0)
    await terminal.close()
  }

  /// What changes the cluster asks first; only y does it.
  @Test func keysActAfterAQuestion() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("beta", run: ["never=sh -c 'exit 65'"])
    try await cluster.untilUp("beta")
    try await cluster.submit(1, kind: "never", prefix: "bad")
    _ = try await cluster.job("bad-1")
    let terminal = try await top(cluster)
    try await terminal.type("c")
    try await terminal.until("it asks") { $0.contains("give worker beta no new jobs?") }
    try await terminal.type("y")
    try await terminal.until("it is cordoned") {
      $0.contains("worker beta is cordoned") && $0.contains("cordoned by operator me")
    }
    try await terminal.type("r", "y")
    try await terminal.until("it gets jobs again") {
      $0.contains("worker beta gets jobs again") && !$0.contains("cordoned by operator me")
    }
    try await terminal.type("Tab", "c")
    try await terminal.until("it asks") { $0.contains("pause lane \(cluster.lane)?") }
    try await terminal.type("n")
    try await terminal.until("nothing was done") { $0.contains("nothing was done") }
    #expect(try await !isPaused(cluster))
    try await terminal.type("c", "y")
    try await terminal.until("it is done, and seen") {
      $0.contains("lane \(cluster.lane) is paused") && $0.contains("paused by operator me")
    }
    #expect(try await isPaused(cluster))
    try await terminal.type("r", "y")
    try await terminal.until("the lane goes on") {
      $0.contains("lane \(cluster.lane) goes on") && !$0.contains("paused by operator me")
    }
    #expect(try await !isPaused(cluster))
    try await terminal.type("Tab")
    try await terminal.until("the dead job") { $0.contains("[dead]") && $0.contains("bad-1") }
    try await terminal.type("r")
    try await terminal.until("it asks") { $0.contains("submit job bad-1 anew?") }
    try await terminal.type("y")
    try await terminal.until("it is submitted anew") { $0.contains("bad-1 is submitted anew as") }
    try await until("the retry is dead too, and names the old one") {
      let list = try await cluster.belfry(
        "job", "list", "--state", "dead", "-o", "ndjson", "--lane", cluster.lane)
      return list.out.contains("\"retryOf\":\"bad-1\"")
    }
    try await terminal.type("q")
    try await expectRestored(terminal, cluster, status: 0)
    await terminal.close()
  }

  private func isPaused(_ cluster: TestCluster) async throws -> Bool {
    let lanes = try await cluster.belfry(
      "lane", "list", "-o", "csv", "--columns", "name,paused", "--no-headers")
    return lanes.out.contains("\(cluster.lane),true")
  }

  private func doneIsOne(_ terminal: Tmux) async throws -> Bool {
    Self.doneIsOne(try await terminal.screen)
  }

  /// The lane's row: name, ready, waiting, running, parked, done.
  private static func doneIsOne(_ screen: String) -> Bool {
    screen.split(separator: "\n").contains { line in
      let words = line.split(separator: " ").filter { $0 != ">" }
      return words.first?.hasPrefix("t-") == true && words.count > 5 && words[5] == "1"
    }
  }

  @Test(arguments: [
    ("C-c", Int32(0), 130), ("", SIGTERM, 143), ("", SIGINT, 130), ("", SIGSEGV, 139),
    ("", SIGABRT, 134),
  ])
  func theTerminalIsGivenBack(_ key: String, _ signal: Int32, _ status: Int) async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let terminal = try await top(cluster)
    if key.isEmpty {
      let found = try await Run.program(
        "/usr/bin/pgrep", ["-f", "^\(cluster.belfryPath) top$"])
      for word in found.out.split(separator: "\n") {
        // Others may run the same tests: only the one with our folder in its environment.
        guard let pid = Int32(word),
          let data = FileManager.default.contents(atPath: "/proc/\(pid)/environ"),
          String(decoding: data, as: UTF8.self).contains(cluster.folder.path)
        else { continue }
        kill(pid, signal)
      }
    } else {
      try await terminal.type(key)
    }
    try await expectRestored(terminal, cluster, status: status)
    await terminal.close()
  }

  @Test func itFollowsTheWindowAndComesBackFromTheShell() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let terminal = try await top(cluster)
    try await terminal.resize(width: 44, height: 20)
    try await terminal.until("a narrow window") { screen in
      let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
      return lines.first?.hasPrefix("cluster test:") == true
        && lines.contains { $0.contains("[nodes]") }
    }
    try await terminal.type("C-z")
    try await terminal.until("the shell") { $0.contains("Stopped") }
    #expect(try await terminal.modes == "0 1")
    try await terminal.type("fg", "Enter")
    try await terminal.until("it is back") {
      $0.contains("cluster test:") && $0.contains("[nodes]")
    }
    #expect(try await terminal.modes == "1 0")
    // The coordinator goes and comes again.
    cluster.kill9("c1")
    try await terminal.until("it says why there is no news") { $0.contains("trying again") }
    try cluster.startCoordinator()
    try await terminal.until("news again", within: 60) { !$0.contains("trying again") }
    try await terminal.type("q")
    // What came after it in the shell's line was said when it was stopped.
    try await until("the shell is back") { try await terminal.modes == "0 1" }
    try await terminal.type("echo status=$?", "Enter")
    try await expectRestored(terminal, cluster, status: 0)
    await terminal.close()
  }

  @Test func withoutATerminalItIsOneFrameOfPlainText() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    for arguments in [["top"], ["top", "--once"]] {
      let ended = try await cluster.belfry(arguments, identity: "me")
      #expect(ended.status == 0 && ended.out.hasPrefix("cluster test: "), "\(ended)")
      #expect(ended.out.contains("alpha") && !ended.out.contains("\u{1B}"), "\(ended)")
      #expect(ended.out.contains("done 0.0/s"), "\(ended)")
    }
    let batch = try await cluster.belfry("top", "--batch", "2", "-o", "ndjson")
    #expect(batch.out.split(separator: "\n").count == 2, "\(batch)")
  }
}
