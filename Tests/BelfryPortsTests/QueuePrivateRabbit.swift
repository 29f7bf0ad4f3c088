import BelfryCore
import BelfryRabbitMQ
import Foundation
import Glibc
import Testing

/// A RabbitMQ of one test alone, which may stop, kill or freeze it.
final class PrivateRabbit: Sendable {
  let folder: URL
  let port: Int
  private let script: String
  private let settings: [String: String]

  /// Starts one, runs `body`, and stops it whatever happens. `settings` are those of scripts/rabbit.
  static func with<Answer>(
    _ settings: [String: String] = [:], _ body: (PrivateRabbit) async throws -> Answer
  ) async throws -> Answer {
    let script = try TestRabbit.variable("BELFRY_TEST_SCRIPTS") + "/rabbit"
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "rabbit-\(UUID().uuidString.prefix(8))")
    let port = try await StockClient.run(script, ["start", folder.path], environment: settings)
    let rabbit = PrivateRabbit(
      script: script, folder: folder,
      port: try #require(Int(port.trimmingCharacters(in: .whitespacesAndNewlines))),
      settings: settings)
    let answer: Result<Answer, any Error>
    do { answer = .success(try await body(rabbit)) } catch { answer = .failure(error) }
    _ = try await StockClient.run(script, ["stop", folder.path])
    try FileManager.default.removeItem(at: folder)
    return try answer.get()
  }

  private init(script: String, folder: URL, port: Int, settings: [String: String]) {
    self.script = script
    self.folder = folder
    self.port = port
    self.settings = settings
  }

  var url: String { "amqp://guest:guest@127.0.0.1:\(port)" }

  /// A queue on this broker, with the lane `default`.
  func queue(
    _ url: String? = nil, presence: String? = nil
  ) throws -> RabbitMQQueue {
    var configuration = try RabbitMQConfiguration(
      url: url ?? self.url, connectionName: "test", lanes: [.default])
    configuration.presence = presence
    return RabbitMQQueue(configuration)
  }

  func stranger() throws -> StockClient { try StockClient(url: url, folder: folder.path) }

  /// kill -9.
  func kill() async throws { _ = try await StockClient.run(script, ["kill", folder.path]) }

  /// On the same port, with the data it had.
  func start() async throws {
    _ = try await StockClient.run(script, ["start", folder.path], environment: settings)
  }

  func ctl(_ arguments: String...) async throws {
    _ = try await StockClient.run(script, ["ctl", folder.path] + arguments)
  }

  /// Stops it in mid-work, as a machine that hangs does.
  func freeze() throws { try signal(SIGSTOP) }
  func thaw() throws { try signal(SIGCONT) }

  private func signal(_ number: Int32) throws {
    let id = try String(contentsOf: folder.appending(path: "beam.id"), encoding: .utf8)
    let pid = try #require(id.split(separator: " ").first.flatMap { pid_t($0) })
    #expect(Glibc.kill(pid, number) == 0)
  }
}
