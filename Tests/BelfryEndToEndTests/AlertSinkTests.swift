import Foundation
import Testing

/// A node is lost and comes back; each kind of receiver hears of both. Alertmanager is Debian's,
/// Sentry's events are judged by Sentry's own normaliser, the rest by strict checks of their formats.
@Suite(.serialized)
struct AlertSinkTests {
  private struct Heard: Decodable {
    let path: String
    let problems: [String]
    let body: String
  }

  private static let receivers = [
    "/api/42/envelope/", "/logs-belfry/_bulk", "/hook", "/chat", "/lines",
  ]

  private func heard(_ cluster: TestCluster) throws -> [Heard] {
    let file = cluster.folder.appendingPathComponent("heard")
    let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    return try text.split(separator: "\n").map {
      try JSONDecoder().decode(Heard.self, from: Data($0.utf8))
    }
  }

  /// Starts the receivers; returns the lines of the sinks' file.
  private func startReceivers(_ cluster: TestCluster) async throws -> String {
    let peers = try #require(
      Bundle.module.url(forResource: "sink_peers", withExtension: "py", subdirectory: "Peers"))
    try cluster.start(
      "peers",
      [peers.path, cluster.certs + "/c1", cluster.folder.path + "/heard"],
      program: cluster.services.python)
    let alertmanager = try FreePort.find()
    let empty = cluster.folder.appendingPathComponent("alertmanager.yaml")
    try Data("route: {receiver: none}\nreceivers: [{name: none}]\n".utf8).write(to: empty)
    try cluster.start(
      "alertmanager",
      [
        "--config.file=\(empty.path)", "--storage.path=\(cluster.folder.path)/alertmanager",
        "--web.listen-address=127.0.0.1:\(alertmanager)", "--cluster.listen-address=",
      ], program: "/usr/bin/prometheus-alertmanager")
    var ports: [Int] = []
    try await until("the receivers listen", within: 60) {
      ports = cluster.log("peers").split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
      return ports.count == 2
    }
    let port = ports[0]
    try await until("Alertmanager listens", within: 60) {
      cluster.log("alertmanager").contains("Listening on")
    }
    let secret = cluster.folder.appendingPathComponent("secret")
    try Data("hush\n".utf8).write(to: secret)
    let authority = "ca-file=\(cluster.certs)/c1/ca.pem"
    return """
      am      alertmanager   http://127.0.0.1:\(alertmanager)
      issues  sentry         https://public@127.0.0.1:\(port)/42 \(authority)
      search  elasticsearch  https://user:secret@127.0.0.1:\(port)/logs-belfry \(authority)
      pager   webhook        https://127.0.0.1:\(port)/hook secret-file=\(secret.path) \(authority)
      chat    slack          https://127.0.0.1:\(port)/chat \(authority)
      shipper logstash       tls://127.0.0.1:\(ports[1]) \(authority)
      script  command        /usr/bin/tee \(cluster.folder.path)/piped

      """
  }

  private struct Alertmanaged: Decodable {
    struct Status: Decodable { let state: String }
    let labels: [String: String]
    let endsAt: String
    let status: Status
  }

  private func alertmanager(_ sinks: String) async throws -> [Alertmanaged] {
    let line = try #require(sinks.split(separator: "\n").first)
    let address = try #require(line.split(separator: " ").last)
    let url = "\(address)/api/v2/alerts"
    let python = try Services().python
    let ended = try await Run.program(
      python,
      ["-c", "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())", url])
    return try JSONDecoder().decode([Alertmanaged].self, from: Data(ended.out.utf8))
  }

  @Test func allHearThatANodeIsLostAndIsBack() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let sinks = try await startReceivers(cluster)
    let file = cluster.folder.appendingPathComponent("sinks")
    try Data(sinks.utf8).write(to: file)

    let tested = try await cluster.belfry("alert", "test", "--alert-sinks", file.path, "-o", "json")
    #expect(tested.status == 0, "\(tested.out)\(tested.err)")
    #expect(
      try await alertmanager(sinks).contains {
        $0.labels["rule"] == "test" && $0.status.state == "active"
      }, "who only hears of the end is told of nothing")

    try cluster.startCoordinator("--alert-sinks", file.path)
    try await cluster.startWorker("w1", run: ["a=true"])
    try await cluster.untilUp("w1")
    cluster.kill9("w1")
    try await untilAll(cluster, say: "is lost")
    #expect(
      try await alertmanager(sinks).contains {
        $0.labels["alertname"] == "BelfryNodeLost" && $0.labels["subject"] == "w1"
          && $0.status.state == "active"
      })
    try await cluster.startWorker("w1", run: ["a=true"])
    try await untilAll(cluster, say: "RESOLVED: worker w1 is lost", orStatus: "resolved")
    try await until("Alertmanager has ended it", within: 60) {
      try await !alertmanager(sinks).contains { $0.labels["rule"] == "node-lost" }
    }
    let piped = try String(contentsOfFile: cluster.folder.path + "/piped", encoding: .utf8)
    #expect(piped.contains("\"status\":\"resolved\""))
    #expect(try heard(cluster).flatMap(\.problems) == [])
  }

  private func untilAll(
    _ cluster: TestCluster, say text: String, orStatus status: String = "-"
  ) async throws {
    try await until("every receiver has heard: \(text)", within: 60) {
      let heard = try heard(cluster)
      return Self.receivers.allSatisfy { receiver in
        heard.contains {
          $0.path == receiver && $0.body.contains("node-lost")
            && ($0.body.contains(text) || $0.body.contains("\"status\": \"\(status)\""))
        }
      }
    }
  }

  @Test func aServerWhoseNameIsAnotherGetsNothing() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let sinks = try await startReceivers(cluster)
    let port = try #require(
      sinks.split(separator: "\n").first { $0.hasPrefix("chat") }?.split(separator: ":").last?
        .split(separator: "/").first)
    let authority = "ca-file=\(cluster.certs)/c1/ca.pem"
    let file = cluster.folder.appendingPathComponent("sinks")
    // The certificate names 127.0.0.1; and the machine's own roots do not know its issuer.
    try Data(
      """
      name slack https://localhost:\(port)/chat \(authority)
      root slack https://127.0.0.1:\(port)/chat

      """.utf8
    ).write(to: file)
    let ended = try await cluster.belfry("alert", "test", "--alert-sinks", file.path)
    #expect(ended.status == 1)
    #expect(ended.out.lowercased().contains("hostname mismatch"), "\(ended.out)")
    #expect(ended.out.contains("unable to get local issuer certificate"), "\(ended.out)")
    #expect(try heard(cluster).isEmpty)
  }

  @Test func deadJobsAndCrashesGoWhereErrorsAreCollected() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let file = cluster.folder.appendingPathComponent("sinks")
    try Data(try await startReceivers(cluster).utf8).write(to: file)
    // Printing where it died takes a debug build longer than all of this.
    let quick = ["SWIFT_BACKTRACE": "enable=no"]
    let sinks = ["--alert-sinks", file.path]
    try cluster.startCoordinator(sinks, environment: quick)
    try await cluster.startWorker("w1", run: ["never=sh -c 'exit 65'"], environment: quick)
    try await cluster.untilUp("w1")
    try await cluster.submit(3, kind: "never", prefix: "dead")
    try await untilSentry(cluster, "never/error")
    cluster.signal("w1", SIGSEGV)
    _ = try await cluster.status(of: "w1")
    try await cluster.startWorker("w1", run: ["never=true"])
    try await untilSentry(cluster, "worker/SIGSEGV")
    cluster.signal("c1", SIGABRT)
    _ = try await cluster.status(of: "c1")
    try cluster.startCoordinator(sinks)
    try await untilSentry(cluster, "coordinator/SIGABRT")
    let heard = try heard(cluster)
    #expect(heard.flatMap(\.problems) == [])
    #expect(
      heard.allSatisfy { $0.path.hasPrefix("/api/") || !$0.body.contains("job-dead") },
      "nobody else is told")
  }

  private func untilSentry(_ cluster: TestCluster, _ subject: String) async throws {
    try await until("Sentry has \(subject)", within: 60) {
      try heard(cluster).contains {
        $0.path == "/api/42/envelope/" && $0.body.contains("\"\(subject)\"")
      }
    }
  }
}
