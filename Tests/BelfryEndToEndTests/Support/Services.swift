import Foundation

/// The real parts that `scripts/with-services` has started, and the programs that were built.
struct Services {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  let amqp: String
  let mongo: String
  let scripts: String
  let bin: String
  let python: String

  init() throws {
    func value(_ name: String) throws -> String {
      guard let value = ProcessInfo.processInfo.environment[name] else {
        throw Missing(
          description:
            "\(name) is not set: run these tests by make test, or scripts/with-services swift test")
      }
      return value
    }
    amqp = try value("BELFRY_TEST_AMQP_URL")
    mongo = try value("BELFRY_TEST_MONGODB_URL")
    scripts = try value("BELFRY_TEST_SCRIPTS")
    bin = try value("BELFRY_TEST_BIN")
    python = try value("BELFRY_TEST_PYTHON")
  }

  /// The same MongoDB, another database.
  func store(database: String) -> String {
    let afterScheme = mongo.range(of: "://")?.upperBound ?? mongo.startIndex
    guard let slash = mongo.range(of: "/", range: afterScheme..<mongo.endIndex)
    else { return mongo + "/" + database }
    let query = mongo.firstIndex(of: "?").map { String(mongo[$0...]) } ?? ""
    return String(mongo[..<slash.lowerBound]) + "/" + database + query
  }
}

/// A process that ran to its end.
struct Ended {
  let status: Int32
  let out: String
  let err: String
}

enum Run {
  /// Runs a program to its end; after `limit` seconds it is killed, and the status is that of SIGKILL.
  static func program(
    _ path: String, _ arguments: [String], environment: [String: String] = [:],
    input: String? = nil,
    limit: Double = 60
  ) async throws -> Ended {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (out, err) = (folder.appendingPathComponent("out"), folder.appendingPathComponent("err"))
    _ = FileManager.default.createFile(atPath: out.path, contents: nil)
    _ = FileManager.default.createFile(atPath: err.path, contents: nil)
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    if let input {
      let file = folder.appendingPathComponent("in")
      try Data(input.utf8).write(to: file)
      process.standardInput = try FileHandle(forReadingFrom: file)
    } else {
      process.standardInput = FileHandle.nullDevice
    }
    try process.run()
    let deadline = Date().addingTimeInterval(limit)
    while process.isRunning, Date() < deadline { try await Task.sleep(for: .milliseconds(20)) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    return Ended(
      status: process.terminationStatus,
      out: String(decoding: try Data(contentsOf: out), as: UTF8.self),
      err: String(decoding: try Data(contentsOf: err), as: UTF8.self))
  }
}

/// Polls until the condition holds; the error says what was waited for.
func until(
  _ what: String, within limit: Double = 30, _ condition: () async throws -> Bool
) async throws {
  let deadline = Date().addingTimeInterval(limit)
  while try await !condition() {
    guard Date() < deadline else {
      throw Services.Missing(description: "waited \(limit) s in vain: \(what)")
    }
    try await Task.sleep(for: .milliseconds(50))
  }
}
