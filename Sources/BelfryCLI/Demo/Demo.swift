internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryEmbedded
internal import BelfryIdentity
internal import Foundation
internal import Synchronization
internal import UnixSignals

/// The tour that `belfry demo` gives. Every line it prints is something it has seen.
final class Demo: Sendable {
  private static let jobsEach = 300
  private static let total = 2 * jobsEach
  private static let victim = "w2"
  /// Long enough that jobs run on the victim when it dies, short enough for 600 of them.
  private static let command = "greet=sh -c 'sleep 0.3; cat'"
  private static let texts = ["Hello from the shell!", "Hello from Swift!"]

  private let folder: String
  private let processes: DemoProcesses
  private let port: Int
  private let began = ContinuousClock.now

  private var data: String { folder + "/data" }
  private var server: String { "https://127.0.0.1:\(port)" }

  init() throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("belfry-demo-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    processes = DemoProcesses(folder: folder)
    port = try FreePort.find()
  }

  /// What was seen, all of it verified.
  struct Seen: Sendable {
    var jobs: Int
    var moved: Int
    var time: Duration
  }

  func run() async throws -> Seen {
    try await withThrowingTaskGroup(of: Seen?.self) { tasks in
      tasks.addTask { try await self.tour() }
      tasks.addTask {
        await self.endAtSignal()
        return nil
      }
      defer { tasks.cancelAll() }
      guard let seen = try await tasks.next() ?? nil else { throw CancellationError() }
      return seen
    }
  }

  /// Nothing stays running; the logs of a demo that failed stay.
  func end(keepingLogs: Bool) {
    processes.killAll()
    if keepingLogs {
      FileHandle.standardError.write(Data("demo: the logs are in \(folder)\n".utf8))
    } else {
      // What is left is in the folder for temporary files.
      try? FileManager.default.removeItem(atPath: folder)
    }
  }

  private func endAtSignal() async {
    for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
      processes.killAll()
      try? FileManager.default.removeItem(atPath: folder)
      _exit(signal == .sigint ? 130 : 143)
    }
  }

  private func tour() async throws -> Seen {
    let client = try await startCluster()
    let producers = try await produce(client)
    try await untilDone(Self.total / 4, client)
    let moved = try await killWorker(client)
    try await untilDone(Self.total / 2, client)
    try await killCoordinator(client)
    try await untilDone(Self.total, client)
    await client.close()
    try stopCluster()
    return try await verify(ids: producers, lostWith: moved)
  }

  // MARK: the steps

  private func startCluster() async throws -> BelfryClient {
    title(
      "a cluster: belfry dev (coordinator, worker w1, queue and store in a file), workers w2 and w3"
    )
    try startDev()
    // The identities are made by the first start.
    try await until("belfry dev is ready", dev: true) {
      self.processes.log("dev").contains("is ready")
    }
    let client = try BelfryClient(server: server, identity: data + "/certs/me")
    for name in ["w2", "w3"] {
      let authority = AuthorityFiles(folder: data + "/certs")
      try authority.identity(named: name).write(
        try authority.read().issue(.worker, name, validFor: .seconds(86_400)))
      try startWorker(name)
    }
    try await until("three workers are up", dev: true) {
      try await client.health(within: .seconds(2)).nodes.count {
        $0.role == "worker" && $0.state == "up"
      } == 3
    }
    line("three workers are up, 8 slots each; mutual TLS with a CA of their own")
    return client
  }

  private func startDev() throws {
    try processes.start(
      "dev",
      [
        "dev", "--data", data, "--port", "\(port)", "--workers", "1", "--slots", "8", "--run",
        Self.command,
      ])
  }

  private func startWorker(_ name: String) throws {
    try processes.start(
      name,
      [
        "worker", "run", "--server", server, "--identity", data + "/certs/\(name)", "--slots", "8",
        "--run", Self.command,
      ])
  }

  /// The ids of all jobs that were accepted.
  private func produce(_ client: BelfryClient) async throws -> Set<String> {
    title("\(Self.total) jobs from two producers; each handler takes 0.3 s")
    try processes.start(
      "submit",
      [
        "submit", "--server", server, "--identity", data + "/certs/me", "--kind", "greet",
        "--count", "\(Self.jobsEach)", "--id-prefix", "shell", "--payload", Self.texts[0],
      ])
    let jobs = (1...Self.jobsEach).map { number in
      NewJob(kind: "greet", payload: Array(Self.texts[1].utf8), id: "swift-\(number)")
    }
    for verdict in try await client.submit(jobs) {
      if case .refused(_, let error) = verdict { throw error }
    }
    try await until("belfry submit ends", dev: true) { self.processes.ended("submit") != nil }
    guard processes.ended("submit") == 0 else {
      throw failed("belfry submit: \(processes.log("submit"))")
    }
    line("shell   belfry submit --kind greet --count \(Self.jobsEach)")
    line("Swift   client.submit(jobs), \(Self.jobsEach) of them")
    line("accepted: all \(Self.total) are on the disk")
    return Set((1...Self.jobsEach).flatMap { ["shell-\($0)", "swift-\($0)"] })
  }

  /// How many jobs ran on it.
  private func killWorker(_ client: BelfryClient) async throws -> Int {
    let health = try await client.health(within: .seconds(5))
    let running = health.nodes.first { $0.name == Self.victim }?.running ?? 0
    title("kill -9 \(Self.victim), which runs \(running) jobs")
    let at = ContinuousClock.now
    processes.kill(Self.victim)
    try await until("the alert fires", dev: true) {
      try await client.health(within: .seconds(2)).alerts.contains {
        $0.rule == "node-lost" && $0.subject == Self.victim && $0.state == "firing"
      }
    }
    line(
      "alert node-lost \(Self.victim) after \((ContinuousClock.now - at).formattedSeconds) s; its jobs go to others first"
    )
    try startWorker(Self.victim)
    try await until("the alert is resolved", dev: true) {
      try await !client.health(within: .seconds(2)).alerts.contains {
        $0.subject == Self.victim && $0.state == "firing"
      }
    }
    line("\(Self.victim) is started again: the alert is resolved")
    return Int(running)
  }

  private func killCoordinator(_ client: BelfryClient) async throws {
    title("kill -9 the coordinator, and with it w1, the queue and the store")
    processes.kill("dev")
    let at = ContinuousClock.now
    try startDev()
    try await until("it is back", dev: true) {
      let health = try await client.health(within: .seconds(2))
      return health.nodes.count { $0.role == "worker" && $0.state == "up" } == 3
    }
    line(
      "back on the same file after \((ContinuousClock.now - at).formattedSeconds) s; w2 and w3 found it by themselves"
    )
  }

  private func stopCluster() throws {
    let ended = ["w2", "w3", "dev"].map { ($0, processes.stop($0)) }
    if let (name, status) = ended.first(where: { $0.1 != 0 }) {
      throw failed("\(name) left with status \(status): \(processes.log(name).suffix(1_000))")
    }
  }

  private func verify(ids: Set<String>, lostWith running: Int) async throws -> Seen {
    title("counted in the file, now that nobody else has it")
    let engine = try EmbeddedEngine(.file(data + "/belfry.sqlite"))
    let outcomes = try await EmbeddedStore(engine: engine)
      .search(OutcomeFilter(), limit: OutcomeFilter.limitMax).get()
    let found = await EmbeddedStore(engine: engine).find(outcomes.map(\.id))
    let waiting = await engine.waitingJobs()
    await engine.close()
    guard outcomes.count == Self.total, Set(outcomes.map(\.id.text)) == ids else {
      throw failed("\(outcomes.count) outcomes of \(Self.total) jobs")
    }
    let results = found.compactMap { answer -> String? in
      guard case .found(let outcome) = answer, outcome.state == .succeeded else { return nil }
      return outcome.result.map { String(decoding: $0.bytes.bytes, as: UTF8.self) }
    }
    for text in Self.texts {
      let count = results.count { $0 == text }
      guard count == Self.jobsEach else { throw failed("\(count) results are \"\(text)\"") }
    }
    let moved = outcomes.count { outcome in
      outcome.history.contains { $0.what == .lost && $0.worker.text == Self.victim }
    }
    guard waiting == 0 else { throw failed("\(waiting) jobs are left in the queues") }
    guard moved > 0 || running == 0 else { throw failed("no job was moved from \(Self.victim)") }
    line(
      "\(outcomes.count) jobs, each with exactly one outcome, all succeeded, each result as sent")
    line("\(moved) of them were lost with \(Self.victim) and were run by others")
    line("the queues are empty")
    return Seen(jobs: outcomes.count, moved: moved, time: ContinuousClock.now - began)
  }

  // MARK: looking

  private func untilDone(_ count: Int, _ client: BelfryClient) async throws {
    var shown = -1
    var request = Belfry_V1_FindRequest()
    request.states = ["succeeded"]
    request.limit = UInt32(Self.total)
    try await until("\(count) jobs are done", within: 60, every: .milliseconds(250), dev: true) {
      let done = try await client.find(request, within: .seconds(5)).count
      if done / 60 > shown || done >= count {
        shown = done / 60
        let bar = String(repeating: "#", count: 40 * done / Self.total)
        self.line(
          "[\(bar.padding(toLength: 40, withPad: " ", startingAt: 0))] \(done) of \(Self.total) done"
        )
      }
      return done >= count
    }
  }

  /// Asks again and again. An answer that does not come, while the coordinator is away, is no answer yet.
  private func until(
    _ what: String, within seconds: Double = 30, every: Duration = .milliseconds(50), dev: Bool,
    _ condition: () async throws -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    var last = ""
    while true {
      do {
        if try await condition() { return }
      } catch let error as BelfryError {
        last = ": \(error.message)"
      }
      if dev, let status = processes.ended("dev") {
        throw failed(
          "belfry dev ended with status \(status): \(processes.log("dev").suffix(1_000))")
      }
      guard ContinuousClock.now < deadline else {
        throw failed("waited \(Int(seconds)) s in vain until \(what)\(last)")
      }
      try await Task.sleep(for: every)
    }
  }

  private func failed(_ why: String) -> UserError {
    UserError(
      .demoFailed, "the demo has failed", why: why,
      next: ["look at the logs in the folder named below", "please report it with them"])
  }

  private func title(_ text: String) { DevRemark.say("\n\(clock)  == \(text)") }
  private func line(_ text: String) { DevRemark.say("\(clock)  \(text)") }

  private var clock: String {
    String(format: "%5.1f s", (ContinuousClock.now - began) / .seconds(1))
  }
}

extension Demo.Seen {
  var document: Document {
    Document(
      kind: "Demo",
      fields: [
        ("jobs", .number(jobs)), ("outcomes", .number(jobs)), ("moved", .number(moved)),
        ("seconds", .text(time.formattedSeconds)),
      ])
  }

  var page: String {
    let program = DevBanner.program
    return """

      All of this was verified, in \(time.formattedSeconds) s. What to try next:
        \(program) dev                      a cluster of your own, in one process
        \(program) dev --run 'shout=tr a-z A-Z'
        \(program) --help
      """
  }
}

/// A port of 127.0.0.1 that nobody listens on now.
enum FreePort {
  static func find() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else {
      throw UserError(
        .bug, "no free port", why: String(cString: strerror(errno)),
        next: ["please report this as a bug"])
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
