internal import Belfry
internal import BelfryAPI
internal import Foundation
internal import Histogram

/// A coordinator and a worker as processes of their own, and what is measured on them.
final class Bench {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  let folder: URL
  let client: BelfryClient
  private let store: String
  let server: String
  let port: Int
  private let slots: Int
  private(set) var coordinator: Process
  private var worker: Process?

  private init(_ folder: URL, store: String, port: Int, slots: Int, coordinator: Process) throws {
    self.folder = folder
    self.store = store
    self.slots = slots
    self.coordinator = coordinator
    self.port = port
    server = "https://127.0.0.1:\(port)"
    client = try BelfryClient(server: server, identity: folder.path + "/certs/me")
  }

  /// A coordinator on RabbitMQ and MongoDB.
  static func onServers(slots: Int) async throws -> Bench {
    let amqp = try Self.variable("BELFRY_TEST_AMQP_URL")
    let store = try Self.variable("BELFRY_TEST_MONGODB_URL")
    let belfry = try Self.variable("BELFRY_TEST_BIN") + "/belfry"
    let folder = try makeFolder()
    let certs = folder.path + "/certs"
    try Self.run(belfry, ["cert", "init", "--cluster", "bench", "--dir", certs])
    for (role, name) in [("coordinator", "c1"), ("worker", "w1"), ("operator", "me")] {
      try Self.run(belfry, ["cert", "issue", role, name, "--dir", certs])
    }
    let port = Int.random(in: 20_000..<30_000)
    let coordinator = try Self.start(
      belfry,
      [
        "coordinator", "run", "--identity", certs + "/c1", "--listen", "127.0.0.1:\(port)",
        "--log-level", "warning",
        // Their passwords are no business of who lists processes.
      ], ["BELFRY_QUEUE_URL": amqp, "BELFRY_STORE_URL": store])
    let bench = try Bench(folder, store: store, port: port, slots: slots, coordinator: coordinator)
    try await bench.untilServed()
    return bench
  }

  /// `belfry dev` without workers of its own: queue and store in a file.
  static func embedded(slots: Int) async throws -> Bench {
    let belfry = try Self.variable("BELFRY_TEST_BIN") + "/belfry"
    let folder = try makeFolder()
    // Commands of the user's own must go on finding the user's own cluster.
    setenv("XDG_CONFIG_HOME", folder.path, 1)
    let port = Int.random(in: 20_000..<30_000)
    let dev = try start(
      belfry, ["dev", "--data", folder.path, "--port", "\(port)", "--workers", "0"])
    let me = folder.path + "/certs/me/identity.key"
    let deadline = Date().addingTimeInterval(60)
    while !FileManager.default.fileExists(atPath: me) {
      guard dev.isRunning, Date() < deadline else { throw Failure(description: "no belfry dev") }
      try await Task.sleep(for: .milliseconds(20))
    }
    let bench = try Bench(folder, store: "", port: port, slots: slots, coordinator: dev)
    try await bench.untilServed()
    try Self.run(belfry, ["cert", "issue", "worker", "w1", "--dir", folder.path + "/certs"])
    return bench
  }

  private static func makeFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("belfry-bench-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private func untilServed() async throws {
    try await until("the coordinator answers") {
      (try? await self.client.health(within: .seconds(5))) != nil
    }
  }

  func stop() {
    worker?.terminate()
    coordinator.terminate()
    worker?.waitUntilExit()
    coordinator.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)  // what is left is in the temporary folder
  }

  var machine: String {
    let info = ProcessInfo.processInfo
    return "machine: \(info.activeProcessorCount) cores, "
      + "\(info.physicalMemory >> 30) GiB, \(info.operatingSystemVersionString); broker, store, "
      + "coordinator, worker and this program on it"
  }

  // MARK: rpc

  /// The caller is a process of its own, to have a core of its own.
  func rpc() throws -> String {
    let last = ProcessInfo.processInfo.activeProcessorCount - 1
    return try Self.run(
      "/usr/bin/taskset",
      [
        "-c", "\(last)", ProcessInfo.processInfo.arguments[0], "rpc-caller", folder.path + "/certs",
      ])
  }

  // MARK: through

  /// Submits from several callers while the worker runs: from the first submit to the last outcome.
  func through(count: Int, size: Int, callers: Int) async throws -> String {
    if worker == nil { _ = try startWorker() }
    try await until("the worker is up") {
      try await self.client.health(within: .seconds(10)).nodes.contains {
        $0.role == "worker" && $0.state == "up"
      }
    }
    let (client, before) = (client, try await finished())
    let (share, payload) = (count / callers, [UInt8](repeating: 0x78, count: size))
    let began = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for caller in 0..<callers {
        tasks.addTask {
          for first in stride(from: 0, to: share, by: 250) {
            let jobs = (first..<min(share, first + 250)).map { number in
              NewJob(kind: "noop", payload: payload, id: "through-\(caller)-\(number)")
            }
            for verdict in try await client.submit(jobs) {
              if case .refused(_, let error) = verdict { throw error }
            }
          }
        }
      }
      try await tasks.waitForAll()
    }
    try await until("all outcomes", within: 300) {
      try await self.finished() - before >= share * callers
    }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    return String(
      format: "through: %d jobs of %d B from %d callers, submit, run and outcome: %.0f jobs/s",
      share * callers, size, callers, Double(share * callers) / seconds)
  }

  // MARK: drain

  /// Fills the lane while no worker is there, then starts the worker and counts.
  func drain(count: Int, size: Int) async throws -> String {
    try await fill("drain", count: count, size: size)
    let before = try Self.cpu(of: coordinator)
    let worker = try startWorker()
    return try await drained("drain", count: count, size: size) {
      try Self.cpu(of: self.coordinator) - before + Self.cpu(of: worker)
    }
  }

  /// The same with a durable queue bound to the events: the broker writes one message more a job.
  func drainWithEvents(count: Int, size: Int) async throws -> String {
    guard let worker else { throw Failure(description: "no worker") }
    try Self.run(
      try Self.variable("BELFRY_TEST_PYTHON"),
      [try Self.variable("BELFRY_TEST_SCRIPTS") + "/bind-events"])
    try await client.pauseLane("default", reason: "bench")
    try await fill("events", count: count, size: size)
    let before = try Self.cpu(of: coordinator) + Self.cpu(of: worker)
    let had = try await finished()
    try await client.resumeLane("default")
    return try await drained("drain, events kept", count: count, size: size, after: had) {
      try Self.cpu(of: self.coordinator) + Self.cpu(of: worker) - before
    }
  }

  private func fill(_ name: String, count: Int, size: Int) async throws {
    let payload = [UInt8](repeating: 0x78, count: size)
    for first in stride(from: 0, to: count, by: 500) {
      let jobs = (first..<min(count, first + 500)).map { number in
        NewJob(kind: "noop", payload: payload, id: "\(name)-\(number)")
      }
      for verdict in try await client.submit(jobs) {
        if case .refused(_, let error) = verdict { throw error }
      }
    }
  }

  /// Counts from the first outcome to the last.
  private func drained(
    _ name: String, count: Int, size: Int, after had: Int = 0, cpu: () throws -> Double
  ) async throws -> String {
    try await until("the first outcome") { try await self.finished() > had }
    let (began, first) = (ContinuousClock.now, try await finished() - had)
    try await until("all outcomes", within: 300) { try await self.finished() - had >= count }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    return name
      + String(
        format: ": %d jobs of %d B, %d slots: %.0f jobs/s; %.3f s of CPU per 1,000 jobs "
          + "(coordinator and worker)", count, size, slots, Double(count - first) / seconds,
        try cpu() / Double(count) * 1_000)
  }

  // MARK: latency

  /// From submit to the outcome seen by the submitter. Each job starts at its own time whatever the
  /// others do, so a stall is counted in full; those of the first second are warm-up.
  func latency(rate: Int, seconds: Int, size: Int) async throws -> String {
    if worker == nil { _ = try startWorker() }
    let payload = [UInt8](repeating: 0x78, count: size)
    let client = client
    let floor = try floor(rate: rate, seconds: seconds)
    var histogram = Histogram<UInt64>(
      lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000,
      numberOfSignificantValueDigits: .three)
    let began = ContinuousClock.now
    try await withThrowingTaskGroup(of: (number: Int, time: Duration).self) { tasks in
      for number in 0..<(rate * seconds) {
        let due = began + .seconds(1) * (Double(number) / Double(rate))
        tasks.addTask {
          try await Task.sleep(until: due, clock: .continuous)
          let id = try await client.submit(
            NewJob(kind: "noop", payload: payload, id: "latency-\(number)"))
          _ = try await client.outcome(of: id, within: .seconds(30))
          return (number, ContinuousClock.now - due)
        }
      }
      for try await (number, time) in tasks where number >= rate {
        histogram.record(UInt64(max(1, time / .microseconds(1))))
      }
    }
    func at(_ percentile: Double) -> Double {
      Double(histogram.valueAtPercentile(percentile)) / 1_000
    }
    return String(
      format:
        "latency at %d jobs/s, submit to outcome seen: p50 %.1f ms, p99 %.1f ms, max %.1f ms; "
        + "the servers alone, by pika and pymongo: p50 %.1f ms, p99 %.1f ms",
      rate, at(50), at(99), at(100), floor[0], floor[1])
  }

  private func floor(rate: Int, seconds: Int) throws -> [Double] {
    let output = try Self.run(
      try Self.variable("BELFRY_TEST_PYTHON"),
      [try Self.variable("BELFRY_TEST_SCRIPTS") + "/latency-floor", "\(rate)", "\(seconds)"])
    let numbers = output.split { $0.isWhitespace }.compactMap { Double($0) }
    guard numbers.count == 2 else { throw Failure(description: "latency-floor said: \(output)") }
    return numbers
  }

  // MARK: parts

  private func startWorker() throws -> Process {
    let process = try Self.start(
      ProcessInfo.processInfo.arguments[0],
      ["noop-worker", server, folder.path + "/certs/w1", store, "\(slots)"])
    worker = process
    return process
  }

  private func finished() async throws -> Int {
    let picture = try await client.health(within: .seconds(10))
    return Int(clamping: picture.lanes.first?.finished ?? 0)
  }

  /// User and system time so far, in seconds.
  static func cpu(of process: Process) throws -> Double {
    let stat = try String(
      contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
    else { throw Failure(description: "no CPU time of process \(process.processIdentifier)") }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  func until(
    _ what: String, within limit: Double = 60, _ condition: () async throws -> Bool
  ) async throws {
    let deadline = Date().addingTimeInterval(limit)
    while try await !condition() {
      guard Date() < deadline else {
        throw Failure(description: "waited \(limit) s in vain: \(what)")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private static func variable(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else {
      throw Failure(description: "\(name) is not set: run make bench")
    }
    return value
  }

  /// - Parameter added: to this program's own environment.
  static func start(
    _ program: String, _ arguments: [String], _ added: [String: String] = [:]
  ) throws -> Process {
    try start(program, arguments, added, output: FileHandle.nullDevice)
  }

  static func start(
    _ program: String, _ arguments: [String], _ added: [String: String], output: Any
  ) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(added) { $1 }
    process.standardOutput = output
    try process.run()
    return process
  }

  /// Returns what the program printed.
  @discardableResult
  private static func run(_ program: String, _ arguments: [String]) throws -> String {
    let pipe = Pipe()
    let process = try start(program, arguments, [:], output: pipe)
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(program) \(arguments.joined(separator: " ")) failed")
    }
    return String(decoding: output, as: UTF8.self)
  }
}
