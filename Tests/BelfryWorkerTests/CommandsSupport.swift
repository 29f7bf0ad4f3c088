import BelfryCore
import Foundation
import Synchronization
import Testing

@testable import BelfryWorker

/// What the tests of commands share.
enum Commands {
  /// The product `belfry`, which stands beside the tests' own executable.
  static var belfry: String {
    get throws {
      let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let path = (own as NSString).deletingLastPathComponent + "/belfry"
      try #require(
        FileManager.default.isExecutableFile(atPath: path), "no \(path): run swift build first")
      return path
    }
  }

  static func invocation(
    payload: [UInt8] = [], timeout: Duration? = .seconds(60), contentType: String? = nil
  ) -> CommandInvocation {
    CommandInvocation(
      job: Job(
        id: JobID(trusted: "job-1"), kind: Kind(trusted: "test"), lane: Lane(trusted: "fast"),
        payload: Payload(payload), contentType: contentType),
      assignment: AssignmentID(boot: BootID(high: 1, low: 2), counter: 7), attempt: 3,
      timeout: timeout)
  }

  static func handler(
    _ words: [String], engine: CommandEngine, _ change: (inout CommandSettings) -> Void = { _ in }
  ) throws -> CommandHandler {
    var settings = CommandSettings()
    change(&settings)
    return try CommandHandler(
      CommandSpec(kind: "test", words: words), settings: settings, engine: engine)
  }

  /// Runs a shell script as a command, on an engine of its own.
  static func shell(
    _ script: String, _ invocation: CommandInvocation = Self.invocation(),
    log: LogSink = LogSink(), _ change: (inout CommandSettings) -> Void = { _ in }
  ) async throws -> CommandResult {
    let engine = try CommandEngine(keeper: nil)
    let handler = try handler(["sh", "-c", script], engine: engine, change)
    let result = await handler.run(invocation, log: log.add)
    await engine.shutdown()
    return result
  }

  /// Asks until it is so; false when the time is over.
  static func eventually(
    within limit: Duration = .seconds(20), _ condition: () async throws -> Bool
  ) async rethrows -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      if try await condition() { return true }
      try? await Task.sleep(for: .milliseconds(5))  // Cancelled: the loop ends by its limit.
    }
    return try await condition()
  }

  /// Whether the process runs; a zombie that nobody has reaped yet does not.
  static func isAlive(_ pid: Int32) -> Bool {
    guard let state = state(of: pid) else { return false }
    return state != "Z" && state != "X"
  }

  static func state(of pid: Int32) -> Character? {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else {
      return nil  // It is gone.
    }
    return stat.split(separator: ")").last?.dropFirst().first
  }

  /// Processes that carry this line in their environment.
  static func processes(with line: String) -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { Int32($0) }.filter { pid in
      guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else {
        return false
      }
      return bytes.split(separator: 0).contains { $0.elementsEqual(line.utf8) } && isAlive(pid)
    }
  }
}

/// Keeps the log lines of a run.
final class LogSink: Sendable {
  private let kept = Mutex<[CommandLogLine]>([])

  var lines: [CommandLogLine] { kept.withLock { $0 } }
  var texts: [String] { lines.map(\.text) }

  @Sendable func add(_ line: CommandLogLine) {
    kept.withLock { $0.append(line) }
  }
}
