import BelfryCore
import Testing

/// What every `JobQueue` keeps: reading, foreign queues, and what it does when things go away.
@Suite struct QueueContractChannelTests {
  typealias Implementation = QueueUnderTest
  static let all = QueueUnderTest.allCases

  @Test("reading once: what is there, no more than asked for", arguments: all)
  func readOnce(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      let parked = QueueTopology.parked(place.lane)
      queue.perform(.publish((0..<150).map { queue.outgoing(.numbered($0), key: parked) }))
      try await queue.depth(of: parked, becomes: 150)
      queue.perform(
        .readOnce(queue: parked, limit: 3), .readOnce(queue: place.normal, limit: 10),
        .readOnce(queue: "nobody.\(place.name)", limit: 10),
        .readOnce(queue: parked, limit: 1_000))
      try await queue.until("four readings") { seen in
        seen.events.filter { if case .readDone = $0 { true } else { false } }.count == 4
      }
      let events = queue.now.events
      #expect(
        events.filter { if case .readDone = $0 { true } else { false } } == [
          .readDone(queue: parked, count: 3), .readDone(queue: place.normal, count: 0),
          .readDone(queue: "nobody.\(place.name)", count: 0),
          .readDone(queue: parked, count: 147),
        ])
      let deliveries = queue.now.deliveries
      #expect(deliveries.count == 150 && deliveries.allSatisfy { $0.queue == parked })
      // The deliveries come before the word that they are all.
      if case .readDone = events.last {} else { Issue.record("readDone is not the last event") }
      queue.perform(.ack(deliveries.map(\.tag)))
      try await queue.depth(of: parked, becomes: 0)
    }
  }

  @Test("a foreign queue is consumed as soon as it is there", arguments: all)
  func attached(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    let hello = "hello.\(place.name)"
    try await place.with { queue in
      let lanes = try await queue.up()
      queue.perform(.attach([AttachedQueue(queue: hello, prefetch: 4)]))
      try await place.stranger.declare(hello)
      for number in 0..<10 {
        try await place.stranger.send(.numbered(number), exchange: "", key: hello)
      }
      let generation = try await queue.until("attached") { seen -> ChannelGeneration? in
        for case .attachedUp(let generation, hello) in seen.events { return generation }
        return nil
      }
      #expect(generation != lanes)
      var acked = 0
      while acked < 10 {
        let deliveries = try await queue.deliveries(acked + 1)
        #expect(deliveries.count - acked <= 4)
        #expect(deliveries.allSatisfy { $0.queue == hello && $0.tag.generation == generation })
        queue.perform(.ack(deliveries[acked...].map(\.tag)))
        acked = deliveries.count
      }
      try await queue.depth(of: hello, becomes: 0)

      try await place.stranger.delete(hello)
      try await queue.until("detached") { seen in
        seen.events.contains {
          if case .consumingDown(generation, _) = $0 { true } else { false }
        }
      }
      #expect(queue.now.generations == [lanes], "the lanes' channel is another one")
      try await place.stranger.declare(hello)
      try await place.stranger.send(.numbered(99), exchange: "", key: hello)
      let again = try await queue.deliveries(11)[10]
      #expect(again.message.messageID == "job-99")
      #expect(again.tag.generation > generation)
      queue.perform(.ack([again.tag]))
      try await queue.depth(of: hello, becomes: 0)
      try await place.stranger.delete(hello)
    }
  }

  @Test(
    "a foreign queue that is left is not consumed; what it had brought is acked, and it can be taken again",
    arguments: all)
  func left(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    let (hello, other) = ("hello.\(place.name)", "other.\(place.name)")
    for name in [hello, other] { try await place.stranger.declare(name) }
    try await place.with { queue in
      try await queue.up()
      let generation = try await queue.attach(hello, prefetch: 1)
      for number in 0..<2 {
        try await place.stranger.send(.numbered(number), exchange: "", key: hello)
      }
      let first = try await queue.deliveries(1)[0]
      // What comes by the other has been sent after the first was left.
      try await queue.attach(other, prefetch: 1)
      queue.perform(.ack([first.tag]))
      try await queue.depth(of: hello, becomes: 1)
      try await place.stranger.send(.numbered(2), exchange: "", key: other)
      let second = try await queue.deliveries(2)[1]
      #expect(second.queue == other)
      queue.perform(
        .ack([second.tag]),
        .attach([other, hello].map { AttachedQueue(queue: $0, prefetch: 1) }))
      let third = try await queue.deliveries(3)[2]
      #expect(third.queue == hello && third.message.messageID == "job-1" && !third.redelivered)
      #expect(third.tag.generation == generation)
      queue.perform(.ack([third.tag]))
      for name in [hello, other] { try await queue.depth(of: name, becomes: 0) }
      // One that was left and deleted since is wanted again: it is awaited, and the others are left all the same.
      try await queue.attach(other, prefetch: 1)
      try await place.stranger.delete(hello)
      queue.perform(.attach([AttachedQueue(queue: hello, prefetch: 1)]))
      try await queue.depth(of: other, becomes: 0)
      try await place.stranger.send(.numbered(4), exchange: "", key: other)
      try await queue.depth(of: other, becomes: 1)
      try await place.stranger.declare(hello)
      try await place.stranger.send(.numbered(5), exchange: "", key: hello)
      let fourth = try await queue.deliveries(4)[3]
      #expect(fourth.queue == hello && fourth.tag.generation > generation)
      queue.perform(.ack([fourth.tag]))
      // A new connection has none until it is asked for them again.
      let before = try await queue.up()
      try await place.stranger.endConnections(of: place.name)
      try await queue.up(after: before)
      queue.forget()
      try await place.stranger.send(.numbered(3), exchange: "", key: hello)
      try await queue.depth(of: hello, becomes: 1)
      try await queue.attach(hello, prefetch: 1)
      #expect(try await queue.deliveries(1)[0].message.messageID == "job-3")
    }
    for name in [hello, other] { try await place.stranger.delete(name) }
  }

  @Test(
    "a queue deleted under its consumer is made again, and can be consumed again", arguments: all)
  func deletedQueue(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      let generation = try await queue.up()
      queue.perform(.consume(queue: place.normal, prefetch: 5))
      queue.publish(.numbered(1), key: place.normal)
      let old = try await queue.deliveries(1)[0]
      try await place.stranger.delete(place.normal)
      try await queue.until("consumer ended") { seen in
        seen.events.contains(.consumerEnded(queue: place.normal))
      }
      queue.perform(.ack([old.tag]), .consume(queue: place.normal, prefetch: 5))
      let id = queue.publish(
        .numbered(2), exchange: QueueTopology.jobsExchange,
        key: QueueTopology.routingKey(place.lane, .normal))
      #expect(try await queue.result(of: id) == .confirmed)
      #expect(try await queue.deliveries(2)[1].message.messageID == "job-2")
      #expect(queue.now.generations == [generation])
    }
  }

  @Test("declare makes what is missing before what is published behind it", arguments: all)
  func declareFirst(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      try await place.stranger.delete(QueueTopology.again(place.lane))
      let again = QueueTopology.again(place.lane)
      let returned = queue.publish(.numbered(1), key: again)
      guard case .returned = try await queue.result(of: returned) else {
        Issue.record("not returned")
        return
      }
      let outgoing = queue.outgoing(.numbered(1), key: again)
      queue.perform(.declare, .publish([outgoing]))
      #expect(try await queue.result(of: outgoing.id) == .confirmed)
      try await queue.depth(of: again, becomes: 1)
    }
  }

  @Test("to consume what is not there ends that consumer alone", arguments: all)
  func missingQueue(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      let generation = try await queue.up()
      queue.perform(.consume(queue: place.normal, prefetch: 5))
      queue.perform(.consume(queue: "nobody.\(place.name)", prefetch: 5))
      try await queue.until("ended") { seen in
        seen.events.contains(.consumerEnded(queue: "nobody.\(place.name)"))
      }
      queue.publish(.numbered(1), key: place.normal)
      #expect(try await queue.deliveries(1)[0].tag.generation == generation)
    }
  }

  @Test("an exchange that is not there harms nothing but its message", arguments: all)
  func missingExchange(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      try await queue.up()
      let wrong = queue.publish(.numbered(1), exchange: "nobody.\(place.name)", key: "x")
      guard case .unknown(let reason) = try await queue.result(of: wrong) else {
        Issue.record("not unknown: \(try await queue.result(of: wrong))")
        return
      }
      #expect(reason.contains("NOT_FOUND"))
      let right = queue.publish(.numbered(2), key: place.normal)
      #expect(try await queue.result(of: right) == .confirmed)
    }
  }

  @Test(
    "connections closed under it: a new generation, acks of the old one name nothing",
    arguments: all)
  func closedConnections(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    try await place.with { queue in
      let first = try await queue.up()
      queue.perform(
        .publish((0..<6).map { queue.outgoing(.numbered($0), key: place.normal) }),
        .consume(queue: place.normal, prefetch: 10))
      let old = try await queue.deliveries(6)
      try await place.stranger.endConnections(of: place.name)
      let second = try await queue.up(after: first)
      #expect(
        queue.now.events.contains {
          if case .consumingDown(first, _) = $0 { true } else { false }
        })
      try await queue.until("publishing lost as well") { seen in
        seen.events.contains { if case .publishingDown = $0 { true } else { false } }
      }
      queue.perform(.ack(old.map(\.tag)), .requeue(old.map(\.tag)))
      queue.perform(.consume(queue: place.normal, prefetch: 10))
      let new = try await queue.deliveries(12)[6...]
      #expect(new.allSatisfy { $0.redelivered && $0.tag.generation == second })
      #expect(Set(new.map(\.message.messageID)) == Set(old.map(\.message.messageID)))
      queue.perform(.ack(new.map(\.tag)))
      try await queue.depth(of: place.normal, becomes: 0)
    }
  }

  @Test("what is published before there is a connection is kept", arguments: all)
  func early(_ implementation: Implementation) async throws {
    let place = try await implementation.place()
    let queue = try place.make()
    let early = OutgoingMessage(
      id: PublishID(1_000_000), exchange: "", routingKey: place.normal, mandatory: true,
      message: .numbered(1))
    queue.perform([.publish([early])])
    try await RunningQueue.with(queue) { running in
      #expect(try await running.result(of: early.id) == .confirmed)
      try await running.depth(of: place.normal, becomes: 1)
    }
    for queue in QueueTopology.queues(place.lane) { try await place.stranger.delete(queue) }
  }
}
