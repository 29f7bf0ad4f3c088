import BelfryCore
import BelfryRabbitMQ
import Foundation
import Testing

/// What a stock client sees of ours and we of its, and what an operator reads when it goes wrong.
@Suite struct QueueStrangerTests {
  private func reason(_ queue: RabbitMQQueue) async throws -> String {
    try await RunningQueue.with(queue) { queue in
      try await queue.until("unavailable") { seen -> String? in
        for case .unavailable(let reason) in seen.events { return reason }
        return nil
      }
    }
  }

  private func queue(_ change: (inout RabbitMQAddress) -> Void) throws -> RabbitMQQueue {
    var address = try RabbitMQAddress(TestRabbit.variable("BELFRY_TEST_AMQP_URL"))
    change(&address)
    return RabbitMQQueue(
      RabbitMQConfiguration(address: address, connectionName: "stranger", lanes: [.default]))
  }

  @Test("wrong password, no such virtual host, nobody there, no such host")
  func refusals() async throws {
    var text = try await reason(queue { $0.password = "wrong" })
    #expect(text.contains("access refused for user guest") && !text.contains("wrong:"))
    text = try await reason(queue { $0.virtualHost = "nowhere" })
    #expect(text.contains("vhost") && text.contains("nowhere"))
    text = try await reason(queue { $0.port = 1 })
    #expect(text == "connection refused to 127.0.0.1:1")
    text = try await reason(queue { $0.host = "no-such-host.invalid" })
    #expect(text == "host no-such-host.invalid is not known")
  }

  @Test("a queue of ours that is there with other arguments is named, and nothing comes up")
  func inequivalent() async throws {
    let place = try await QueueUnderTest.rabbitmq.place()
    try await place.stranger.declare(place.normal)
    try await RunningQueue.with(try place.make()) { queue in
      let reason = try await queue.until("unavailable") { seen -> String? in
        for case .unavailable(let reason) in seen.events { return reason }
        return nil
      }
      #expect(reason.contains("inequivalent arg 'x-queue-type'"))
      #expect(reason.contains(place.normal))
      #expect(queue.now.generations.isEmpty && !queue.now.isPublishing)
      // Mended, it goes on by itself.
      try await place.stranger.delete(place.normal)
      try await queue.up()
    }
    for queue in QueueTopology.queues(place.lane) { try await place.stranger.delete(queue) }
  }

  @Test("every type of header that pika writes is read")
  func read() async throws {
    let place = try await QueueUnderTest.rabbitmq.place()
    let client = try await StockClient.shared()
    let hello = "hello.\(place.name)"
    try await place.stranger.declare(hello)
    try await place.with { queue in
      try await queue.up()
      try await queue.attach(hello, prefetch: 5)
      _ = try await client.ask([
        "do": "publish", "exchange": "", "key": hello, "every": true,
        "body": Data("Hello World!".utf8).base64EncodedString(),
      ])
      let message = try await queue.deliveries(1)[0].message
      #expect(message.body.bytes == Array("Hello World!".utf8))
      #expect(message.messageID == nil && message.type == nil)
      let headers = Dictionary(uniqueKeysWithValues: message.headers.map { ($0.name, $0.value) })
      #expect(headers["text"] == .text("grüezi"))
      #expect(headers["int"] == .int(7))
      #expect(headers["long"] == .int(1 << 40))
      #expect(headers["negative"] == .int(-3))
      #expect(headers["yes"] == .bool(true) && headers["no"] == .bool(false))
      #expect(headers["when"] == .timestamp(1_785_499_200))
      for name in ["none", "bytes", "table", "list"] {
        guard case .other? = headers[name] else {
          Issue.record("\(name) is \(String(describing: headers[name]))")
          continue
        }
      }
      #expect(headers.count == 11)
      try await place.stranger.delete(hello)
    }
  }

  @Test("pika reads what we write, type by type")
  func written() async throws {
    let place = try await QueueUnderTest.rabbitmq.place()
    let client = try await StockClient.shared()
    try await place.with { queue in
      try await queue.up()
      let id = queue.publish(
        QueueMessage(
          messageID: "id-1", type: "print", contentType: "text/plain", contentEncoding: "br",
          replyTo: "back", correlationID: "c", timestamp: 1_785_500_000,
          headers: [
            Header("n", .int(3)), Header("t", .text("ü")), Header("b", .bool(true)),
            Header("s", .timestamp(1_785_600_000)), Header("o", .other("a table")),
          ], body: Payload([1, 2, 3])), key: place.normal)
      #expect(try await queue.result(of: id) == .confirmed)
      let got = try await client.ask(["do": "get", "queue": place.normal])
      #expect(got["body"] as? String == "AQID")
      let properties = try #require(got["properties"] as? [String: Any])
      #expect(properties["message_id"] as? String == "id-1")
      #expect(properties["type"] as? String == "print")
      #expect(properties["content_type"] as? String == "text/plain")
      #expect(properties["content_encoding"] as? String == "br")
      #expect(properties["reply_to"] as? String == "back")
      #expect(properties["correlation_id"] as? String == "c")
      #expect(properties["timestamp"] as? Int == 1_785_500_000)
      #expect(properties["delivery_mode"] as? Int == 2)
      let headers = try #require(got["headers"] as? [String: [Any]])
      #expect(headers["n"]?[0] as? String == "long" && headers["n"]?[1] as? Int == 3)
      #expect(headers["t"]?[1] as? String == "ü")
      #expect(headers["b"]?[0] as? String == "bool" && headers["b"]?[1] as? Bool == true)
      #expect(
        headers["s"]?[0] as? String == "timestamp" && headers["s"]?[1] as? Int == 1_785_600_000)
      #expect(headers["o"] == nil, "a value that we could not read is left out")
    }
  }

  @Test("what AMQP cannot carry is given back with the reason; the channel lives on")
  func unsendable() async throws {
    let place = try await QueueUnderTest.rabbitmq.place()
    try await place.with { queue in
      try await queue.up()
      let long = String(repeating: "x", count: 256)
      let huge = String(repeating: "y", count: 200_000)
      let wrong = [
        QueueMessage(messageID: long), QueueMessage(headers: [Header(long, .int(1))]),
        QueueMessage(headers: [Header("belfry-history", .text(huge))]),
      ].map { queue.publish($0, key: place.normal) }
      let right = queue.publish(
        QueueMessage(headers: [Header("belfry-history", .text(String(huge.prefix(60_000))))]),
        key: place.normal)
      for id in wrong {
        guard case .returned(let reason) = try await queue.result(of: id) else {
          Issue.record("\(try await queue.result(of: id))")
          continue
        }
        #expect(reason.contains("bytes"))
      }
      #expect(try await queue.result(of: right) == .confirmed)
      #expect(
        !queue.now.events.contains { if case .publishingDown = $0 { true } else { false } })
    }
  }
}
