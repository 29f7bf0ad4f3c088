import BelfryCore
import BelfryEmbedded
import BelfryRabbitMQ
import BelfryTestKit
import Foundation

/// The implementations that keep the contract of the port `JobQueue`.
enum QueueUnderTest: String, CaseIterable, Sendable {
  case memory, embeddedFile, embeddedMemory, rabbitmq

  /// A place with names of its own: no other test sees its queues.
  func place() async throws -> QueuePlace {
    let stranger: any QueueStranger =
      switch self {
      case .memory: InMemoryBroker()
      case .embeddedFile: try EmbeddedEngine(.file(EmbeddedPlace.freshFile()))
      case .embeddedMemory: try EmbeddedEngine(.memory)
      case .rabbitmq: try await StockClient.shared()
      }
    return try QueuePlace(self, stranger)
  }
}

/// What somebody else does at the broker: other producers and consumers, an operator.
protocol QueueStranger: Sendable {
  func declare(_ queue: String) async throws
  func delete(_ queue: String) async throws
  func bind(_ queue: String, to exchange: String, key: String) async throws
  func send(_ message: QueueMessage, exchange: String, key: String) async throws
  /// Ends every connection whose name begins with this.
  func endConnections(of name: String) async throws
}

/// One test's lane and queues, and the queues' implementations that it opens.
struct QueuePlace: Sendable {
  let implementation: QueueUnderTest
  let stranger: any QueueStranger
  let lane: Lane
  let name: String

  init(_ implementation: QueueUnderTest, _ stranger: any QueueStranger) throws {
    self.implementation = implementation
    self.stranger = stranger
    name = "t" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(12)
    lane = Lane(trusted: name)
  }

  var normal: String { QueueTopology.queue(lane, .normal) }

  func make() throws -> any JobQueue {
    switch (implementation, stranger) {
    case (.memory, let broker as InMemoryBroker):
      InMemoryQueue(broker: broker, lanes: [lane])
    case (_, let engine as EmbeddedEngine):
      EmbeddedQueue(engine: engine, lanes: [lane])
    default:
      RabbitMQQueue(
        try RabbitMQConfiguration(
          url: try TestRabbit.variable("BELFRY_TEST_AMQP_URL"), connectionName: name,
          lanes: [lane]))
    }
  }

  /// Opens a queue, runs `body`, and closes it whatever happens; the queues go too.
  func with<Answer>(
    _ body: (RunningQueue) async throws -> Answer
  ) async throws -> Answer {
    let answer = try await RunningQueue.with(try make(), body)
    for queue in QueueTopology.queues(lane) { try await stranger.delete(queue) }
    return answer
  }
}

extension InMemoryBroker: QueueStranger {
  func declare(_ queue: String) async throws { declareQueue(queue) }
  func delete(_ queue: String) async throws { deleteQueue(queue) }
  func send(_ message: QueueMessage, exchange: String, key: String) async throws {
    publish(message, exchange: exchange, key: key)
  }
  func endConnections(of name: String) async throws { closeConnections() }
}

extension EmbeddedEngine: QueueStranger {
  func declare(_ queue: String) async throws { await declareQueue(queue) }
  func delete(_ queue: String) async throws { await deleteQueue(queue) }
  func send(_ message: QueueMessage, exchange: String, key: String) async throws {
    await publish(message, exchange: exchange, key: key)
  }
  func endConnections(of name: String) async throws { await closeConnections() }
}

/// The RabbitMQ that scripts/with-services starts around the tests.
enum TestRabbit {
  struct Missing: Error, CustomStringConvertible {
    let variable: String
    var description: String {
      "\(variable) is not set: run scripts/with-services swift test, or make test"
    }
  }

  static func variable(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty
    else { throw Missing(variable: name) }
    return value
  }
}
