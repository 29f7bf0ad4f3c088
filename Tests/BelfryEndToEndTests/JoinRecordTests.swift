import BelfryIdentity
import Foundation
import Testing

/// What a join leaves in the store, and what it finds there: after a crash at any step, under a name that
/// means somebody else, and in the hands of who has an old key.
@Suite(.serialized)
struct JoinRecordTests {
  private func started() async throws -> TestCluster {
    let cluster = try await TestCluster()
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    return cluster
  }

  private func token(_ cluster: TestCluster, _ more: String...) async throws -> String {
    let created = try await Run.program(
      cluster.belfryPath, ["token", "create", "-o", "json"] + more, environment: cluster.client)
    return try String(
      #require(cluster.require(created).out.firstMatch(of: /BFT1-[a-z2-7-]+/)).output)
  }

  private func join(
    _ cluster: TestCluster, _ folder: String, _ token: String, _ more: String...
  ) async throws -> Ended {
    try await Run.program(
      cluster.belfryPath,
      [
        "worker", "join", cluster.server, "--token-file", "-", "--identity",
        cluster.folder.path + "/" + folder,
      ] + more, input: token)
  }

  /// The folder as a join leaves it that was killed before it had written anything but its key.
  private func leftover(_ cluster: TestCluster, of folder: String, in other: String) throws {
    let path = cluster.folder.path
    try FileManager.default.createDirectory(
      atPath: path + "/" + other, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: "\(path)/\(folder)/identity.key", toPath: "\(path)/\(other)/joining.key")
  }

  /// The coordinator died between the two writes: the token is used, and nobody has joined.
  @Test func aTokenThatWasSpentOnNobodyIsGoodForThatMachine() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster, "--name", "w7")
    try cluster.require(try await join(cluster, "first", token))
    try leftover(cluster, of: "first", in: "second")
    _ = try await cluster.python("db.nodes.delete_one({'_id': 'w7'})")
    // It has not been seen to be gone: the coordinator is a new one.
    cluster.kill9("c1")
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let other = try await join(cluster, "other", token)
    #expect(other.status == 77 && other.err.contains("error[BF0602]"), "\(other)")
    try cluster.require(try await join(cluster, "second", token))
    let used = try await cluster.python("print(len(db.tokens.find_one()['usedBy'].split(',')))")
    #expect(used.out == "1\n", "a repeat is no further use")
  }

  /// The old line and the first key, out of a backup: once the node has renewed they are no way in.
  @Test func aRepeatEndsWithTheFirstCertificate() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "10s")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let token = try await token(cluster, "--name", "w7")
    try cluster.require(try await join(cluster, "w7", token))
    try leftover(cluster, of: "w7", in: "backup")
    try cluster.start(
      "w7",
      [
        "worker", "run", "--identity", cluster.folder.path + "/w7", "--lanes", cluster.lane,
        "--run", "echo=cat",
      ])
    try await until("it has renewed", within: 60) {
      cluster.log("w7").contains("certificate renewed")
    }
    let again = try await join(cluster, "backup", token)
    #expect(again.status == 77 && again.err.contains("error[BF0602]"), "\(again)")
    #expect(cluster.isRunning("w7"))
  }

  /// A token for any name, and the name of the operator.
  @Test func nobodyIsLockedOutByAWorkerOfItsName() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    try cluster.require(
      try await join(cluster, "w", try await token(cluster), "--name", "me"))
    try cluster.require(try await cluster.belfry("token", "list"))
    try cluster.require(try await cluster.belfry("node", "remove", "me"))
    try cluster.require(try await cluster.belfry("token", "list"))
  }

  /// Who made which token, and who came in by it; however much has happened since.
  @Test func theAuditLogLeadsFromANodeToItsToken() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(
      cluster, "--ttl", "2h", "--uses", "3", "--labels", "zone=b", "--ephemeral")
    try cluster.require(try await join(cluster, "w7", token, "--name", "w7"))
    let id = try JoinToken(parsing: token).id
    let added = try await cluster.python(
      """
      one = db.audit.find_one({'action': 'node.join'})
      db.audit.insert_many([
          {**one, '_id': f'z{n}', 'subject': 'w8', 'action': 'lane.pause'} for n in range(10_500)])
      print(db.audit.count_documents({'action': 'lane.pause'}))
      """)
    #expect(added.out == "10500\n", "\(added)")
    let joined = try await cluster.belfry("audit-log", "--subject", "w7", "-o", "json")
    for word in ["node.join", "127.0.0.1", "token \(id)", "done"] {
      #expect(joined.out.contains(word), "\(word): \(joined)")
    }
    let made = try await cluster.belfry("audit-log", "--subject", id, "-o", "json")
    for word in [
      "token.create", "operator me", "for any name, uses 3, ttl 2h, labels zone=b, ephemeral",
    ] { #expect(made.out.contains(word), "\(word): \(made)") }
    #expect(!made.out.contains(token.split(separator: "-")[2]))
  }

  /// A name that was typed wrong stays free; that of a node which was removed can still be revoked.
  @Test func onlyAKnownNameIsRevoked() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let slip = try await cluster.belfry("node", "revoke", "w77", "--yes")
    #expect(
      slip.status == 66 && slip.err.contains("error[BF0611]") && slip.err.contains("--unknown"),
      "\(slip)")
    let token = try await token(cluster, "--uses", "2")
    try cluster.require(try await join(cluster, "w77", token, "--name", "w77"))
    try cluster.require(try await cluster.belfry("node", "remove", "w77"))
    try cluster.require(try await cluster.belfry("node", "revoke", "w77", "--yes"))
    #expect(try await cluster.belfry("node", "list").out.contains("revoked"))
    let late = try await join(cluster, "late", token, "--name", "w77")
    #expect(late.status == 77 && late.err.contains("w77 was revoked"), "\(late)")
    let twice = try await cluster.belfry("node", "revoke", "w77", "--yes")
    #expect(twice.status == 77 && twice.err.contains("already, by operator me"), "\(twice)")
  }

  /// The machine died while it wrote: it joins again, by the same line.
  @Test func aFolderThatIsHalfWrittenIsJoinedInto() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster, "--name", "w7")
    try cluster.require(try await join(cluster, "w7", token))
    let folder = cluster.folder.path + "/w7"
    try FileManager.default.copyItem(
      atPath: folder + "/identity.key", toPath: folder + "/joining.key")
    for file in ["/ca.pem", "/identity.pem"] {
      try FileManager.default.removeItem(atPath: folder + file)
    }
    try cluster.require(try await join(cluster, "w7", token))
    #expect(try IdentityFiles(folder: folder).read().id.name == "w7")
  }

  /// A record of a newer Belfry, or a damaged one, is no reason to believe the certificate alone, nor one
  /// to write over it.
  @Test func aDamagedRecordLetsNobodyIn() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster, "--uses", "2")
    try cluster.require(try await join(cluster, "w7", token, "--name", "w7"))
    _ = try await cluster.python(
      "db.nodes.update_one({'_id': 'w7'}, {'$set': {'state': 'banished', 'version': 2}})")
    cluster.kill9("c1")
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    #expect(try await cluster.belfry("node", "list").out.contains("unreadable"))
    try cluster.start(
      "w7",
      [
        "worker", "run", "--identity", cluster.folder.path + "/w7", "--lanes", cluster.lane,
        "--run", "echo=cat",
      ])
    #expect(try await cluster.status(of: "w7", within: 40) == 77, "\(cluster.log("w7"))")
    #expect(cluster.log("w7").contains("damaged"))
    let late = try await join(cluster, "other", token, "--name", "w7")
    #expect(
      late.status == 77 && late.err.contains("error[BF0208]") && late.err.contains("is damaged"),
      "\(late)")
    #expect(try await cluster.belfry("node", "revoke", "w7", "--yes").status != 0)
    let state = try await cluster.python("print(db.nodes.find_one()['state'])")
    #expect(state.out == "banished\n")
  }

  /// What is typed wrong is not shown with the token in it.
  @Test func noErrorShowsTheToken() async throws {
    let cluster = try await started()
    defer { cluster.stop() }
    let token = try await token(cluster)
    let secret = token.split(separator: "-")[2]
    let host = cluster.server.dropFirst("https://".count)
    for words in [
      ["belfry://\(host)?t=\(token)", "--token", token], ["\(cluster.server)?t=\(token)"],
      ["http://\(host)?t=\(token)", "--token", token],
    ] {
      let ended = try await Run.program(
        cluster.belfryPath,
        ["worker", "join"] + words + ["--identity", cluster.folder.path + "/w", "--name", "w"])
      #expect(ended.status != 0 && ended.err.contains("next"), "\(ended)")
      #expect(!ended.err.contains(secret) && !ended.out.contains(secret), "\(words)")
    }
  }
}
