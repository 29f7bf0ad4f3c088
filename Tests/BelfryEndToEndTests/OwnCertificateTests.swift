import BelfryIdentity
import Foundation
import Testing

/// A coordinator that has the CA, and an operator, whose certificates end.
@Suite(.serialized)
struct OwnCertificateTests {
  private func info(_ folder: String) throws -> CertificateInfo {
    try CertificateInfo(pem: String(contentsOfFile: folder + "/identity.pem", encoding: .utf8))
  }

  /// Certificates of 20 s, and a job of 30: the session is the first one to the end, and whoever connects
  /// later is shown a certificate that is good.
  @Test func sessionsOutliveTheCoordinatorsCertificate() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.issue(
      "coordinator", "c1", "--host", "127.0.0.1", "--host", "c1.test", "--valid", "20s", "--force")
    let folder = cluster.certs + "/c1"
    let first = try info(folder)
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["slow=sh -c 'sleep 30; echo slept'"])
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "slow", prefix: "slow")
    let job = try await cluster.job("slow-1")
    #expect(job.state == "succeeded" && job.attempt == 1 && job.losses ?? 0 == 0, "\(job)")
    #expect(first.validity.notAfterEpochSeconds < Validity.nowEpochSeconds())
    let now = try info(folder)
    #expect(now.serial != first.serial && now.hosts == first.hosts && now.id == first.id)
    #expect(now.publicKeySHA256 != first.publicKeySHA256, "the key is another one too")
    #expect(now.validity.length == first.validity.length)
    #expect(try await cluster.health() != nil, "\(cluster.log("c1"))")
    let opened = cluster.log("c1").components(separatedBy: "session opened").count - 1
    #expect(opened == 1, "no session was dropped for it")
    let shown = try await Run.program(
      "/usr/bin/openssl",
      ["verify", "-CAfile", cluster.certs + "/ca.pem", folder + "/identity.pem"])
    #expect(shown.status == 0, "\(shown)")
  }

  /// It asks the other one, with whom the CA is; the certificate is for the same hosts.
  @Test func aCoordinatorWithoutTheCAIsGivenOne() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--advertise", "127.0.0.1:\(cluster.port)")
    try await cluster.issue(
      "coordinator", "c2", "--host", "127.0.0.1", "--host", "c2.test", "--valid", "60s")
    let folder = cluster.folder.path + "/elsewhere/c2"
    try FileManager.default.createDirectory(
      atPath: cluster.folder.path + "/elsewhere", withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: cluster.certs + "/c2", toPath: folder)
    let first = try info(folder)
    try cluster.start(
      "c2",
      [
        "coordinator", "run", "--queue", cluster.amqp, "--store", cluster.store, "--identity",
        folder, "--listen", "127.0.0.1:0", "--lanes", cluster.lane,
      ])
    try await until("it has another certificate", within: 240) {
      try info(folder).serial != first.serial
    }
    let now = try info(folder)
    #expect(now.hosts == first.hosts && now.id == first.id)
    #expect(now.publicKeySHA256 != first.publicKeySHA256, "the key is another one too")
    #expect(now.validity.length == first.validity.length)
    let shown = try await Run.program(
      "/usr/bin/openssl",
      ["verify", "-CAfile", cluster.certs + "/ca.pem", folder + "/identity.pem"])
    #expect(shown.status == 0, "\(shown)")
    // Who is thrown out gets none, also where it does not know of it: with a store that does not say so.
    try cluster.require(try await cluster.belfry("node", "revoke", "c2", "--yes"))
    #expect(try await cluster.status(of: "c2", within: 60) == 77, "\(cluster.log("c2"))")
    let log = try await cluster.belfry("audit-log", "-o", "json")
    #expect(log.out.contains("certificate.renew") && log.out.contains("coordinator c2"), "\(log)")
    _ = try await cluster.python(
      """
      db.client[db.name + '-2'].coordinators.insert_one(db.coordinators.find_one({'_id': 'c1'}))
      """)
    let name = try #require(cluster.store.firstMatch(of: /t-[0-9a-f]{8}/)).output
    try cluster.start(
      "c2",
      [
        "coordinator", "run", "--queue", cluster.amqp, "--store",
        cluster.services.store(database: name + "-2"), "--identity", folder, "--listen",
        "127.0.0.1:0", "--lanes", cluster.lane,
      ])
    try await until("it is refused another one", within: 240) {
      let audited = try await cluster.belfry("audit-log", "-o", "json")
      return audited.out.contains("revoked: c2 was revoked by operator me")
    }
    #expect(cluster.log("c2").contains("could not be renewed"), "\(cluster.log("c2"))")
  }

  /// Off for longer than its certificate: with the CA it helps itself.
  @Test func aCoordinatorThatWasOffComesBack() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try FileManager.default.removeItem(atPath: cluster.certs + "/c1")
    try cluster.issueExpired("c1", to: cluster.certs + "/c1", role: .coordinator)
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let list = try await cluster.belfry("node", "list", "-o", "json")
    #expect(list.out.contains("certificateExpires"), "\(list)")
  }

  @Test func anOperatorRenews() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let folder = cluster.certs + "/me"
    let first = try info(folder)
    try cluster.require(try await cluster.belfry("cert", "renew"))
    let second = try info(folder)
    #expect(second.serial != first.serial && second.id == first.id)
    #expect(second.validity.length == first.validity.length)
    #expect(try await cluster.health() != nil)
    let log = try await cluster.belfry("audit-log", "-o", "json")
    #expect(log.out.contains("certificate.renew"), "\(log)")
    // Thrown out is thrown out.
    try await cluster.issue("operator", "other")
    try cluster.require(try await cluster.belfry("node", "revoke", "other", "--unknown", "--yes"))
    let refused = try await cluster.belfry(["cert", "renew"], identity: "other")
    #expect(refused.status == 77, "\(refused)")
  }
}
