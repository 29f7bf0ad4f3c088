import BelfryCore
import Foundation
import Synchronization

/// A queue that runs, and all that it said.
final class RunningQueue: Sendable {
  struct Seen: Sendable {
    var events: [QueueEvent] = []
    var deliveries: [Delivery] = []
    var results: [PublishID: [PublishResult]] = [:]
    /// The lanes' channels that are up, in the order of their opening.
    var generations: [ChannelGeneration] = []
    var isPublishing = false
    var isBlocked = false
    var depths: [String: Int] = [:]
    var absent: [String] = []
  }

  let queue: any JobQueue
  private let seen = Mutex(Seen())
  private let numbers = Mutex<UInt64>(0)

  static func with<Answer>(
    _ queue: any JobQueue, _ body: (RunningQueue) async throws -> Answer
  ) async throws -> Answer {
    let running = RunningQueue(queue)
    let task = Task { await queue.run { running.take($0) } }
    let answer: Result<Answer, any Error>
    do { answer = .success(try await body(running)) } catch { answer = .failure(error) }
    task.cancel()
    await task.value
    return try answer.get()
  }

  private init(_ queue: any JobQueue) { self.queue = queue }

  private func take(_ events: [QueueEvent]) {
    seen.withLock { seen in
      for event in events {
        seen.events.append(event)
        switch event {
        case .consumingUp(let generation): seen.generations.append(generation)
        case .consumingDown(let generation, _): seen.generations.removeAll { $0 == generation }
        case .delivered(let deliveries): seen.deliveries += deliveries
        case .published(let results):
          for result in results { seen.results[result.id, default: []].append(result.result) }
        case .publishingUp: seen.isPublishing = true
        case .publishingDown: seen.isPublishing = false
        case .blocked: seen.isBlocked = true
        case .unblocked: seen.isBlocked = false
        case .depth(let queue, let ready): seen.depths[queue] = ready
        case .absent(let queue): seen.absent.append(queue)
        default: break
        }
      }
    }
  }

  var now: Seen { seen.withLock { $0 } }

  /// Forgets what was seen, except what is up.
  func forget() {
    seen.withLock { seen in
      seen.events = []
      seen.deliveries = []
      seen.results = [:]
      seen.depths = [:]
      seen.absent = []
    }
  }

  struct NeverCame: Error, CustomStringConvertible { let description: String }

  /// Waits until `find` finds what it looks for in what was seen.
  @discardableResult
  func until<Found>(
    _ what: String, within limit: Duration = .seconds(90), _ find: (Seen) -> Found?
  ) async throws -> Found {
    let deadline = ContinuousClock.now + limit
    while true {
      if let found = find(now) { return found }
      guard ContinuousClock.now < deadline else { break }
      try await Task.sleep(for: .milliseconds(5))
    }
    let last = now.events.suffix(8).map { String(String(describing: $0).prefix(300)) }
    throw NeverCame(
      description: "\(what): not within \(limit). \(now.deliveries.count) deliveries, "
        + "\(now.results.count) results. Last events:\n  " + last.joined(separator: "\n  "))
  }

  func until(
    _ what: String, within limit: Duration = .seconds(90), _ holds: (Seen) -> Bool
  ) async throws {
    try await until(what, within: limit) { holds($0) ? true : nil }
  }

  /// Waits until both connections are up; the generation of the lanes' channel.
  @discardableResult
  func up(within limit: Duration = .seconds(90)) async throws -> ChannelGeneration {
    try await until("up", within: limit) { $0.isPublishing ? $0.generations.last : nil }
  }

  /// Waits for the connections that take the place of those with the channel `old`.
  @discardableResult
  func up(after old: ChannelGeneration) async throws -> ChannelGeneration {
    try await until("a new generation") { seen in
      seen.isPublishing ? seen.generations.last.flatMap { $0 > old ? $0 : nil } : nil
    }
  }

  /// Attaches a foreign queue alone, and waits until it is consumed, as on a channel of its own.
  @discardableResult
  func attach(_ name: String, prefetch: Int) async throws -> ChannelGeneration {
    perform(.attach([AttachedQueue(queue: name, prefetch: prefetch)]))
    return try await until("\(name) is attached") { seen in
      seen.events.reversed().lazy.compactMap { event in
        if case .attachedUp(let generation, name) = event { generation } else { nil }
      }.first
    }
  }

  // MARK: Commands

  func perform(_ commands: QueueCommand...) { queue.perform(commands) }

  /// Publishes to an exchange, or to the queue `key`; returns the id to look the result up by.
  @discardableResult
  func publish(
    _ message: QueueMessage, exchange: String = "", key: String, mandatory: Bool = true
  ) -> PublishID {
    let outgoing = outgoing(message, exchange: exchange, key: key, mandatory: mandatory)
    perform(.publish([outgoing]))
    return outgoing.id
  }

  func outgoing(
    _ message: QueueMessage, exchange: String = "", key: String, mandatory: Bool = true
  ) -> OutgoingMessage {
    let number = numbers.withLock { number in
      number += 1
      return number
    }
    return OutgoingMessage(
      id: PublishID(number), exchange: exchange, routingKey: key, mandatory: mandatory,
      message: message)
  }

  /// What became of it: exactly one result.
  func result(of id: PublishID) async throws -> PublishResult {
    let results = try await until("result of \(id.number)") { $0.results[id] }
    guard results.count == 1 else {
      throw NeverCame(description: "\(results.count) results of \(id.number): \(results)")
    }
    return results[0]
  }

  /// Waits for so many deliveries in all.
  func deliveries(_ count: Int, within limit: Duration = .seconds(90)) async throws -> [Delivery] {
    try await until("\(count) deliveries", within: limit) { seen in
      seen.deliveries.count >= count ? seen.deliveries : nil
    }
  }

  /// Asks until the queue has so many ready messages: what an ack or a publish does comes a moment
  /// after it. The connection that answers is the consuming one, and need not be the first to be up.
  func depth(of queue: String, becomes count: Int) async throws {
    try await until("consuming") { !$0.generations.isEmpty }
    let deadline = ContinuousClock.now + .seconds(20)
    var last: Int?
    while ContinuousClock.now < deadline {
      seen.withLock { $0.depths[queue] = nil }
      perform(.measure([queue]))
      last = try await until("depth of \(queue)") { $0.depths[queue] }
      if last == count { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw NeverCame(description: "depth of \(queue) stays \(last ?? -1), not \(count)")
  }
}

extension QueueMessage {
  /// A job that says its number.
  static func numbered(_ number: Int, bytes: Int = 16) -> QueueMessage {
    var body = Array("job \(number) ".utf8)
    while body.count < bytes { body.append(UInt8(truncatingIfNeeded: body.count)) }
    return QueueMessage(messageID: "job-\(number)", type: "print", body: Payload(body))
  }
}
