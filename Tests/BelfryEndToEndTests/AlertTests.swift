import BelfryIdentity
import Foundation
import Testing

/// Alerts as operators handle them: listed, looked after, silenced, by the real program, over restarts.
@Suite(.serialized)
struct AlertTests {
  private struct Listed: Decodable {
    let items: [Item]
    struct Item: Decodable {
      let id: String
      let state: String
      let why: String
      let acknowledgedBy: String
      let note: String
      let silencedBy: String
      let heldBackBy: String
      let resolvedWhy: String
      let sinks: [String]
    }
    subscript(id: String) -> Item? { items.first { $0.id == id } }
  }

  private func decode<Value: Decodable>(_ ended: Ended) throws -> Value {
    guard ended.status == 0 else { throw Services.Missing(description: "\(ended)") }
    return try JSONDecoder().decode(Value.self, from: Data(ended.out.utf8))
  }

  private func list(_ cluster: TestCluster) async throws -> Listed {
    try decode(await cluster.belfry("alert", "list", "-o", "json"))
  }

  private func reached(
    _ cluster: TestCluster, _ id: String, _ state: String
  ) async throws -> Listed.Item {
    var item: Listed.Item?
    try await until("\(id) is \(state)", within: 60) {
      // A coordinator that was just started does not answer yet.
      item = try? await list(cluster)[id]
      return item?.state == state
    }
    return try #require(item)
  }

  /// How often the sink was told so.
  private func told(_ cluster: TestCluster, _ subject: String, _ status: String) throws -> Int {
    let path = cluster.folder.path + "/told"
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.components(separatedBy: "{\"status\"").dropFirst().count {
      $0.hasPrefix(":\"\(status)\"") && $0.contains("\"subject\":\"\(subject)\"")
    }
  }

  @Test func listedAcknowledgedSilencedAndResolved() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let sinks = cluster.folder.appendingPathComponent("sinks")
    try Data("script command /usr/bin/tee -a \(cluster.folder.path)/told\n".utf8).write(to: sinks)
    try cluster.startCoordinator("--alert-sinks", sinks.path)
    for name in ["w1", "w2", "w3"] { try await cluster.startWorker(name, run: ["a=true"]) }
    try await cluster.untilUp("w1", "w2", "w3")

    cluster.kill9("w1")
    let fired = try await reached(cluster, "node-lost/w1", "firing")
    #expect(fired.why.contains("ago"), "\(fired)")
    try await until("the sink has w1", within: 60) {
      try told(cluster, "w1", "firing") == 1
    }
    let acknowledged = try await cluster.belfry(
      "alert", "ack", "node-lost", "w1", "--note", "on my way", "-o", "json")
    #expect(acknowledged.status == 0, "\(acknowledged)")
    let acked = try await reached(cluster, "node-lost/w1", "acknowledged")
    #expect(acked.acknowledgedBy == "operator me" && acked.note == "on my way")
    try await until("what the sink was told is listed", within: 60) {
      try await list(cluster)["node-lost/w1"]?.sinks
        .contains { $0.hasPrefix("script: firing delivered") } ?? false
    }
    let health = try await cluster.belfry("health", "-o", "json")
    #expect(health.out.contains("\"state\":\"acknowledged\""), "\(health.out)")
    let table = try await cluster.belfry("health")
    #expect(table.out.contains("acknowledged by operator me"), "\(table.out)")

    let made = try cluster.require(
      try await cluster.belfry(
        "alert", "silence", "node-lost/w2", "--for", "2h", "--reason", "new disk", "-o", "name"))
    let silence = made.out.trimmingCharacters(in: .whitespacesAndNewlines)
    cluster.kill9("w2")
    let silenced = try await reached(cluster, "node-lost/w2", "firing")
    #expect(silenced.silencedBy == "operator me" && silenced.heldBackBy == silence)
    // What comes after it is told: so it was passed over, and not late.
    cluster.kill9("w3")
    try await until("the sink has w3", within: 60) {
      try told(cluster, "w3", "firing") == 1
    }
    #expect(try told(cluster, "w2", "firing") == 0)
    // Killed before it knows that the command has ended, it would run it again.
    try await until("the coordinator knows", within: 60) {
      try await list(cluster)["node-lost/w3"]?.sinks
        .contains { $0.hasPrefix("script: firing delivered") } ?? false
    }

    cluster.kill9("c1")
    try cluster.startCoordinator("--alert-sinks", sinks.path)
    _ = try await reached(cluster, "node-lost/w1", "acknowledged")
    let listed = try await cluster.belfry("alert", "silences", "-o", "json")
    for part in [silence, "new disk", "operator me", "node-lost/w2", "\"holds\":true"] {
      #expect(listed.out.contains(part), "\(listed.out)")
    }
    #expect(try told(cluster, "w2", "firing") == 0)

    try cluster.require(try await cluster.belfry("alert", "unsilence", silence))
    try await until("the sink has w2", within: 60) {
      try told(cluster, "w2", "firing") == 1
    }
    #expect(try await list(cluster)["node-lost/w2"]?.heldBackBy == "")
    let again = try await cluster.belfry("alert", "unsilence", silence)
    #expect(again.status == 66 && again.err.contains("BF0702"), "\(again)")

    for name in ["w1", "w2"] { try await cluster.startWorker(name, run: ["a=true"]) }
    let ended = try await reached(cluster, "node-lost/w1", "resolved")
    #expect(ended.acknowledgedBy == "operator me" && ended.resolvedWhy.hasPrefix("back since"))
    try await until("the sink has both ends", within: 60) {
      try told(cluster, "w1", "resolved") == 1 && told(cluster, "w2", "resolved") == 1
    }
    #expect(try ["w1", "w2", "w3"].map { try told(cluster, $0, "firing") } == [1, 1, 1])
    let over = try await cluster.belfry("alert", "ack", "node-lost/w1")
    #expect(over.status == 66 && over.err.contains("BF0701"), "\(over)")
    let deliveries = try await cluster.belfry("alert", "deliveries", "-o", "json")
    #expect(deliveries.out.contains("\"result\":\"delivered\""), "\(deliveries.out)")

    let log = try await cluster.belfry("audit-log", "-o", "csv", "--columns", "who,action,subject")
    for line in [
      "operator me,alert.acknowledge,node-lost/w1", "operator me,alert.silence,node-lost/w2",
      "operator me,alert.unsilence,\(silence)",
    ] {
      #expect(log.out.contains(line), "\(log.out)")
    }
  }

  @Test func producersMayNot() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.issue("producer", "app")
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["a=true"])
    try await cluster.untilUp("w1")
    for words in [
      ["alert", "list"], ["alert", "ack", "a", "b"], ["alert", "silences"],
      ["alert", "silence", "a", "--for", "1h", "--reason", "x"], ["alert", "unsilence", "s-1"],
    ] {
      let ended = try await cluster.belfry(words, identity: "app")
      #expect(ended.status == 77, "\(words): \(ended)")
    }
    for words in [
      ["a", "--for", "1s", "--reason", "x"], ["a", "--for", "400d", "--reason", "x"],
      ["a", "--for", "1h", "--reason", String(repeating: "x", count: 257)],
    ] {
      let ended = try await cluster.belfry(["alert", "silence"] + words, identity: "me")
      #expect(ended.status == 65, "\(words): \(ended)")
    }
    for words in [["a", "--for", "1h"], ["a", "--reason", "x"], ["/", "--for", "1h"]] {
      let ended = try await cluster.belfry(["alert", "silence"] + words, identity: "me")
      #expect(ended.status == 64, "\(words): \(ended)")
    }
  }

  @Test func onBelfryDevToo() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    try await dev.start("--workers", "0")
    try dev.require(
      await dev.belfry("cert", "issue", "worker", "w9", "--dir", dev.folder + "/data/certs"))
    let worker = try dev.startBeside(
      dev.program,
      ["worker", "run", "--server", dev.server, "--identity", dev.identity("w9"), "--run", "a=cat"])
    try await until("w9 is there", within: 60) {
      try await dev.belfry("node", "list", "-o", "csv", "--columns", "name,state").out
        .contains("w9,up")
    }
    kill(worker.processIdentifier, SIGKILL)
    try await until("its loss fires", within: 60) {
      let listed: Listed = try decode(await dev.belfry("alert", "list", "-o", "json"))
      return listed["node-lost/w9"]?.state == "firing"
    }
    try dev.require(await dev.belfry("alert", "ack", "node-lost/w9"))
    try dev.require(
      await dev.belfry("alert", "silence", "*/w9", "--for", "1d", "--reason", "known"))
    dev.kill9()
    try await dev.start("--workers", "0")
    try await until("both are known after a restart", within: 60) {
      let listed: Listed = try decode(await dev.belfry("alert", "list", "-o", "json"))
      let item = listed["node-lost/w9"]
      return item?.state == "acknowledged" && item?.silencedBy == "operator me"
    }
  }

  private func get(_ url: String) async throws -> String {
    try await Run.program("/usr/bin/env", ["curl", "-s", url]).out
  }

  private struct Shown: Decodable {
    let id: String?
    let subject: String
    let serial: String
    let validUntil: String
    let daysLeft: Int
    let isAuthority: Bool
  }

  /// A coordinator's certificate that is about to end, a new one, and what is shown of both.
  @Test func certificatesThatEndSoon() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let now = Validity.nowEpochSeconds()
    // Not beside the CA: a coordinator that has it renews its own.
    let c1 = cluster.folder.path + "/alone/c1"
    let soon = try AuthorityFiles(folder: cluster.certs).read().issue(
      .coordinator, "c1", hosts: ["127.0.0.1"],
      validity: Validity(
        notBeforeEpochSeconds: now - 6 * 86_400, notAfterEpochSeconds: now + 3_600))
    try IdentityFiles(folder: c1).write(soon, replacing: true)
    let http = try FreePort.find()
    try cluster.startCoordinator("--identity", c1, "--http", "127.0.0.1:\(http)")
    try await cluster.startWorker("w1", run: ["a=true"])
    let fired = try await reached(cluster, "certificate-expiry/c1", "firing")
    #expect(fired.why.contains("belfry cert issue coordinator c1"))
    try await cluster.untilUp("w1")

    let shown: Shown = try decode(await cluster.belfry("cert", "show", c1, "-o", "json"))
    #expect(shown.id == "spiffe://test/coordinator/c1" && shown.daysLeft == 0)
    let openssl = try await Run.program(
      "/usr/bin/openssl", ["x509", "-in", c1 + "/identity.pem", "-noout", "-serial", "-enddate"])
    #expect(openssl.out.contains("serial=\(shown.serial)\n"), "\(openssl.out) \(shown)")
    let mine: Shown = try decode(await cluster.belfry("cert", "show", "-o", "json"))
    #expect(mine.id == "spiffe://test/operator/me")
    let authority: Shown = try decode(
      await cluster.belfry("cert", "show", cluster.certs, "-o", "json"))
    #expect(authority.isAuthority && authority.daysLeft > 3_600)
    let worker: Shown = try decode(
      await cluster.belfry("cert", "show", cluster.certs + "/w1", "-o", "json"))
    // The end of the certificate that w1 shows in its session, by two ways.
    let listed = try await cluster.belfry("node", "list", "-o", "wide")
    #expect(listed.out.contains(worker.validUntil), "\(listed.out) \(worker)")
    let asked = try await cluster.belfry("cert", "show", "w1", "-o", "json")
    #expect(asked.out.contains("\"validUntil\":\"\(worker.validUntil)\""), "\(asked)")
    let metrics = try await get("http://127.0.0.1:\(http)/metrics")
    let name = "belfry_certificate_expiry_timestamp_seconds"
    #expect(
      metrics.contains("\(name){role=\"coordinator\",node=\"c1\"} \(now + 3_600)\n"), "\(metrics)")
    #expect(metrics.contains("\(name){role=\"ca\",node=\"CA\"}"))
    let perNode = try await get("http://127.0.0.1:\(http)/metrics/per-node")
    #expect(perNode.contains("\(name){role=\"worker\",node=\"w1\"}"), "\(perNode)")
    for words in [["cert", "show", c1 + "/identity.key"], ["cert", "show", "/nowhere/at-all"]] {
      let ended = try await cluster.belfry(words, identity: "me")
      #expect([65, 66].contains(ended.status), "\(ended)")
    }

    cluster.kill9("c1")
    try await cluster.issue("coordinator", "c1", "--host", "127.0.0.1", "--force")
    try cluster.startCoordinator()
    let ended = try await reached(cluster, "certificate-expiry/c1", "resolved")
    #expect(ended.resolvedWhy == "renewed")
  }
}
