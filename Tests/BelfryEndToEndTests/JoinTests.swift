import BelfryIdentity
import Foundation
import Testing

/// A machine joins with a line that was pasted on it, and everything that can be wrong with that line,
/// the address, the clocks, the disk, or somebody in between.
@Suite(.serialized)
struct JoinTests {
  private struct Token: Decodable {
    let id: String
    let token: String
    let command: String
  }

  private func token(_ cluster: TestCluster, _ more: String...) async throws -> Token {
    let ended = try await Run.program(
      cluster.belfryPath, ["token", "create", "-o", "json"] + more, environment: cluster.client)
    return try JSONDecoder().decode(
      Token.self, from: Data(cluster.require(ended).out.utf8))
  }

  private func join(
    _ cluster: TestCluster, _ folder: String, _ token: String, server: String? = nil,
    _ more: String...
  ) async throws -> Ended {
    try await Run.program(
      cluster.belfryPath,
      [
        "worker", "join", server ?? cluster.server, "--token-file", "-", "--identity",
        cluster.folder.path + "/" + folder,
      ] + more, input: token)
  }

  private func started() async throws -> TestCluster {
    let cluster = try await TestCluster()
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    return cluster
  }

  private func exists(_ cluster: TestCluster, _ path: String) -> Bool {
    FileManager.default.fileExists(atPath: cluster.folder.path + "/" + path)
  }

  /// From nothing to a job on a machine that joined: every command as it is printed.
  @Test func fromInitToAJob() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let home = cluster.folder.path + "/home"
    let made = try await Run.program(
      cluster.belfryPath,
      [
        "coordinator", "init", "--cluster", "fresh", "--host", "127.0.0.1", "--dir", home,
        "--operator", "eva",
      ], environment: ["XDG_CONFIG_HOME": home])
    try cluster.require(made)
    #expect(made.err.contains("belfry token create"), "the next command: \(made.err)")
    let mode = try FileManager.default.attributesOfItem(atPath: home + "/ca.key")[
      .posixPermissions]
    #expect(mode as? Int == 0o600)
    let settings = home + "/coordinator.yaml"
    #expect(made.err.contains("belfry coordinator run --config \(settings)"), "\(made.err)")
    // As people do: where RabbitMQ and MongoDB are.
    try String(contentsOfFile: settings, encoding: .utf8)
      .replacing("amqp://localhost", with: cluster.amqp)
      .replacing("127.0.0.1:7443", with: "127.0.0.1:\(cluster.port)")
      .replacing("mongodb://localhost/?replicaSet=rs0", with: "\"\(cluster.store)\"")
      .write(toFile: settings, atomically: true, encoding: .utf8)
    try cluster.start(
      "fresh",
      [
        "coordinator", "run", "--config", settings, "--listen", "127.0.0.1:\(cluster.port)",
        "--lanes", cluster.lane,
      ])
    let twice = try await Run.program(
      cluster.belfryPath, ["coordinator", "init", "--cluster", "fresh", "--dir", home],
      environment: ["XDG_CONFIG_HOME": home])
    #expect(
      twice.status == 65 && twice.err.contains("--dir names") && !twice.err.contains("--force"),
      "\(twice)")
    let eva = ["BELFRY_SERVER": cluster.server, "BELFRY_IDENTITY": home + "/eva"]
    func belfry(_ arguments: [String], input: String? = nil) async throws -> Ended {
      try await Run.program(cluster.belfryPath, arguments, environment: eva, input: input)
    }
    try await until("the coordinator answers") { try await belfry(["lane", "list"]).status == 0 }
    let created = try cluster.require(
      try await belfry(["token", "create", "--name", "gpu-7", "--labels", "gpu=a100"]))
    let line = try #require(created.out.split(separator: "\n").first { $0.contains("worker join") })
    let words = line.split(separator: " ").map(String.init)
    #expect(words.suffix(2) == ["--token-file", "-"], "it would be seen in ps: \(line)")
    let pasted = try String(#require(created.out.firstMatch(of: /BFT1-[a-z2-7-]+/)).output)
    let folder = cluster.folder.path + "/gpu-7"
    let joined = try await belfry(words.dropFirst() + ["--identity", folder], input: pasted)
    try cluster.require(joined)
    for tick in [
      "✓ reached", "✓ clocks agree", "✓ server is the cluster in the token", "✓ key created",
      "✓ enrolled as gpu-7",
    ] { #expect(joined.err.contains(tick), "\(tick): \(joined.err)") }
    let key = try FileManager.default.attributesOfItem(atPath: folder + "/identity.key")
    #expect(key[.posixPermissions] as? Int == 0o600)
    #expect(!FileManager.default.fileExists(atPath: folder + "/joining.key"))
    let verified = try await Run.program(
      "/usr/bin/openssl",
      [
        "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", home + "/ca.pem",
        folder + "/identity.pem",
      ])
    #expect(verified.status == 0, "\(verified)")
    let shown = try await Run.program(
      "/usr/bin/openssl", ["x509", "-in", folder + "/identity.pem", "-noout", "-text"])
    #expect(shown.out.contains("URI:spiffe://fresh/worker/gpu-7"), "\(shown.out)")

    let again = try await belfry(words.dropFirst() + ["--identity", folder], input: pasted)
    #expect(again.status == 0 && again.err.contains("already joined as gpu-7"), "\(again)")
    // Another machine, which is a copy of this one; and a folder that holds somebody else.
    for (folder, name) in [(folder, "gpu-8"), (home + "/eva", "eva")] {
      let other = try await belfry(
        words.dropFirst() + ["--identity", folder, "--name", name], input: pasted)
      #expect(
        other.status == 65 && other.err.contains("error[BF0104]")
          && other.err.contains("not worker \(name)"), "\(other)")
    }

    try cluster.start(
      "gpu-7",
      ["worker", "run", "--identity", folder, "--lanes", cluster.lane, "--run", "echo=cat"])
    let submitted = try await belfry([
      "submit", "--kind", "echo", "--lane", cluster.lane, "--payload", "hello", "--requires",
      "gpu=a100", "--wait", "--timeout", "60s",
    ])
    #expect(submitted.status == 0 && submitted.out.contains("gpu-7"), "\(submitted)")
    let nodes = try await belfry(["node", "list"])
    #expect(nodes.out.contains("gpu-7") && nodes.out.contains("member"), "\(nodes.out)")
  }

  @Test func aTokenIsGoodForWhatItSays() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let used = try await token(cluster, "--name", "w7")
    try cluster.require(try await join(cluster, "w7", used.token))
    func refused(
      _ ended: Ended, _ code: String, _ status: Int32, _ words: String, line: Int = #line
    ) {
      #expect(
        ended.status == status && ended.err.contains("error[\(code)]")
          && ended.err.contains(words) && ended.err.contains("next"),
        "line \(line): \(ended)")
    }
    refused(try await join(cluster, "a", used.token), "BF0602", 77, "used once already")
    let other = used.token.dropLast(8).last == "x" ? "y" : "x"
    let damaged = String(used.token.dropLast(9)) + other + used.token.suffix(8)
    refused(
      try await join(cluster, "a", damaged, server: "https://127.0.0.1:1"), "BF0601", 65,
      "checksum")
    let short = try await token(cluster, "--ttl", "1ms")
    refused(try await join(cluster, "a", short.token, "--name", "a"), "BF0603", 77, "good until")
    let revoked = try await token(cluster)
    try cluster.require(try await cluster.belfry("token", "revoke", revoked.id))
    refused(
      try await join(cluster, "a", revoked.token, "--name", "a"), "BF0604", 77, revoked.id)
    let unknown = try JoinToken.make(
      authorityPEM: AuthorityFiles(folder: cluster.certs).read().certificatePEM)
    refused(
      try await join(cluster, "a", unknown.text, "--name", "a"), "BF0605", 77, unknown.id)
    let foreign = try JoinToken.make(
      authorityPEM: CertificateAuthority.create(cluster: "test", validFor: .seconds(600))
        .certificatePEM)
    refused(
      try await join(cluster, "a", foreign.text, "--name", "a"), "BF0606", 76, "nothing secret")
    let open = try await token(cluster, "--uses", "3")
    refused(try await join(cluster, "a", open.token), "BF0105", 65, "--name")
    refused(
      try await join(cluster, "a", open.token, "--name", "w7"), "BF0608", 65,
      "node remove")
    refused(
      try await join(cluster, "a", open.token, "--name", "No Name"), "BF0201", 65, "No Name")
    let named = try await token(cluster, "--name", "w9")
    let forbidden = try await join(cluster, "a", named.token, "--name", "w8")
    refused(forbidden, "BF0105", 65, "for the name w9 only")
    refused(forbidden, "BF0105", 65, "leave out --name")
    #expect(!exists(cluster, "a/identity.pem"), "whoever is refused keeps nothing but its key")
    let list = try await cluster.belfry("token", "list")
    for state in ["used", "expired", "revoked", "valid"] { #expect(list.out.contains(state)) }
    for secret in [used.token, short.token, open.token] {
      #expect(!list.out.contains(secret.split(separator: "-")[2]))
      #expect(!cluster.log("c1").contains(secret.split(separator: "-")[2]))
    }
    let stored = try await cluster.python("print(list(db.tokens.find()), list(db.audit.find()))")
    for secret in [used.token, open.token] {
      #expect(!stored.out.contains(secret.split(separator: "-")[2]), "only a hash is stored")
    }
    #expect(stored.out.contains(used.id) && stored.out.contains("token.create"))
    // Of the tries above, four came with a right proof and one use is spent: the others are left.
    try cluster.require(try await join(cluster, "b", open.token, "--name", "b"))
  }

  @Test func theAddressIsWrong() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster)
    let nobody = try await join(
      cluster, "a", token.token, server: "https://127.0.0.1:1", "--name", "a")
    #expect(nobody.status == 69 && nobody.err.contains("connection refused"), "\(nobody)")
    // The broker listens there, and speaks something else.
    let amqp = URL(string: cluster.amqp)
    let other = try await join(
      cluster, "a", token.token, server: "https://127.0.0.1:\(amqp?.port ?? 5_672)", "--name", "a")
    #expect(
      (other.status == 76 || other.status == 69) && other.err.contains("next"), "\(other)")
    let plain = try await join(cluster, "a", token.token, server: "http://127.0.0.1", "--name", "a")
    #expect(plain.status == 65 && plain.err.contains("https://"), "\(plain)")
    try cluster.require(try await join(cluster, "a", token.token, "--name", "a"))
  }

  /// Fifty machines type the same token at once.
  @Test func oneTokenLetsOneMachineIn() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster)
    let (belfry, server, folder) = (cluster.belfryPath, cluster.server, cluster.folder.path)
    let all = try await withThrowingTaskGroup(of: Ended.self) { tasks in
      for number in 1...50 {
        tasks.addTask {
          try await Run.program(
            belfry,
            [
              "worker", "join", server, "--token-file", "-", "--identity", "\(folder)/m\(number)",
              "--name", "m\(number)",
            ], input: token.token)
        }
      }
      return try await tasks.reduce(into: [Ended]()) { $0.append($1) }
    }
    #expect(all.filter { $0.status == 0 }.count == 1)
    let others = all.filter { $0.status != 0 }
    #expect(others.allSatisfy { $0.err.contains("error[BF0602]") }, "\(others.map(\.err))")
    let records = try await cluster.python("print(db.nodes.count_documents({}))")
    #expect(records.out == "1\n")
  }

  /// The answer to a join was lost, or the machine died before it had written it: the same token with
  /// the same key is known again, and with another key is not.
  @Test func aJoinThatWasCutShortGoesOn() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster, "--name", "w7")
    try cluster.require(try await join(cluster, "first", token.token))
    let folder = cluster.folder.path
    try FileManager.default.createDirectory(
      atPath: folder + "/second", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: folder + "/first/identity.key", toPath: folder + "/second/joining.key")
    try cluster.require(try await join(cluster, "second", token.token))
    #expect(!exists(cluster, "second/joining.key"))
    #expect(try await join(cluster, "third", token.token).status == 77)
    // What was kept is no key any more: it is said, and costs no use.
    let key = folder + "/third/joining.key"
    try Data("no key".utf8).write(to: URL(fileURLWithPath: key))
    let open = try await self.token(cluster, "--name", "w8")
    let damaged = try await join(cluster, "third", open.token)
    #expect(damaged.status == 65 && damaged.err.contains("rm \(key)"), "\(damaged)")
    try FileManager.default.removeItem(atPath: key)
    try cluster.require(try await join(cluster, "third", open.token))
  }

  /// Nothing can be written: it is said before the token is spent.
  @Test func theDiskIsFull() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster, "--name", "w7")
    let full = try await Run.program(
      "/bin/bash",
      [
        "-c", "trap '' XFSZ; (ulimit -f 0; exec \"$@\") 2>&1 | cat; exit ${PIPESTATUS[0]}", "join",
        cluster.belfryPath, "worker", "join", cluster.server, "--token-file", "-", "--identity",
        cluster.folder.path + "/w7",
      ], input: token.token)
    #expect(
      full.status == 75 && full.out.contains("error[BF0609]") && full.out.contains("same token"),
      "\(full)")
    #expect(try await cluster.belfry("token", "list").out.contains("valid"))
    try cluster.require(try await join(cluster, "w7", token.token))
  }

  /// Named before TLS fails on dates that are only wrong by that clock.
  @Test(arguments: ["+1h", "-1h", "+9d"]) func aClockIsOff(_ offset: String) async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster, "--name", "w7")
    let off = try await Run.program(
      "/usr/bin/faketime",
      [
        "-f", offset, cluster.belfryPath, "worker", "join", cluster.server, "--token-file", "-",
        "--identity", cluster.folder.path + "/w7",
      ], environment: ["FAKETIME_DONT_FAKE_MONOTONIC": "1"], input: token.token)
    #expect(
      off.status == 78 && off.err.contains("error[BF0607]") && off.err.contains("apart")
        && off.err.contains("c1"), "\(off)")
    #expect(!exists(cluster, "w7/joining.key"), "nothing was begun")
    try cluster.require(try await join(cluster, "w7", token.token))
  }
}
