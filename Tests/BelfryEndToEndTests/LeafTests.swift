import Foundation
import Testing

/// Every command there is, by the parser's own tree, gives one JSON document with `-o json`.
@Suite(.serialized)
struct LeafTests {
  /// What each takes to do something; the texts in braces stand for what a test has made.
  static let arguments: [String: [String]] = [
    "alert ack": ["node-lost", "w0"],
    "alert deliveries": [],
    "alert list": [],
    "alert silence": ["node-lost/leaf", "--for", "1h", "--reason", "a test"],
    "alert silences": [],
    "alert unsilence": ["{silence}"],
    "alert test": ["--alert-sinks", "{folder}/sinks"],
    "audit-log": [],
    "audit": ["--ids", "{ids}"],
    "bench": [
      "--worker", "{folder}/certs/bench-1", "--lane", "{lane}", "--jobs", "10", "--rate", "10",
      "--for", "1s",
    ],
    "cheat": [],
    "check": [],
    "completion": ["bash"],
    "config explain": [],
    "config path": [],
    "config print": [],
    "config validate": ["{folder}/good.yaml"],
    "context add": [
      "leaf", "--server", "https://localhost:7443", "--identity", "{folder}/certs/me",
    ],
    "context list": [],
    "context remove": ["leaf"],
    "context show": ["leaf"],
    "context use": ["leaf"],
    "demo": [],
    "doctor": [],
    "drill broker-restart": drill + ["--stop-command", "false", "--start-command", "false"],
    "drill store-outage": drill + ["--stop-command", "false", "--start-command", "false"],
    "drill worker-kill": drill,
    "drill worker-pause": drill,
    "explain": [],
    "cert init": ["--cluster", "leaf", "--dir", "{folder}/leaf"],
    "cert issue": ["worker", "leaf", "--dir", "{folder}/certs"],
    "cert show": ["{folder}/certs/c1"],
    "cert renew": [],
    "coordinator init": ["--cluster", "leaf", "--dir", "{folder}/init", "--host", "127.0.0.1"],
    "coordinator limits": [],
    "health": [],
    "job cancel": ["delayed-1"],
    "job forget": ["done-1", "--yes"],
    "job list": [],
    "job result": ["done-1"],
    "job retry": ["dead-1"],
    "job show": ["done-1"],
    "job wait": ["done-1"],
    "lane attach": ["leaf=echo,lane={lane}"],
    "lane attachments": [],
    "lane detach": ["leaf"],
    "lane list": [],
    "lane pause": ["{lane}"],
    "lane purge": ["{lane}", "--dry-run"],
    "lane show": ["{lane}"],
    "lane resume": ["{lane}"],
    "node cordon": ["w1"],
    "node drain": ["w1", "--dry-run"],
    "node label": ["w1", "disk=fast"],
    "node list": [],
    "node remove": ["leaf"],
    "node revoke": ["gone", "--unknown", "--yes"],
    "node show": ["w1"],
    "node uncordon": ["w1"],
    "schedule add": ["leaf", "--cron", "@hourly", "--kind", "echo", "--lane", "{lane}"],
    "schedule list": [],
    "schedule next": ["@hourly"],
    "schedule pause": ["leaf"],
    "schedule remove": ["leaf", "--yes"],
    "schedule resume": ["leaf"],
    "schedule run": ["leaf"],
    "schedule show": ["leaf"],
    "stats": [],
    "store status": ["--store", "{store}"],
    "submit": ["--kind", "echo", "--lane", "{lane}"],
    "support bundle": ["--file", "{folder}/bundle.tar.gz"],
    "token create": [],
    "token list": [],
    "token revoke": ["{token}"],
    "top": [],
    "version": [],
    "worker drain": ["--identity", "{folder}/certs/w0"],
    "worker join": [
      "{server}", "--token", "{joinToken}", "--name", "leaf", "--identity", "{folder}/joined",
    ],
    "worker leave": ["--identity", "{folder}/left", "--yes"],
    "worker status": ["--identity", "{folder}/certs/w1"],
  ]
  private static let drill = [
    "--dry-run", "--lane", "{lane}", "--worker", "{folder}/certs/drill-1", "--worker",
    "{folder}/certs/drill-2",
  ]
  /// Commands that go on: they print one document once they serve.
  static let services: [String: [String]] = [
    "coordinator run": [
      "--queue", "{amqp}", "--store", "{store}", "--identity", "{folder}/certs/c2", "--listen",
      "127.0.0.1:0", "--lanes", "{lane}",
    ],
    "dev": ["--data", "{folder}/dev", "--port", "0"],
    "node watch": ["w1", "--server", "{server}", "--identity", "{folder}/certs/me"],
    "worker run": [
      "--server", "{server}", "--identity", "{folder}/certs/w2", "--lanes", "{lane}", "--run",
      "echo=cat",
    ],
  ]

  private struct Command: Decodable {
    let commandName: String
    let shouldDisplay: Bool?
    let subcommands: [Command]?

    func leaves(_ path: [String] = []) -> [String] {
      guard shouldDisplay ?? true, commandName != "help" else { return [] }
      guard let subcommands, !subcommands.isEmpty else { return [path.joined(separator: " ")] }
      return subcommands.flatMap { $0.leaves(path + [$0.commandName]) }
    }
  }
  private struct Dump: Decodable { let command: Command }
  private struct Head: Decodable {
    let kind: String
    let apiVersion: String
  }

  private func head(_ text: String) throws -> Head {
    try JSONDecoder().decode(Head.self, from: Data(text.utf8))
  }

  @Test func everyLeafGivesOneDocument() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let dump = try await cluster.belfry("--experimental-dump-help")
    let leaves = try JSONDecoder().decode(Dump.self, from: Data(dump.out.utf8)).command.leaves()
    let known = Set(Self.arguments.keys).union(Self.services.keys)
    #expect(Set(leaves) == known, "a command was added or removed: say here what it takes")

    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["echo=cat", "never=sh -c 'exit 65'"])
    try await cluster.startWorker("w0", run: ["none=true"])
    for name in ["w0", "w1"] { try await cluster.untilUp(name) }
    cluster.kill9("w0")
    try await cluster.issue("coordinator", "c2", "--host", "127.0.0.1")
    for name in ["w2", "drill-1", "drill-2", "bench-1"] { try await cluster.issue("worker", name) }
    try await cluster.submit(1, kind: "echo", prefix: "done")
    try await cluster.submit(1, kind: "never", prefix: "dead")
    try await cluster.submit(1, kind: "echo", prefix: "delayed", "--delay", "1h")
    for id in ["done-1", "dead-1"] { _ = try await cluster.job(id) }
    let ids = cluster.folder.appendingPathComponent("ids")
    try Data("done-1\ndead-1\n".utf8).write(to: ids)
    try Data("script command /bin/true\n".utf8)
      .write(to: cluster.folder.appendingPathComponent("sinks"))
    let file = cluster.folder.appendingPathComponent("good.yaml")
    try Data("worker:\n  slots: 3\n".utf8).write(to: file)

    let made = try cluster.require(
      try await cluster.belfry("token", "create", "--uses", "2", "-o", "json"))
    let token = try JSONDecoder().decode(MadeToken.self, from: Data(made.out.utf8))
    try cluster.require(
      try await cluster.belfry(
        "worker", "join", cluster.server, "--token", token.token, "--name", "left", "--identity",
        cluster.folder.path + "/left"))
    let silenced = try cluster.require(
      try await cluster.belfry(
        "alert", "silence", "leaf", "--for", "1h", "--reason", "a test", "-o", "name"))
    let silence = silenced.out.trimmingCharacters(in: .whitespacesAndNewlines)
    try await until("the loss of w0 fires", within: 60) {
      try await cluster.belfry("alert", "list", "-o", "json").out.contains("node-lost/w0")
    }
    for leaf in order(leaves) {
      guard let arguments = Self.arguments[leaf] else { continue }
      let words =
        leaf.split(separator: " ").map(String.init) + fill(arguments, cluster, token, silence)
      let ended = try await cluster.belfry(words + ["-o", "json"], identity: "me")
      #expect([0, 1, 2].contains(ended.status), "\(leaf): \(ended)")
      let head = try? head(ended.out)
      #expect(head?.apiVersion == "belfry/v1", "\(leaf): \(ended)")
      #expect(head?.kind.isEmpty == false, "\(leaf): \(ended)")
    }
    for (leaf, arguments) in Self.services.sorted(by: { $0.key < $1.key }) {
      let out = cluster.folder.appendingPathComponent("out-\(leaf)")
      let words = leaf.split(separator: " ").map(String.init) + fill(arguments, cluster)
      try cluster.start(
        leaf,
        ["-c", "exec \"$0\" \"$@\" > '\(out.path)'", cluster.belfryPath] + words + ["-o", "json"],
        program: "/bin/sh")
      try await until("\(leaf) says that it serves") {
        let text = (try? String(contentsOf: out, encoding: .utf8)) ?? ""
        // More may follow, of those that go on to say what changes.
        return (try? head(String(text.prefix { $0 != "\n" })))?.apiVersion == "belfry/v1"
      }
    }
  }

  /// First what makes things, then what looks at them, then what removes them.
  private func order(_ leaves: [String]) -> [String] {
    let (makers, enders) = ([" add", " init"], [" remove", " forget", "token revoke"])
    func rank(_ leaf: String) -> Int {
      makers.contains(where: leaf.hasSuffix) ? 0 : enders.contains(where: leaf.hasSuffix) ? 2 : 1
    }
    return leaves.sorted { (rank($0), $0) < (rank($1), $1) }
  }

  private struct MadeToken: Decodable {
    let id: String
    let token: String
  }

  private func fill(
    _ arguments: [String], _ cluster: TestCluster, _ token: MadeToken? = nil,
    _ silence: String = ""
  ) -> [String] {
    let values = [
      "{token}": token?.id ?? "", "{silence}": silence,
      "{joinToken}": token?.token ?? "",
      "{folder}": cluster.folder.path, "{lane}": cluster.lane, "{server}": cluster.server,
      "{amqp}": cluster.amqp, "{store}": cluster.store, "{ids}": cluster.folder.path + "/ids",
    ]
    return arguments.map { word in
      values.reduce(word) { $0.replacing($1.key, with: $1.value) }
    }
  }
}
