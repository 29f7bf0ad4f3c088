import BelfryCore
import BelfryTestKit
import Foundation
import Glibc
import Testing

/// A mongod of one test alone, which may kill it: scripts/mongo in a folder of its own.
final class PrivateMongo: Sendable {
  let folder: URL
  let port: Int
  private let script: String

  /// Starts one, runs `body`, and stops it whatever happens.
  static func with<Answer>(
    standalone: Bool = false, _ body: (PrivateMongo) async throws -> Answer
  ) async throws -> Answer {
    let script = try TestMongo.variable("BELFRY_TEST_SCRIPTS") + "/mongo"
    let folder = FileManager.default.temporaryDirectory.appending(path: TestMongo.freshName())
    let arguments = ["start", folder.path] + (standalone ? ["--standalone"] : [])
    let port = try await runProgram(script, arguments)
    let mongo = PrivateMongo(script: script, folder: folder, port: try #require(Int(port)))
    let answer: Result<Answer, any Error>
    do { answer = .success(try await body(mongo)) } catch { answer = .failure(error) }
    _ = try await runProgram(script, ["stop", folder.path])
    try FileManager.default.removeItem(at: folder)
    return try answer.get()
  }

  private init(script: String, folder: URL, port: Int) {
    self.script = script
    self.folder = folder
    self.port = port
  }

  func url(_ options: String...) -> String {
    TestMongo.insert(
      TestMongo.freshName(), options, into: "mongodb://127.0.0.1:\(port)/?replicaSet=rs0")
  }

  /// kill -9.
  func kill() async throws { _ = try await runProgram(script, ["kill", folder.path]) }
  /// On the same port, with the data it had.
  func start() async throws { _ = try await runProgram(script, ["start", folder.path]) }
  /// Stops it in mid-work, as a machine that hangs does; it stands when this returns.
  func freeze() async throws {
    let pid = try pid()
    #expect(Glibc.kill(pid, SIGSTOP) == 0)
    let stands = try await eventually(within: .seconds(20)) {
      let tasks = "/proc/\(pid)/task"
      return try FileManager.default.contentsOfDirectory(atPath: tasks).allSatisfy { task in
        let stat = try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
        return stat.split(separator: ") ").last?.first == "T"
      }
    }
    #expect(stands)
  }

  func thaw() throws { #expect(Glibc.kill(try pid(), SIGCONT) == 0) }

  private func pid() throws -> pid_t {
    let id = try String(contentsOf: folder.appending(path: "mongod.id"), encoding: .utf8)
    return try #require(id.split(separator: " ").first.flatMap { pid_t($0) })
  }
}
