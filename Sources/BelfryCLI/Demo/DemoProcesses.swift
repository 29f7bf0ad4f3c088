internal import Foundation
internal import Synchronization

/// The demo's processes: each is this program, with a log of its own. None outlives the demo.
final class DemoProcesses: Sendable {
  private let folder: String
  private let processes = Mutex<[String: Process]>([:])

  init(folder: String) { self.folder = folder }

  func start(_ name: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = arguments
    // Commands of the user's own must go on finding the user's own cluster.
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["XDG_CONFIG_HOME": folder, "BELFRY_LOG_FORMAT": "json"]
    ) { _, new in new }
    let log = folder + "/\(name).log"
    if !FileManager.default.fileExists(atPath: log) {
      _ = FileManager.default.createFile(atPath: log, contents: nil)
    }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
    try handle.seekToEnd()
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    processes.withLock { $0[name] = process }
  }

  /// kill -9, and gone.
  func kill(_ name: String) {
    guard let process = processes.withLock({ $0[name] }) else { return }
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Asks it to leave; its exit status.
  func stop(_ name: String) -> Int32 {
    guard let process = processes.withLock({ $0[name] }) else { return 0 }
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// The status of one that has ended by itself; nil while it runs.
  func ended(_ name: String) -> Int32? {
    processes.withLock { processes in
      guard let process = processes[name], !process.isRunning else { return nil }
      return process.terminationStatus
    }
  }

  func log(_ name: String) -> String {
    // Nothing was written: the same as nothing to read.
    (try? String(contentsOfFile: folder + "/\(name).log", encoding: .utf8)) ?? ""
  }

  func killAll() {
    for process in processes.withLock({ $0.values.filter(\.isRunning) }) {
      Foundation.kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }
}
