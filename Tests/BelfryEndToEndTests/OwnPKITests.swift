import BelfryCore
import BelfryIdentity
import Foundation
import Testing

/// Certificates that Belfry has not made, and that are replaced under the processes that use them.
@Suite(.serialized)
struct OwnPKITests {
  /// A root and a CA under it, made by the `openssl` command.
  private struct PKI {
    let folder: String

    init(_ folder: String) async throws {
      self.folder = folder
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      let extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
      try await make("\(folder)/root", signedBy: nil, extensions)
      try await make("\(folder)/issuing", signedBy: "\(folder)/root", extensions)
    }

    var root: String { get throws { try text("\(folder)/root.pem") } }

    /// Key and certificate, with the CA between it and the root, as `identity.key` and `identity.pem` of a folder.
    func issue(_ role: String, _ name: String, days: Int, to path: String) async throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try await make(
        "\(path)/identity", signedBy: "\(folder)/issuing",
        [
          "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature",
          "extendedKeyUsage=" + (role == "coordinator" ? "serverAuth,clientAuth" : "clientAuth"),
          "subjectAltName=URI:spiffe://test/\(role)/\(name)",
        ], days: days)
      let chain = try text("\(path)/identity.pem") + text("\(folder)/issuing.pem")
      try put(chain, "\(path)/identity.pem")
    }

    private func make(
      _ path: String, signedBy issuer: String?, _ extensions: [String], days: Int = 30
    ) async throws {
      let made = try await Run.program(
        "/usr/bin/openssl",
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
          "-config", "/dev/null", "-subj", "/CN=x", "-days", "\(days)", "-keyout", "\(path).key",
          "-out", "\(path).pem",
        ] + (issuer.map { ["-CA", "\($0).pem", "-CAkey", "\($0).key"] } ?? [])
          + extensions.flatMap { ["-addext", $0] })
      try #require(made.status == 0, "\(made)")
    }
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  private static func put(_ text: String, _ path: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  private func info(_ folder: String) throws -> CertificateInfo {
    try CertificateInfo(pem: Self.text(folder + "/identity.pem"))
  }

  /// Serial number of the certificate that the coordinator shows, as `openssl` sees it.
  private func shown(_ cluster: TestCluster) async throws -> String {
    let ended = try await Run.program(
      "/bin/bash",
      [
        "-c",
        """
        openssl s_client -connect 127.0.0.1:\(cluster.port) -alpn h2 </dev/null 2>/dev/null \
        | openssl x509 -noout -serial
        """,
      ])
    return ended.out.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func count(_ text: String, _ name: String, _ cluster: TestCluster) -> Int {
    cluster.log(name).components(separatedBy: text).count - 1
  }

  private func untilShown(_ info: CertificateInfo, _ name: String, _ cluster: TestCluster)
    async throws
  {
    let end = WallTime(milliseconds: info.validity.notAfterEpochSeconds * 1_000)
    try await until("\(name) is in session with its new certificate", within: 120) {
      let list = try await cluster.belfry("node", "list", "-o", "json")
      return list.out.contains(RFC3339.text(end))
    }
  }

  /// Coordinator, worker and operator by certificates of `openssl`'s. While a job runs the CA's root is changed, by
  /// way of a file that has both, and the certificates: as Kubernetes does it, by one symbolic link for all files of
  /// the coordinator, and of the worker key and certificate apart.
  @Test func certificatesAndCAAreReplacedUnderARunningJob() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let (certs, folder) = (cluster.certs, cluster.folder.path)
    try FileManager.default.removeItem(atPath: certs)
    let first = try await PKI(folder + "/pki-1")
    try await first.issue("worker", "w1", days: 7, to: certs + "/w1")
    try await first.issue("operator", "me", days: 7, to: certs + "/me")
    try await first.issue("coordinator", "c1", days: 7, to: certs + "/c1/one")
    try FileManager.default.createSymbolicLink(
      atPath: certs + "/c1/now", withDestinationPath: "one")
    for file in ["ca.pem", "identity.pem", "identity.key"] {
      try FileManager.default.createSymbolicLink(
        atPath: certs + "/c1/" + file, withDestinationPath: "now/" + file)
    }
    let authorities = ["w1", "me", "c1/one"].map { "\(certs)/\($0)/ca.pem" }
    for path in authorities { try Self.put(first.root, path) }

    let flag = folder + "/flag"
    try cluster.startCoordinator()
    try await cluster.startWorker(
      "w1", run: ["wait=sh -c 'while ! test -e \(flag); do sleep 0.05; done; echo done'"])
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "wait", prefix: "wait")
    try await until("the job runs") {
      try await cluster.belfry("job", "show", "wait-1").out.contains("running")
    }
    #expect(try await shown(cluster).hasSuffix(info(certs + "/c1").serial))
    let (worker, coordinator) = (cluster.pid("w1"), cluster.pid("c1"))

    let second = try await PKI(folder + "/pki-2")
    for path in authorities { try Self.put(first.root + second.root, path) }
    for (name, what) in [("c1", "is shown from now on"), ("w1", "is used from now on")] {
      try await until("\(name) trusts both", within: 120) { count(what, name, cluster) == 1 }
    }

    try await second.issue("coordinator", "c1", days: 9, to: certs + "/c1/two")
    try Self.put(first.root + second.root, certs + "/c1/two/ca.pem")
    try FileManager.default.createSymbolicLink(
      atPath: certs + "/c1/next", withDestinationPath: "two")
    #expect(rename(certs + "/c1/next", certs + "/c1/now") == 0)
    try await until("the coordinator shows the new one", within: 120) {
      try await shown(cluster).hasSuffix(info(certs + "/c1").serial)
    }

    try await second.issue("worker", "w1", days: 11, to: folder + "/new")
    try Self.put(Self.text(folder + "/new/identity.key"), certs + "/w1/identity.key")
    try await until("the worker has met the new key beside the old certificate", within: 120) {
      cluster.log("w1").contains("on the disk cannot be used")
    }
    try Self.put(Self.text(folder + "/new/identity.pem"), certs + "/w1/identity.pem")
    try await untilShown(info(certs + "/w1"), "w1", cluster)
    #expect(count("on the disk cannot be used", "w1", cluster) == 1, "it is said once")

    #expect(try await cluster.belfry("job", "show", "wait-1").out.contains("running"))
    try Self.put("", flag)
    let job = try await cluster.job("wait-1")
    #expect(job.state == "succeeded" && job.attempt == 1 && job.losses ?? 0 == 0, "\(job)")
    #expect(cluster.isRunning("w1") && cluster.pid("w1") == worker)
    #expect(cluster.isRunning("c1") && cluster.pid("c1") == coordinator)
    #expect(!cluster.log("c1").contains("node-lost"), "nobody was missed")

    // What needs Belfry's CA says so.
    let token = try await cluster.belfry("token", "create")
    #expect(token.status != 0 && token.err.contains("has no CA"), "\(token)")
  }

  /// Made anew by hand, under the worker that runs.
  @Test func aCertificateThatIsIssuedAnewIsUsed() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    let worker = cluster.pid("w1")
    try await cluster.issue("worker", "w1", "--valid", "20d", "--force")
    try await untilShown(info(cluster.certs + "/w1"), "w1", cluster)
    #expect(cluster.isRunning("w1") && cluster.pid("w1") == worker)
    #expect(!cluster.log("c1").contains("node-lost"), "nobody was missed")
  }

  /// One that the cluster refuses, since its record names another, does not end what works.
  @Test func aCertificateThatIsRefusedTakesNoPlace() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let created = try cluster.require(
      try await cluster.belfry("token", "create", "--name", "w1", "-o", "json"))
    let token = try String(#require(created.out.firstMatch(of: /BFT1-[a-z2-7-]+/)).output)
    let folder = cluster.certs + "/w1"
    try cluster.require(
      try await Run.program(
        cluster.belfryPath,
        ["worker", "join", cluster.server, "--token-file", "-", "--identity", folder], input: token)
    )
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    try await cluster.issue("worker", "w1", "--force")
    try await until("it has asked whether it is let in", within: 120) {
      cluster.log("w1").contains("replaced by a newer one") || !cluster.isRunning("w1")
    }
    #expect(count("session opened", "c1", cluster) == 1, "the session is the first one")
    try await cluster.submit(1, kind: "echo", prefix: "echo")
    #expect(try await cluster.job("echo-1").state == "succeeded")
  }
}
