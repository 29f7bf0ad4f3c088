import BelfryCore
import Testing

/// What every `JobQueue` keeps: publishing, consuming, acks.
@Suite struct QueueContractTests {
  typealias Implementation = QueueUnderTest
  static let all = QueueUnderTest.allCases

  @Test("a message arrives as it was sent", arguments: all)
  func roundTrip(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      let generation = try await queue.up()
      let message = QueueMessage(
        messageID: "0123456789abcdef", type: "mail:send", contentType: "text/plain; charset=utf-8",
        contentEncoding: "gzip", replyTo: "answers", correlationID: "c-1",
        timestamp: 1_785_500_000,
        headers: [
          Header("belfry-attempt", .int(3)), Header("belfry-repeat", .bool(true)),
          Header("belfry-no", .bool(false)), Header("belfry-requires", .text("zone=zürich,gpu=a")),
          Header("belfry-deadline", .timestamp(1_785_600_000)),
          Header("belfry-timeout-ms", .int(-9_000_000_000)), Header("empty", .text("")),
        ], body: Payload(Array("grüezi\0\u{1F426}".utf8)))
      let id = queue.publish(
        message, exchange: QueueTopology.jobsExchange,
        key: QueueTopology.routingKey(place.lane, .normal))
      #expect(try await queue.result(of: id) == .confirmed)
      queue.perform(.consume(queue: place.normal, prefetch: 10))
      let delivery = try await queue.deliveries(1)[0]
      #expect(delivery.message == message)
      #expect(delivery.queue == place.normal)
      #expect(!delivery.redelivered)
      #expect(delivery.deliveryCount == 0)
      #expect(delivery.tag.generation == generation)
    }
  }

  @Test("bodies of any size, and messages with nothing in them", arguments: all)
  func sizes(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      // Around one frame of 128 KiB, and past what jobs may have.
      let sizes = [0, 1, 131_063, 131_064, 131_065, 5 << 20]
      let messages = sizes.map { size in
        QueueMessage(body: Payload((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }))
      }
      queue.perform(
        .publish(messages.map { queue.outgoing($0, key: place.normal) }),
        .consume(queue: place.normal, prefetch: 10))
      #expect(try await queue.deliveries(sizes.count).map(\.message) == messages)
    }
  }

  @Test("each priority has its queue; high, normal and low are not mixed up", arguments: all)
  func priorities(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      for (number, priority) in Priority.allCases.enumerated() {
        queue.publish(
          .numbered(number), exchange: QueueTopology.jobsExchange,
          key: QueueTopology.routingKey(place.lane, priority))
        queue.perform(
          .consume(queue: QueueTopology.queue(place.lane, priority), prefetch: 5))
      }
      let deliveries = try await queue.deliveries(3)
      for (number, priority) in Priority.allCases.enumerated() {
        let delivery = try #require(
          deliveries.first { $0.message.messageID == "job-\(number)" })
        #expect(delivery.queue == QueueTopology.queue(place.lane, priority))
      }
    }
  }

  @Test("a mandatory message that no queue takes is returned, others are not", arguments: all)
  func unroutable(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      let before = queue.publish(.numbered(1), key: place.normal)
      let lost = queue.publish(.numbered(2), key: "nobody.\(place.name)")
      let wrongLane = queue.publish(
        .numbered(3), exchange: QueueTopology.jobsExchange, key: place.name + "-other")
      let event = queue.publish(
        .numbered(4), exchange: QueueTopology.eventsExchange, key: "job.failed.\(place.name)",
        mandatory: false)
      let after = queue.publish(.numbered(5), key: place.normal)
      #expect(try await queue.result(of: before) == .confirmed)
      guard case .returned(let reason) = try await queue.result(of: lost) else {
        Issue.record("not returned: \(try await queue.result(of: lost))")
        return
      }
      #expect(reason.contains("NO_ROUTE"))
      #expect(reason.contains("nobody.\(place.name)"))
      guard case .returned = try await queue.result(of: wrongLane) else {
        Issue.record("not returned: \(try await queue.result(of: wrongLane))")
        return
      }
      #expect(try await queue.result(of: event) == .confirmed)
      #expect(try await queue.result(of: after) == .confirmed)
    }
  }

  @Test("an event reaches the queues that are bound, by topic", arguments: all)
  func events(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      let mine = "events.\(place.name)"
      try await place.stranger.declare(mine)
      try await place.stranger.bind(
        mine, to: QueueTopology.eventsExchange, key: "job.*.\(place.name)")
      for (number, key) in ["job.failed.\(place.name)", "job.failed.other", "node.lost"]
        .enumerated()
      {
        let id = queue.publish(
          .numbered(number), exchange: QueueTopology.eventsExchange, key: key, mandatory: false)
        #expect(try await queue.result(of: id) == .confirmed)
      }
      try await queue.depth(of: mine, becomes: 1)
      try await place.stranger.delete(mine)
    }
  }

  @Test("thousands at once: one result each, none lost, none twice", arguments: all)
  func many(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      let outgoing = (0..<3_000).map { queue.outgoing(.numbered($0), key: place.normal) }
      queue.perform(.publish(outgoing))
      try await queue.until("3,000 results") { $0.results.count == 3_000 }
      #expect(queue.now.results.values.allSatisfy { $0 == [.confirmed] })

      queue.perform(.consume(queue: place.normal, prefetch: 100))
      var acked = 0
      while acked < 3_000 {
        let deliveries = try await queue.deliveries(acked + 1)
        queue.perform(.ack(deliveries[acked...].map(\.tag)))
        acked = deliveries.count
      }
      let ids = queue.now.deliveries.map(\.message.messageID)
      #expect(ids.count == 3_000 && Set(ids).count == 3_000)
      try await queue.depth(of: place.normal, becomes: 0)
    }
  }

  @Test("no more unacked than the prefetch; a new prefetch on the same channel", arguments: all)
  func prefetch(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      let generation = try await queue.up()
      queue.perform(
        .publish((0..<30).map { queue.outgoing(.numbered($0), key: place.normal) }))
      try await queue.depth(of: place.normal, becomes: 30)
      queue.perform(.consume(queue: place.normal, prefetch: 8))
      var deliveries = try await queue.deliveries(8)
      try await queue.depth(of: place.normal, becomes: 22)
      queue.perform(.ack(deliveries.prefix(3).map(\.tag)))
      deliveries = try await queue.deliveries(11)
      try await queue.depth(of: place.normal, becomes: 19)

      // The eight unacked ones stay what they were; the new consumer has a prefetch of its own.
      queue.perform(.consume(queue: place.normal, prefetch: 5))
      deliveries = try await queue.deliveries(16)
      try await queue.depth(of: place.normal, becomes: 14)
      #expect(deliveries.allSatisfy { $0.tag.generation == generation && !$0.redelivered })

      queue.perform(.endConsumer(queue: place.normal))
      queue.perform(.ack(deliveries.map(\.tag)))
      try await queue.depth(of: place.normal, becomes: 14)
      #expect(queue.now.deliveries.count == 16)
    }
  }

  @Test("acks come in any order, twice and for tags that never were", arguments: all)
  func ackOrder(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    var random = QueueRandom(seed: 7)
    try await place.with { queue in
      let generation = try await queue.up()
      queue.perform(
        .publish((0..<200).map { queue.outgoing(.numbered($0), key: place.normal) }),
        .consume(queue: place.normal, prefetch: 500))
      let deliveries = try await queue.deliveries(200)
      let kept = Set([0, 17, 18, 199])
      let tags = deliveries.indices.filter { !kept.contains($0) }.map { deliveries[$0].tag }
        .shuffled(using: &random)
      for start in stride(from: 0, to: tags.count, by: 20) {
        let part = Array(tags[start..<min(start + 20, tags.count)])
        queue.perform(.ack(part), .ack(part.reversed()))
      }
      queue.perform(
        .ack([DeliveryTag(generation, 5_000), DeliveryTag(ChannelGeneration(9_999), 1)]))
      try await queue.depth(of: place.normal, becomes: 0)
      #expect(queue.now.generations == [generation], "the channel must live through it")
    }
  }

  @Test("what was not acked is there for the next one, marked as redelivered", arguments: all)
  func closing(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await RunningQueue.with(try place.make()) { queue in
      try await queue.up()
      queue.perform(
        .publish((0..<10).map { queue.outgoing(.numbered($0), key: place.normal) }),
        .consume(queue: place.normal, prefetch: 20))
      let deliveries = try await queue.deliveries(10)
      queue.perform(.ack(deliveries.filter { $0.tag.tag % 2 == 0 }.map(\.tag)))
    }
    try await place.with { queue in
      try await queue.up()
      queue.perform(.consume(queue: place.normal, prefetch: 20))
      let deliveries = try await queue.deliveries(5)
      #expect(
        Set(deliveries.map(\.message.messageID)) == ["job-0", "job-2", "job-4", "job-6", "job-8"])
      #expect(deliveries.allSatisfy { $0.redelivered && $0.deliveryCount == 1 })
      #expect(deliveries.allSatisfy { $0.message.headers.isEmpty }, "the count is not a header")
      queue.perform(.ack(deliveries.map(\.tag)))
      try await queue.depth(of: place.normal, becomes: 0)
    }
  }

  @Test("a delivery that is given back comes again", arguments: all)
  func requeue(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      queue.perform(
        .publish((0..<3).map { queue.outgoing(.numbered($0), key: place.normal) }),
        .consume(queue: place.normal, prefetch: 5))
      let first = try await queue.deliveries(3)
      queue.perform(.ack([first[0].tag]), .requeue([first[1].tag]), .ack([first[2].tag]))
      let again = try await queue.deliveries(4)[3]
      #expect(again.message == first[1].message)
      #expect(again.redelivered && again.deliveryCount == 1)
      queue.perform(.requeue([first[1].tag]), .ack([again.tag]))
      try await queue.depth(of: place.normal, becomes: 0)
    }
  }

  @Test(
    "a queue that is not there is said to be absent, one without messages empty", arguments: all)
  func absent(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    let nowhere = "nowhere.\(place.name)"
    try await place.with { queue in
      try await queue.up()
      queue.perform(.measure([nowhere, place.normal]))
      try await queue.until("both answers") { !$0.absent.isEmpty && !$0.depths.isEmpty }
      #expect(queue.now.absent == [nowhere] && queue.now.depths == [place.normal: 0])
    }
  }

  @Test("two on one lane share its jobs", arguments: all)
  func competing(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { one in
      try await RunningQueue.with(try place.make()) { other in
        try await one.up()
        try await other.up()
        for queue in [one, other] { queue.perform(.consume(queue: place.normal, prefetch: 30)) }
        one.perform(.publish((0..<40).map { one.outgoing(.numbered($0), key: place.normal) }))
        try await one.until("40 between them") { seen in
          seen.deliveries.count + other.now.deliveries.count == 40
        }
        let ids = (one.now.deliveries + other.now.deliveries).map(\.message.messageID)
        #expect(Set(ids).count == 40)
        #expect(one.now.deliveries.count >= 10 && other.now.deliveries.count >= 10)
      }
    }
  }
}
