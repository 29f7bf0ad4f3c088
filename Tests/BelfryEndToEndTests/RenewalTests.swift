import BelfryIdentity
import Foundation
import Testing

/// Certificates change under a running worker, and while it is away; who is thrown out stays out.
@Suite(.serialized)
struct RenewalTests {
  private func joined(
    _ name: String, _ cluster: TestCluster, _ more: String...
  ) async throws -> String {
    let created = try await Run.program(
      cluster.belfryPath, ["token", "create", "--name", name, "-o", "json"] + more,
      environment: cluster.client)
    let token = try String(
      #require(cluster.require(created).out.firstMatch(of: /BFT1-[a-z2-7-]+/)).output)
    let folder = cluster.folder.path + "/" + name
    try cluster.require(
      try await Run.program(
        cluster.belfryPath,
        ["worker", "join", cluster.server, "--token-file", "-", "--identity", folder],
        input: token))
    return folder
  }

  private func start(
    _ name: String, _ folder: String, _ cluster: TestCluster, _ more: String...
  ) throws {
    try cluster.start(
      name,
      [
        "worker", "run", "--identity", folder, "--lanes", cluster.lane, "--run", "echo=cat",
        "--run",
        "slow=sh -c 'sleep 20; echo slept'",
      ] + more)
  }

  private func info(_ folder: String) throws -> CertificateInfo {
    try CertificateInfo(pem: String(contentsOfFile: folder + "/identity.pem", encoding: .utf8))
  }

  private func serial(_ folder: String) throws -> String { try info(folder).serial }

  /// Certificates of 15 s: several renewals pass while one job runs, and it runs once.
  @Test func aRunningJobOutlivesItsWorkersCertificates() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "15s")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    let begun = try info(folder)
    let first = begun.serial
    try start("w1", folder, cluster)
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "slow", prefix: "slow")
    let job = try await cluster.job("slow-1")
    #expect(job.state == "succeeded" && job.attempt == 1 && job.losses ?? 0 == 0, "\(job)")
    let now = try info(folder)
    #expect(now.serial != first)
    #expect(now.publicKeySHA256 != begun.publicKeySHA256, "the key is another one too")
    #expect(cluster.log("w1").contains("certificate renewed"))
    try await until("the old certificate is good for nothing", within: 60) {
      let record = try await cluster.python("print(db.nodes.find_one()['serial'])")
      return record.out != first + "\n"
    }
    #expect(!cluster.log("c1").contains("node-lost"), "nobody was missed")
    let again = try await Run.program(
      "/usr/bin/openssl",
      ["verify", "-CAfile", cluster.certs + "/ca.pem", folder + "/identity.pem"])
    #expect(again.status == 0, "\(again)")
  }

  /// Only the coordinator that renewed knows the new certificate at once; the other one refuses it until
  /// it has read of it. The worker waits for that, and what it runs goes on.
  @Test func aRenewalAtOneOfTwoCoordinatorsEndsNothing() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "15s")
    try await cluster.issue("coordinator", "c2", "--host", "127.0.0.1")
    let port = try FreePort.find()
    try cluster.start(
      "c2",
      [
        "coordinator", "run", "--queue", cluster.amqp, "--store", cluster.store, "--identity",
        cluster.certs + "/c2", "--listen", "127.0.0.1:\(port)", "--lanes", cluster.lane,
        "--certificate-life", "15s",
      ])
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    try start(
      "w1", folder, cluster, "--server", cluster.server, "--server", "https://127.0.0.1:\(port)")
    try await cluster.untilUp("w1")
    try await until("both have it in session") {
      cluster.log("c2").contains("session opened")
    }
    let before = cluster.log("c2").components(separatedBy: "session opened").count
    try await cluster.submit(1, kind: "slow", prefix: "slow")
    let job = try await cluster.job("slow-1")
    #expect(job.state == "succeeded" && job.attempt == 1 && job.losses ?? 0 == 0, "\(job)")
    #expect(cluster.log("w1").contains("certificate renewed"))
    try await until("the other coordinator has it in session again") {
      cluster.log("c2").components(separatedBy: "session opened").count > before
    }
    #expect(cluster.isRunning("w1"), "\(cluster.log("w1"))")
    for name in ["c1", "c2"] { #expect(!cluster.log(name).contains("node-lost"), "\(name)") }
  }

  /// The folder was copied before a renewal. Once the new certificate was used the copy is good for
  /// nothing: it opens no session, it renews nothing, neither before its certificate has ended nor after.
  @Test func aCopyOfTheOldIdentityIsWorthless() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "30s")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    let copy = cluster.folder.path + "/copy"
    try FileManager.default.copyItem(atPath: folder, toPath: copy)
    let first = try serial(folder)
    try start("w1", folder, cluster)
    try await cluster.untilUp("w1")
    try await until("it has renewed, and used what it got", within: 60) {
      let record = try await cluster.python(
        "r = db.nodes.find_one(); print(r['serial'], r.get('previousSerial'))")
      let words = record.out.split(separator: " ")
      return words.first.map { $0 != first } ?? false && record.out.hasSuffix(" None\n")
    }
    let kept = try await cluster.python("r = db.nodes.find_one(); print(r['serial'])")
    try start("thief", copy, cluster)
    #expect(try await cluster.status(of: "thief", within: 60) == 77, "\(cluster.log("thief"))")
    #expect(cluster.log("thief").contains("newer"), "\(cluster.log("thief"))")
    let info = try CertificateInfo(
      pem: String(contentsOfFile: copy + "/identity.pem", encoding: .utf8))
    try await until("the copy's certificate has ended", within: 60) {
      info.validity.notAfterEpochSeconds < Validity.nowEpochSeconds()
    }
    try start("thief", copy, cluster)
    #expect(try await cluster.status(of: "thief") == 77, "\(cluster.log("thief"))")
    let now = try await cluster.python("r = db.nodes.find_one(); print(r['serial'])")
    #expect(try serial(copy) == first)
    #expect(cluster.isRunning("w1"), "the owner is not displaced: \(kept.out) \(now.out)")
    #expect(try now.out == serial(folder) + "\n")
  }

  /// What is on the disk is gone when the time has come: what is used is renewed all the same.
  @Test func aRenewalOutlivesAFileThatIsGone() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "30s")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    try start("w1", folder, cluster)
    try await cluster.untilUp("w1")
    let first = try serial(folder)
    try FileManager.default.removeItem(atPath: folder + "/identity.pem")
    try await until("it says so", within: 60) {
      cluster.log("w1").contains("cannot be used: the one before is") || !cluster.isRunning("w1")
    }
    try await until("it has renewed", within: 60) {
      cluster.log("w1").contains("certificate renewed") || !cluster.isRunning("w1")
    }
    #expect(cluster.isRunning("w1"), "\(cluster.log("w1"))")
    #expect(try serial(folder) != first)
  }

  /// Somebody else's, put there by mistake, is neither used nor renewed, ended or not.
  @Test func whatLiesThereByMistakeIsNotRenewed() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "30s")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    let other = try await joined("w2", cluster)
    let others = try serial(other)
    try start("w1", folder, cluster)
    try await cluster.untilUp("w1")
    for file in ["identity.pem", "identity.key"] {
      let data = try Data(contentsOf: URL(fileURLWithPath: other + "/" + file))
      try data.write(to: URL(fileURLWithPath: folder + "/" + file), options: .atomic)
    }
    try await until("it has renewed its own", within: 60) {
      cluster.log("w1").contains("certificate renewed") || !cluster.isRunning("w1")
    }
    #expect(cluster.isRunning("w1"), "\(cluster.log("w1"))")
    #expect(cluster.log("w1").contains("/worker/w2"), "it is said: \(cluster.log("w1"))")
    #expect(try info(folder).id?.name == "w1")
    let record = try await cluster.python("print(db.nodes.find_one({'_id': 'w2'})['serial'])")
    #expect(record.out == others + "\n", "w2 was given no other one: \(record.out)")
  }

  /// Thrown out and let in anew between two polls: the record is a member's before and after, and the
  /// session belongs to the certificate that is good no more.
  @Test func aSessionOfAReplacedCertificateEnds() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    try start("w1", folder, cluster)
    try await cluster.untilUp("w1")
    _ = try await cluster.python(
      """
      import datetime
      db.nodes.update_one({'_id': 'w1'}, {
          '$set': {'serial': 'FF', 'writtenAt': datetime.datetime.now(datetime.timezone.utc)},
          '$inc': {'version': 3}})
      """)
    #expect(try await cluster.status(of: "w1", within: 40) == 77, "\(cluster.log("w1"))")
    #expect(cluster.log("w1").contains("replaced by a newer one"))
  }

  /// Off for longer than its certificate: it comes back by itself, and that is told.
  @Test func aNodeThatWasOffComesBack() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "3s")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    let first = try serial(folder)
    try await until("the certificate has ended") {
      let info = try CertificateInfo(
        pem: String(contentsOfFile: folder + "/identity.pem", encoding: .utf8))
      return info.validity.notAfterEpochSeconds < Validity.nowEpochSeconds()
    }
    cluster.kill9("c1")
    try cluster.startCoordinator("--certificate-life", "10m")
    try start("w1", folder, cluster)
    try await cluster.untilUp("w1")
    #expect(try serial(folder) != first)
    let alert = try await cluster.python(
      "print([a['subject'] for a in db.alerts.find({'rule': 'node-returned-expired'})])")
    #expect(alert.out == "['w1']\n", "\(alert.out)")
  }

  /// Off for longer than its certificate, and the new one could not be kept: none is asked for, so nothing is
  /// recorded and nobody is alerted, until it can be.
  @Test func aNodeThatCannotWriteAsksForNoCertificate() async throws {
    let cluster = try await TestCluster()
    cluster.isUnprivileged = true
    defer { cluster.stop() }
    try cluster.startCoordinator("--certificate-life", "3s")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    let first = try serial(folder)
    try await until("the certificate has ended") {
      try info(folder).validity.notAfterEpochSeconds < Validity.nowEpochSeconds()
    }
    cluster.kill9("c1")
    try cluster.startCoordinator("--certificate-life", "10m")
    #expect(chmod(folder, 0o500) == 0)
    let state = cluster.folder.path + "/state"
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    try start("w1", folder, cluster, "--state", state)
    try await until("it has tried") { cluster.log("w1").contains("cannot write in ") }
    let look = """
      print(db.nodes.find_one()['serial'], db.alerts.count_documents({'rule': 'node-returned-expired'}))
      """
    #expect(try await cluster.python(look).out == "\(first) 0\n")
    #expect(chmod(folder, 0o700) == 0)
    try await cluster.untilUp("w1")
    #expect(try await cluster.python(look).out == "\(serial(folder)) 1\n")
    #expect(try serial(folder) != first)
  }

  /// 90 days after its end a certificate brings nobody back. Before, it is looked for in the records, and one that
  /// was made by hand has none.
  @Test(arguments: [(91, "too long ago"), (89, "was made by hand")])
  func whoWasOffTooLongJoinsAnew(_ days: Int64, _ why: String) async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = cluster.folder.path + "/w1"
    try cluster.issueExpired("w1", to: folder, daysAgo: days)
    try start("w1", folder, cluster, "--server", cluster.server)
    #expect(try await cluster.status(of: "w1", within: 60) == 77, "\(cluster.log("w1"))")
    let log = cluster.log("w1")
    #expect(log.contains(why) && log.contains("belfry token create"), "\(log)")
    #expect(try await cluster.python("print(db.nodes.count_documents({}))").out == "0\n")
  }

  /// Thrown out: cut off now, its job elsewhere, itself gone, and never back.
  @Test func aRevokedNodeIsOut() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = try await joined("w1", cluster)
    try start("w1", folder, cluster)
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "slow", prefix: "slow")
    try await until("it runs") {
      try await cluster.belfry("job", "show", "slow-1").out.contains("running")
    }
    let other = try await joined("w2", cluster)
    try start("w2", other, cluster)
    try await cluster.untilUp("w2")
    let asked = ContinuousClock.now
    let revoked = try await cluster.belfry(
      "node", "revoke", "w1", "--reason", "disk failing", "--yes")
    try cluster.require(revoked)
    #expect(try await cluster.status(of: "w1") == 77, "\(cluster.log("w1"))")
    // Its sessions end now; ten seconds later it has understood that nobody means to take it back.
    #expect(ContinuousClock.now - asked < .seconds(25))
    #expect(cluster.log("w1").contains("disk failing"))
    let job = try await cluster.job("slow-1")
    #expect(job.state == "succeeded" && job.worker == "w2", "\(job)")
    try start("w1", folder, cluster)
    #expect(try await cluster.status(of: "w1") == 77)
    let list = try await cluster.belfry("node", "list")
    #expect(list.out.contains("revoked"))
    let log = try await cluster.belfry("audit-log", "-o", "json")
    for word in ["node.revoke", "token.create", "operator me", "disk failing", "done"] {
      #expect(log.out.contains(word), "\(word): \(log.out)")
    }
    // The name is free once it is removed, the old certificate stays worthless.
    try cluster.require(try await cluster.belfry("node", "remove", "w1"))
    try start("w1", folder, cluster)
    #expect(try await cluster.status(of: "w1") == 77)
    try FileManager.default.removeItem(atPath: folder)
    try start("w1", try await joined("w1", cluster), cluster)
    try await cluster.untilUp("w1")
  }

  /// A coordinator that is thrown out says so and leaves, as planned, and does not begin again; what runs goes on
  /// with the other one.
  @Test func aRevokedCoordinatorLeaves() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.issue("coordinator", "c2", "--host", "127.0.0.1")
    let port = try FreePort.find()
    func startSecond() throws {
      try cluster.start(
        "c2",
        [
          "coordinator", "run", "--queue", cluster.amqp, "--store", cluster.store, "--identity",
          cluster.certs + "/c2", "--listen", "127.0.0.1:\(port)", "--lanes", cluster.lane,
        ])
    }
    try startSecond()
    let flag = cluster.folder.path + "/flag"
    try await cluster.startWorker(
      "w1",
      run: [
        "wait=sh -c 'touch \(flag).runs; while ! test -e \(flag); do sleep 0.05; done; echo done'"
      ],
      "--server", "https://127.0.0.1:\(port)")
    try await cluster.untilUp("w1")
    try await until("both have it in session") { cluster.log("c2").contains("session opened") }
    try await cluster.submit(1, kind: "wait", prefix: "wait")
    // By whichever coordinator: only that one could say so.
    try await until("it runs") { FileManager.default.fileExists(atPath: flag + ".runs") }
    try cluster.require(
      try await cluster.belfry("node", "revoke", "c2", "--reason", "key lost", "--yes"))
    #expect(try await cluster.status(of: "c2", within: 60) == 77, "\(cluster.log("c2"))")
    for words in ["the cluster has revoked this coordinator", "key lost", "ANOTHER-NAME"] {
      #expect(cluster.log("c2").contains(words), "\(words): \(cluster.log("c2"))")
    }
    try startSecond()
    #expect(try await cluster.status(of: "c2", within: 60) == 77, "\(cluster.log("c2"))")
    let ready = cluster.log("c2").components(separatedBy: "coordinator is ready").count - 1
    #expect(ready == 1, "it has not begun to serve again")

    _ = FileManager.default.createFile(atPath: flag, contents: nil)
    let job = try await cluster.job("wait-1")
    #expect(job.state == "succeeded" && job.attempt == 1 && job.losses ?? 0 == 0, "\(job)")
    #expect(cluster.isRunning("w1") && cluster.isRunning("c1"))
    #expect(!cluster.log("c1").contains("coordinator-lost"), "it was told to leave")
  }
}
