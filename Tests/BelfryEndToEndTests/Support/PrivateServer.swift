import BelfryTestKit
import Foundation

/// A RabbitMQ or MongoDB of one test's own, which may be killed.
final class PrivateServer {
  private(set) var url = ""
  private let script: String
  private let folder: String
  private let more: [String]

  private init(_ script: String, folder: String, more: [String] = []) {
    self.script = script
    self.folder = folder
    self.more = more
  }

  static func rabbit() async throws -> PrivateServer {
    let server = PrivateServer(try Services().scripts + "/rabbit", folder: newFolder("rabbit"))
    server.url = "amqp://guest:guest@127.0.0.1:\(try await server.start())"
    return server
  }

  static func mongo(standalone: Bool = false) async throws -> PrivateServer {
    let server = PrivateServer(
      try Services().scripts + "/mongo", folder: newFolder("mongo"),
      more: standalone ? ["--standalone"] : [])
    let port = try await server.start()
    server.url =
      "mongodb://127.0.0.1:\(port)/belfry" + (standalone ? "" : "?replicaSet=rs0")
    return server
  }

  private static func newFolder(_ name: String) -> String {
    FileManager.default.temporaryDirectory
      .appendingPathComponent("belfry-\(name)-\(UUID().uuidString.prefix(8))").path
  }

  /// The port, which stays the same when it is started again.
  @discardableResult
  func start() async throws -> Int {
    let answer = try await runProgram(script, ["start", folder] + more)
    guard let port = Int(answer) else {
      throw Services.Missing(description: "\(script) start: \(answer)")
    }
    return port
  }

  /// Shell commands that do so.
  var commands: (stop: String, start: String) {
    ("'\(script)' kill '\(folder)'", "'\(script)' start '\(folder)' \(more.joined(separator: " "))")
  }

  /// kill -9, a while away, back.
  func restartAfterKill() async throws {
    _ = try await runProgram(script, ["kill", folder])
    try await start()
  }

  func stop() async {
    // At the end of a test: what cannot be stopped is swept away by with-services.
    _ = try? await runProgram(script, ["stop", folder])
    try? FileManager.default.removeItem(atPath: folder)
  }
}
