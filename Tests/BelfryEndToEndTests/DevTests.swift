import Foundation
import Testing

/// `belfry dev` as people run it: a real process, killed, started again, counted from outside with
/// Python's own SQLite.
@Suite(.serialized)
struct DevTests {
  @Test func findsItselfAndRunsJobs() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    let began = Date()
    try await dev.start("--run", "shout=tr a-z A-Z")
    // The goal is 1 s; a loaded machine gets ten times that.
    #expect(Date().timeIntervalSince(began) < 10)
    // No option and no variable says where.
    let ended = try await dev.belfry("submit", "--kind", "shout", "--payload", "hello", "--wait")
    #expect(ended.status == 0, "\(ended.err)")
    #expect(ended.out.contains("HELLO"))
    let modes = try dev.modes(
      of: "config/belfry/contexts.yaml", "data/belfry.sqlite", "data/certs/ca.key")
    #expect(modes == [0o600, 0o600, 0o600])
    // The three commands of the banner, pasted.
    let banner = dev.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    let pasted = banner.filter { $0.hasPrefix(dev.program) }
    #expect(pasted.count == 3, "\(banner)")
    for command in pasted.dropLast() {
      let words = command.split(separator: " ").dropFirst().map(String.init)
      #expect(try await dev.run(words).status == 0, "\(command)")
    }
  }

  @Test func killedAmidJobsLosesNothing() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    let runs = dev.folder + "/runs"
    let handler = "slow=sh -c 'echo $BELFRY_JOB_ID >> \(runs); sleep 0.2; cat'"
    try await dev.start("--run", handler, "--slots", "4")
    try dev.require(
      await dev.belfry(
        "submit", "--kind", "slow", "--count", "60", "--id-prefix", "job", "--payload", "x"))
    try await until("a few are done") { try await dev.sql("SELECT count(*) FROM outcomes") > 5 }
    dev.kill9()
    let begun = Set(try String(contentsOfFile: runs, encoding: .utf8).split(separator: "\n"))
    let done = try await dev.sql("SELECT count(*) FROM outcomes")
    #expect(done < 60 && begun.count > done, "a job was running when it was killed")

    try await dev.start("--run", handler, "--slots", "4")
    try await until("all are done", within: 100) {
      try await dev.sql("SELECT count(*) FROM outcomes WHERE state = 'succeeded'") == 60
    }
    #expect(try await dev.sql("SELECT count(DISTINCT id) FROM outcomes") == 60)
    try await until("nothing is left in the queues") {
      try await dev.sql("SELECT count(*) FROM messages") == 0
    }
    let all = try String(contentsOfFile: runs, encoding: .utf8).split(separator: "\n")
    #expect(Set(all).count == 60)
    #expect(all.count > 60, "what ran at the kill runs again")
    #expect(all.count <= 60 + 4, "what was recorded does not")
  }

  @Test func aWorkerOfAnotherProcessRecordsThroughIt() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    try await dev.start("--workers", "0")
    try dev.require(
      await dev.belfry("cert", "issue", "worker", "w9", "--dir", dev.folder + "/data/certs"))
    try dev.startWorker("w9", run: "up=tr a-z A-Z")
    let ended = try await dev.belfry(
      "submit", "--kind", "up", "--payload", "far", "--wait", "--timeout", "60s", "-o", "json")
    #expect(ended.status == 0 && ended.out.contains("w9"), "\(ended.out)\(ended.err)")
    #expect(try await dev.sql("SELECT count(*) FROM outcomes WHERE worker = 'w9'") == 1)
  }

  @Test func leavesAtCtrlCAndSaysWhatItWaitsFor() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    let marks = dev.folder + "/marks"
    try await dev.start("--run", "slow=sh -c 'echo x >> \(marks); sleep 1; cat'", "--slots", "1")
    try dev.require(
      await dev.belfry("submit", "--kind", "slow", "--count", "3", "--payload", "x"))
    try await until("one runs") { FileManager.default.fileExists(atPath: marks) }
    dev.signal(SIGINT)
    #expect(try await dev.status() == 0, "\(dev.output)")
    #expect(dev.output.contains("waits for 1 running job,"), "\(dev.output)")
    let left = try await dev.sql("SELECT count(*) FROM messages")
    #expect(left == 2, "one was running, and was finished")
    #expect(dev.output.contains("2 jobs wait in \(dev.folder)/data"), "\(dev.output)")
  }

  @Test func theSecondCtrlCEndsAtOnce() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    try await dev.start("--run", "slow=sleep 600", "--slots", "1", "--drain", "10m")
    try dev.require(await dev.belfry("submit", "--kind", "slow"))
    try await until("it runs") {
      try await dev.belfry("job", "list", "-o", "json").out.contains("running")
    }
    dev.signal(SIGINT)
    try await until("it says so") { dev.output.contains("waits for 1") }
    dev.signal(SIGINT)
    #expect(try await dev.status() == 130)
  }

  @Test func memoryKeepsNothing() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    try await dev.start("--memory")
    let ended = try await dev.belfry("submit", "--kind", "echo", "--payload", "hi", "--wait")
    #expect(ended.status == 0 && ended.out.contains("hi"), "\(ended.out)\(ended.err)")
    #expect(!FileManager.default.fileExists(atPath: dev.folder + "/data"))
  }

  @Test func aSecondOneAndABusyPortAreRefused() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    try await dev.start()
    let second = try await dev.belfry("dev", "--data", dev.folder + "/data", "--port", "0")
    #expect(second.status == 69 && second.err.contains("BF0421"), "\(second.err)")
    #expect(second.err.contains("process \(dev.pid) has it"), "\(second.err)")
    let busy = try await dev.belfry(
      "dev", "--data", dev.folder + "/other", "--port", "\(dev.port)")
    #expect(busy.status == 69 && busy.err.contains("BF0112"), "\(busy.err)")
    #expect(busy.err.contains("127.0.0.1:\(dev.port)"), "\(busy.err)")
  }

  @Test func dataThatCannotBeUsedIsRefused() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    let data = dev.folder + "/data"
    try await dev.start()
    dev.signal(SIGTERM)
    #expect(try await dev.status() == 0)
    _ = try await dev.script("db.execute('PRAGMA user_version=99')")
    let newer = try await dev.belfry("dev", "--data", data, "--port", "0")
    #expect(newer.status == 78 && newer.err.contains("BF0422"), "\(newer.err)")
    #expect(newer.err.contains("newer Belfry"), "\(newer.err)")
    try Data(repeating: 0x42, count: 8_192).write(to: URL(fileURLWithPath: data + "/belfry.sqlite"))
    let damaged = try await dev.belfry("dev", "--data", data, "--port", "0")
    #expect(damaged.status == 78 && damaged.err.contains("BF0422"), "\(damaged.err)")
    #expect(damaged.err.contains("belfry.sqlite"), "\(damaged.err)")
  }

  @Test func theDemoVerifiesWhatItClaims() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    let ended = try await dev.belfry("demo", limit: 300)
    #expect(ended.status == 0, "\(ended.out)\(ended.err)")
    #expect(ended.err.contains("600 jobs, each with exactly one outcome"), "\(ended.out)")
  }
}

/// One `belfry dev`, with a folder, a home and a port of its own.
final class DevProcess {
  let folder: String
  let program: String
  let port: Int
  private let python: String
  private var process: Process?
  private var others: [Process] = []

  init() throws {
    let services = try Services()
    program = services.bin + "/belfry"
    python = services.python
    port = try FreePort.find()
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("belfry-dev-test-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  var environment: [String: String] { ["XDG_CONFIG_HOME": folder + "/config"] }
  private var logPath: String { folder + "/dev.log" }

  /// Starts it, and waits until it says that it is ready.
  func start(_ more: String...) async throws {
    let place = more.contains("--memory") ? [] : ["--data", folder + "/data"]
    let before = output.components(separatedBy: "is ready").count
    process = try launch(program, ["dev", "--port", "\(port)"] + place + more)
    try await until("belfry dev is ready: \(output)") {
      if process?.isRunning == false { throw Services.Missing(description: output) }
      return output.components(separatedBy: "is ready").count > before
    }
  }

  func startWorker(_ name: String, run: String) throws {
    try startBeside(
      program,
      [
        "worker", "run", "--server", server, "--identity", identity(name), "--run", run,
      ])
  }

  /// Another program, that `stop` ends too.
  @discardableResult
  func startBeside(_ program: String, _ arguments: [String]) throws -> Process {
    let process = try launch(program, arguments)
    others.append(process)
    return process
  }

  var server: String { "https://127.0.0.1:\(port)" }
  func identity(_ name: String) -> String { folder + "/data/certs/" + name }

  private func launch(_ program: String, _ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if !FileManager.default.fileExists(atPath: logPath) {
      _ = FileManager.default.createFile(atPath: logPath, contents: nil)
    }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: logPath))
    try handle.seekToEnd()
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return process
  }

  var output: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
  var pid: Int32 { process?.processIdentifier ?? 0 }

  func signal(_ signal: Int32) { kill(pid, signal) }

  func kill9() {
    signal(SIGKILL)
    process?.waitUntilExit()
  }

  func status() async throws -> Int32 {
    try await until("it ends", within: 60) { process?.isRunning == false }
    return process?.terminationStatus ?? -1
  }

  func belfry(_ arguments: String..., limit: Double = 60) async throws -> Ended {
    try await Run.program(program, arguments, environment: environment, limit: limit)
  }

  func run(_ arguments: [String]) async throws -> Ended {
    try await Run.program(program, arguments, environment: environment)
  }

  func require(_ ended: Ended) throws {
    guard ended.status == 0 else {
      throw Services.Missing(description: "status \(ended.status): \(ended.out)\(ended.err)")
    }
  }

  /// A number out of the file, by a reader that is not ours.
  func sql(_ query: String) async throws -> Int {
    try await script("print(db.execute(\"\"\"\(query)\"\"\").fetchone()[0])").out.number
  }

  func script(_ code: String) async throws -> Ended {
    let head = "import sqlite3; db = sqlite3.connect('\(folder)/data/belfry.sqlite', timeout=20)\n"
    let ended = try await Run.program(python, ["-c", head + code + "\ndb.commit()"])
    try require(ended)
    return ended
  }

  func modes(of files: String...) throws -> [Int] {
    try files.map { file in
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + file)
      return attributes[.posixPermissions] as? Int ?? 0
    }
  }

  func stop() {
    for process in others + [process].compactMap({ $0 }) where process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(atPath: folder)
  }
}
