import BelfryIdentity
import Foundation
import Synchronization

/// Real processes: certificates, a coordinator, workers, each test with a lane and a database of its
/// own, so that tests do not see each other. Everything started is ended by `stop`.
final class TestCluster {
  let services: Services
  let folder: URL
  let lane: String
  let store: String
  var amqp: String
  let port: Int
  /// Processes of Belfry have none of root's rights, whoever runs the tests.
  var isUnprivileged = false
  private var running: [String: Process] = [:]

  var server: String { "https://127.0.0.1:\(port)" }
  var certs: String { folder.appendingPathComponent("certs").path }
  var belfryPath: String { services.bin + "/belfry" }

  init(amqp: String? = nil, mongo: String? = nil) async throws {
    services = try Services()
    let id = UUID().uuidString.lowercased().prefix(8)
    lane = "t-\(id)"
    store = mongo ?? services.store(database: "t-\(id)")
    self.amqp = amqp ?? services.amqp
    port = try FreePort.find()
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("belfry-e2e-\(id)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try await require(belfry("cert", "init", "--cluster", "test", "--dir", certs))
    try await issue("coordinator", "c1", "--host", "127.0.0.1")
    try await issue("operator", "me")
  }

  // MARK: belfry

  func belfry(_ arguments: String..., input: String? = nil) async throws -> Ended {
    try await Run.program(belfryPath, arguments, environment: client, input: input)
  }

  func belfry(_ arguments: [String], identity: String) async throws -> Ended {
    var environment = client
    environment["BELFRY_IDENTITY"] = certs + "/" + identity
    return try await Run.program(belfryPath, arguments, environment: environment)
  }

  var client: [String: String] {
    [
      "BELFRY_SERVER": server, "BELFRY_IDENTITY": certs + "/me", "BELFRY_LOG_FORMAT": "json",
      // Contexts and configuration files of a test's own.
      "XDG_CONFIG_HOME": folder.path,
    ]
  }

  @discardableResult
  func require(_ ended: Ended) throws -> Ended {
    guard ended.status == 0 else {
      throw Services.Missing(description: "status \(ended.status): \(ended.out)\(ended.err)")
    }
    return ended
  }

  func issue(_ role: String, _ name: String, _ more: String..., dir: String? = nil) async throws {
    let ended = try await Run.program(
      belfryPath, ["cert", "issue", role, name, "--dir", dir ?? certs] + more)
    try require(ended)
  }

  /// An identity, of the cluster's own CA, that has ended: it was valid yesterday.
  func issueExpired(
    _ name: String, to folder: String, role: Role = .worker, daysAgo: Int64 = 1
  ) throws {
    let end = Validity.nowEpochSeconds() - daysAgo * 86_400
    let authority = try AuthorityFiles(folder: certs).read()
    let identity = try authority.issue(
      role, name, hosts: role == .coordinator ? ["127.0.0.1"] : [],
      validity: Validity(
        notBeforeEpochSeconds: end - 3_600, notAfterEpochSeconds: end))
    try IdentityFiles(folder: folder).write(identity)
  }

  // MARK: processes

  func startCoordinator(_ more: String...) throws { try startCoordinator(more) }

  func startCoordinator(_ more: [String], environment: [String: String] = [:]) throws {
    try start(
      "c1",
      [
        "coordinator", "run", "--queue", amqp, "--store", store, "--identity", certs + "/c1",
        "--listen", "127.0.0.1:\(port)", "--lanes", lane,
      ] + more, environment: environment)
  }

  func startWorker(
    _ name: String, run: [String], slots: Int = 8, environment: [String: String] = [:],
    _ more: String...
  ) async throws {
    if !FileManager.default.fileExists(atPath: certs + "/" + name) {
      try await issue("worker", name)
    }
    try start(
      name,
      [
        "worker", "run", "--server", server, "--identity", certs + "/" + name, "--lanes", lane,
        "--slots", "\(slots)",
      ] + run.flatMap { ["--run", $0] } + more, environment: environment)
  }

  func start(
    _ name: String, _ arguments: [String], program: String? = nil,
    environment: [String: String] = [:]
  ) throws {
    let process = Process()
    if isUnprivileged, program == nil, geteuid() == 0 {
      process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
      process.arguments = ["--bounding-set=-all", belfryPath] + arguments
    } else {
      process.executableURL = URL(fileURLWithPath: program ?? belfryPath)
      process.arguments = arguments
    }
    process.environment = ProcessInfo.processInfo.environment.merging(
      // Nor is what belfry dev writes there the user's own.
      ["BELFRY_LOG_FORMAT": "json", "XDG_CONFIG_HOME": folder.path]) { _, new in new
      }.merging(environment) { _, new in new }
    let log = folder.appendingPathComponent("\(name).log")
    if !FileManager.default.fileExists(atPath: log.path) {
      _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    }
    let handle = try FileHandle(forWritingTo: log)
    try handle.seekToEnd()
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    running[name] = process
  }

  func signal(_ name: String, _ signal: Int32) {
    if let process = running[name], process.isRunning { kill(process.processIdentifier, signal) }
  }

  /// kill -9, and gone.
  func kill9(_ name: String) {
    signal(name, SIGKILL)
    running[name]?.waitUntilExit()
  }

  func pid(_ name: String) -> Int32? { running[name]?.processIdentifier }

  func isRunning(_ name: String) -> Bool { running[name]?.isRunning ?? false }

  /// The status with which a process ended, once it has.
  func status(of name: String, within limit: Double = 30) async throws -> Int32 {
    try await until("\(name) ends", within: limit) { !isRunning(name) }
    return running[name]?.terminationStatus ?? -1
  }

  func log(_ name: String) -> String {
    let path = folder.appendingPathComponent("\(name).log")
    return (try? String(contentsOf: path, encoding: .utf8)) ?? ""
  }

  func stop() {
    for (_, process) in running where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(at: folder)
  }

  // MARK: looking

  struct Health: Decodable {
    struct Node: Decodable {
      let name: String
      let state: String
      let running: Int
    }
    struct Lane: Decodable {
      let name: String
      let ready: Int
      let parked: Int
      let unserved: [String]
    }
    struct Part: Decodable {
      let name: String
      let state: String
      let reason: String
    }
    let verdict: String
    let nodes: [Node]
    let lanes: [Lane]
    let parts: [Part]
  }

  func health() async throws -> Health? {
    let ended = try await belfry("health", "-o", "json", "--timeout", "5s")
    return try? JSONDecoder().decode(Health.self, from: Data(ended.out.utf8))
  }

  /// These workers are up, and so are broker and store: a coordinator answers before it has reached them.
  func untilUp(_ workers: String...) async throws {
    try await until("\(workers) are up", within: 60) {
      guard let health = try await health(), health.parts.allSatisfy({ $0.state == "up" }) else {
        return false
      }
      return workers.allSatisfy { name in
        health.nodes.contains { $0.name == name && $0.state == "up" }
      }
    }
  }

  struct Job: Decodable {
    struct Failure: Decodable {
      let code: String
      let message: String
    }
    let id: String
    let state: String
    let attempt: Int
    let tries: Int?
    let losses: Int?
    let reason: String?
    let result: String?
    let error: Failure?
    let worker: String
  }

  func job(_ id: String) async throws -> Job {
    let ended = try await belfry("job", "wait", id, "-o", "json", "--timeout", "60s")
    return try JSONDecoder().decode(Job.self, from: Data(ended.out.utf8))
  }

  /// Submits PREFIX-1 … PREFIX-count.
  func submit(
    _ count: Int, kind: String, prefix: String, payload: String = "x", _ more: String...
  ) async throws {
    try require(
      try await Run.program(
        belfryPath,
        [
          "submit", "--kind", kind, "--lane", lane, "--count", "\(count)", "--id-prefix", prefix,
          "--payload", payload,
        ] + more, environment: client))
  }

  /// Counts from outside, with pymongo: each of these ids has exactly one outcome, and there is none
  /// else.
  func count(_ total: Int, prefix: String, state: String, wait: Int = 60) async throws -> Ended {
    let ids = folder.appendingPathComponent("ids-\(UUID().uuidString)")
    let text = (1...total).map { "\(prefix)-\($0)\n" }.joined()
    try Data(text.utf8).write(to: ids)
    return try await Run.program(
      services.python,
      [
        services.scripts + "/count-outcomes", store, "--ids", ids.path, "--state", state, "--wait",
        "\(wait)",
      ], limit: Double(wait) + 30)
  }

  /// Runs a few lines of Python with pika and pymongo at hand: the oracle that is not our code.
  func python(_ code: String) async throws -> Ended {
    let head = """
      import pika, pymongo, sys, time
      amqp, store, lane = \(quoted(amqp)), \(quoted(store)), \(quoted(lane))
      db = pymongo.MongoClient(store).get_default_database()
      connection = pika.BlockingConnection(pika.URLParameters(amqp))
      channel = connection.channel()

      """
    return try require(
      try await Run.program(services.python, ["-c", head + code], limit: 60))
  }

  private func quoted(_ text: String) -> String { "'\(text)'" }
}

enum FreePort {
  private static let given = Mutex(Set<Int>())

  /// A port that nobody listens on now, and no other test is given. Below those that the kernel takes for
  /// connections: between this and the listening there is time.
  static func find() throws -> Int {
    for _ in 0..<1_000 {
      let port = Int.random(in: 10_000..<20_000)
      if isFree(port, SOCK_STREAM), isFree(port, SOCK_DGRAM),
        given.withLock({ $0.insert(port).inserted })
      {
        return port
      }
    }
    throw Services.Missing(description: "no free port")
  }

  private static func isFree(_ port: Int, _ type: __socket_type) -> Bool {
    let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
    }
  }
}
