import BelfryIdentity
import Foundation
import Testing

/// Operators of a coordinator's own machine, by its Unix socket: no certificate is asked for.
@Suite(.serialized)
struct SocketTests {
  /// Of a user who has no identity and no context.
  private func bare(
    _ cluster: TestCluster, _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> Ended {
    try await Run.program(
      cluster.belfryPath, arguments,
      environment: ["XDG_CONFIG_HOME": cluster.folder.path].merging(environment) { $1 })
  }

  private func socket(_ cluster: TestCluster) -> String { cluster.certs + "/c1/operator.sock" }

  @Test func anOperatorOfTheMachineNeedsNoCertificate() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    let socket = socket(cluster)
    try await until("the coordinator answers") {
      try await bare(cluster, ["health", "--socket", socket]).out.contains("cluster test")
    }
    let attributes = try FileManager.default.attributesOfItem(atPath: socket)
    #expect((attributes[.posixPermissions] as? Int) == 0o600)
    // All that operators may do, and it is known who did it.
    let token = try await bare(cluster, ["token", "create", "--socket", socket])
    #expect(token.status == 0 && token.out.contains("BFT1-"), "\(token)")
    let log = try await bare(cluster, ["audit-log", "--socket", socket])
    #expect(log.out.contains("operator uid \(geteuid())"), "\(log)")
    #expect(log.out.contains("this machine"))
    // By its variable, by a context, and by nothing but the coordinator's own settings.
    for environment in [
      ["BELFRY_SOCKET": socket], ["BELFRY_SERVER": "unix:" + socket],
      ["BELFRY_STATE": cluster.certs + "/c1"],
    ] {
      let ended = try await bare(cluster, ["node", "list"], environment: environment)
      #expect(ended.status == 0 && ended.out.contains("c1"), "\(environment): \(ended)")
    }
    let added = try await bare(cluster, ["context", "add", "here", "--server", "unix:" + socket])
    #expect(added.status == 0, "\(added)")
    let here = try await bare(cluster, ["check", "all"])
    #expect(here.out.contains("a coordinator of test answers"), "\(here)")
    // Its end takes the socket with it.
    cluster.signal("c1", SIGTERM)
    _ = try await cluster.status(of: "c1")
    #expect(!FileManager.default.fileExists(atPath: socket))
    let gone = try await bare(cluster, ["health", "--socket", socket])
    #expect(gone.status == 69 && gone.err.contains("--socket"), "\(gone)")
  }

  /// The coordinator's own certificate has ended, and there is no CA to make another.
  @Test func expiredCertificatesLockNobodyOut() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let folder = cluster.folder.path + "/alone/c1"
    try cluster.issueExpired("c1", to: folder, role: .coordinator)
    try cluster.start(
      "c1",
      [
        "coordinator", "run", "--queue", cluster.amqp, "--store", cluster.store, "--identity",
        folder, "--listen", "127.0.0.1:\(cluster.port)", "--lanes", cluster.lane,
      ])
    let socket = folder + "/operator.sock"
    try await until("the coordinator answers on its socket") {
      try await bare(cluster, ["health", "--socket", socket]).out.contains("cluster test")
    }
    let byNetwork = try await cluster.belfry("health", "--timeout", "5s")
    #expect(byNetwork.status != 0 && byNetwork.err.contains("expired"), "\(byNetwork)")
  }

  /// A path that somebody named is wanted; the one beside the state is not worth a coordinator.
  @Test func aFileThatIsNoSocketIsLeftAlone() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let file = URL(fileURLWithPath: cluster.folder.path + "/notes")
    try Data("mine".utf8).write(to: file)
    try cluster.startCoordinator("--socket", file.path)
    #expect(try await cluster.status(of: "c1") != 0)
    #expect(cluster.log("c1").contains("is no socket"), "\(cluster.log("c1"))")
    #expect(try Data(contentsOf: file) == Data("mine".utf8))

    let usual = URL(fileURLWithPath: socket(cluster))
    try Data("mine".utf8).write(to: usual)
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    #expect(cluster.log("c1").contains("no socket for operators of this machine"))
    #expect(try Data(contentsOf: usual) == Data("mine".utf8))
  }

  @Test func itCanBeLeftOut() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--socket", "off")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    #expect(!FileManager.default.fileExists(atPath: socket(cluster)))
  }

  /// The mode keeps most out. Of those it lets write, the kernel's word decides.
  @Test(.enabled(if: geteuid() == 0, "only root can be another user"))
  func anotherUserIsRefused() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let socket = cluster.folder.path + "/operator.sock"
    try cluster.startCoordinator("--socket", socket, "--socket-user", "54321")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    func health(as user: String, group: String) async throws -> Ended {
      try await Run.program(
        "/usr/bin/setpriv",
        [
          "--reuid", user, "--regid", group, "--clear-groups", cluster.belfryPath, "health",
          "--socket", socket,
        ], environment: ["XDG_CONFIG_HOME": cluster.folder.path])
    }
    let listed = try await health(as: "54321", group: "0")
    #expect(listed.out.contains("cluster test"), "\(listed)")
    let other = try await health(as: "54322", group: "0")
    #expect(other.status == 69 && other.out.isEmpty, "\(other)")
    #expect(other.err.contains("--socket-user"), "\(other)")
    #expect(cluster.log("c1").contains("refused a local caller"), "\(cluster.log("c1"))")
    #expect(cluster.log("c1").contains("54322"))
    let stranger = try await health(as: "54322", group: "54322")
    #expect(stranger.status == 69 && stranger.err.contains("permission denied"), "\(stranger)")
  }
}
