import BelfryCore
import BelfryRabbitMQ
import Foundation
import Testing

/// What only a real broker does: it dies, hangs, runs out of memory, loses patience.
@Suite(.serialized) struct QueueRabbitTests {
  let lane = QueueTopology.queue(.default, .normal)

  @Test("kill -9 of the broker: says so, comes back by itself, loses nothing that was confirmed")
  func brokerKilled() async throws {
    try await PrivateRabbit.with { rabbit in
      try await RunningQueue.with(try rabbit.queue()) { queue in
        let first = try await queue.up()
        let early = (0..<200).map { queue.outgoing(.numbered($0), key: lane) }
        queue.perform(.publish(early), .consume(queue: lane, prefetch: 50))
        try await queue.until("200 results") { $0.results.count == 200 }
        let old = try await queue.deliveries(50)
        queue.perform(.ack(old.prefix(10).map(\.tag)))
        _ = try await queue.deliveries(60)
        try await rabbit.kill()
        try await queue.until("down") { $0.generations.isEmpty && !$0.isPublishing }
        // Not sent yet, so not unknown: it waits for the connection.
        let meanwhile = queue.publish(.numbered(777), key: lane)
        let refused = try await queue.until("unavailable") { seen -> String? in
          for case .unavailable(let reason) in seen.events { return reason }
          return nil
        }
        #expect(refused == "connection refused to 127.0.0.1:\(rabbit.port)")
        #expect(queue.now.results[meanwhile] == nil)
        queue.forget()
        try await rabbit.start()
        let second = try await queue.up()
        #expect(second > first)
        #expect(try await queue.result(of: meanwhile) == .confirmed)
        queue.perform(.consume(queue: lane, prefetch: 500))
        let again = try await queue.until("all that was not acked") { seen -> [Delivery]? in
          Set(seen.deliveries.map(\.message.messageID)).count >= 191 ? seen.deliveries : nil
        }
        let ids = Set(again.map(\.message.messageID))
        #expect(ids.isSuperset(of: (60..<200).map { "job-\($0)" }))
        #expect(ids.contains("job-777"))
        queue.perform(.ack(again.map(\.tag)))
        try await queue.depth(of: lane, becomes: 0)
      }
    }
  }

  @Test(
    "a queue of its own says that a process has a connection: to it and others, until that ends")
  func presence() async throws {
    try await PrivateRabbit.with { rabbit in
      try await RunningQueue.with(try rabbit.queue()) { other in
        let others = try await other.up()
        let mine = "belfry.coordinator.1"
        func looks(_ queue: RunningQueue) async throws -> Bool {
          queue.forget()
          queue.perform(.measure([mine]))
          try await queue.until("an answer") { !$0.absent.isEmpty || !$0.depths.isEmpty }
          return queue.now.absent.isEmpty
        }
        #expect(try await !looks(other))
        try await RunningQueue.with(try rabbit.queue(presence: mine)) { queue in
          let before = try await queue.up()
          #expect(try await looks(queue))
          #expect(try await looks(other))
          // Another of the same name has none, until this one is gone.
          try await RunningQueue.with(try rabbit.queue(presence: mine)) { again in
            let first = try await again.up()
            #expect(try await !looks(again))
            #expect(try await looks(queue))
            #expect(again.now.generations == [first], "no channel is lost to that")
          }
          // The broker ends all connections; the queue comes back with the new one.
          try await rabbit.ctl("close_all_connections", "a test")
          try await queue.up(after: before)
          try await other.up(after: others)
          #expect(try await looks(queue))
          #expect(try await looks(other))
        }
        // The broker takes a moment to delete it.
        let limit = ContinuousClock.now + .seconds(20)
        while try await looks(other) {
          try #require(ContinuousClock.now < limit, "it outlives its connection")
        }
      }
    }
  }

  @Test("where the broker's user may not declare it, it is absent, and all else goes on")
  func presenceRefused() async throws {
    try await PrivateRabbit.with { rabbit in
      try await rabbit.ctl("add_user", "app", "app")
      try await rabbit.ctl("set_permissions", "app", "belfry\\.(?!coordinator).*", ".*", ".*")
      let mine = "belfry.coordinator.1"
      let url = "amqp://app:app@127.0.0.1:\(rabbit.port)"
      try await RunningQueue.with(try rabbit.queue(url, presence: mine)) { queue in
        let first = try await queue.up()
        for _ in 0..<2 {
          queue.forget()
          queue.perform(.measure([mine, lane]))
          try await queue.until("both answers") { $0.absent == [mine] && $0.depths[lane] == 0 }
        }
        queue.perform(
          .consume(queue: lane, prefetch: 1), .publish([queue.outgoing(.numbered(1), key: lane)]))
        _ = try await queue.deliveries(1)
        #expect(queue.now.generations == [first], "no channel is lost to that")
      }
    }
  }

  @Test("a memory alarm blocks publishing alone, and passes; no connection is lost to it")
  func blocked() async throws {
    try await PrivateRabbit.with { rabbit in
      try await RunningQueue.with(try rabbit.queue()) { queue in
        try await queue.up()
        queue.perform(
          .publish((0..<20).map { queue.outgoing(.numbered($0), key: lane) }),
          .consume(queue: lane, prefetch: 10))
        try await queue.until("20 results") { $0.results.count == 20 }
        var deliveries = try await queue.deliveries(10)
        try await rabbit.ctl("set_vm_memory_high_watermark", "0.00001")
        // The first of them makes the broker stop reading in its middle; the rest must wait.
        let many = (0..<24).map { queue.outgoing(.numbered($0, bytes: 1 << 20), key: lane) }
        queue.perform(.publish(many))
        try await queue.until("blocked") { $0.isBlocked }
        queue.perform(.ack(deliveries.map(\.tag)))
        deliveries = try await queue.deliveries(20)
        queue.perform(.ack(deliveries[10...].map(\.tag)), .endConsumer(queue: lane))
        // Longer than a connection that takes nothing lives when nobody said why.
        try await Task.sleep(for: .seconds(7))
        #expect(many.allSatisfy { queue.now.results[$0.id] == nil })
        try await rabbit.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
        try await queue.until("unblocked") { !$0.isBlocked }
        for outgoing in many { #expect(try await queue.result(of: outgoing.id) == .confirmed) }
        try await queue.depth(of: lane, becomes: 24)
        #expect(
          !queue.now.events.contains {
            switch $0 {
            case .publishingDown, .consumingDown: true
            default: false
            }
          })
      }
    }
  }

  @Test("a broker that hangs: sends do not hang with it")
  func frozen() async throws {
    try await PrivateRabbit.with { rabbit in
      try await RunningQueue.with(try rabbit.queue()) { queue in
        try await queue.up()
        try rabbit.freeze()
        let many = (0..<200).map { queue.outgoing(.numbered($0, bytes: 1 << 20), key: lane) }
        queue.perform(.publish(many))
        try await queue.until("publishing given up") { !$0.isPublishing }
        #expect(
          queue.now.results.values.allSatisfy {
            if case .unknown = $0[0] { true } else { false }
          })
        #expect((1..<200).contains(queue.now.results.count), "the rest was not sent, so it waits")
        try rabbit.thaw()
        try await queue.up()
        try await queue.until("all results", within: .seconds(60)) { $0.results.count == 200 }
        #expect(queue.now.results.values.allSatisfy { $0.count == 1 })
      }
    }
  }

  @Test("it ends although the broker hangs, and says what became of what was on its way")
  func endsWhileFrozen() async throws {
    try await PrivateRabbit.with { rabbit in
      var began = ContinuousClock.now
      try await RunningQueue.with(try rabbit.queue()) { queue in
        try await queue.up()
        try rabbit.freeze()
        queue.perform(.publish((0..<50).map { queue.outgoing(.numbered($0), key: lane) }))
        began = .now
      }
      #expect(ContinuousClock.now - began < .seconds(10))
      try rabbit.thaw()
    }
  }

  @Test("the consumer time-out closes the channel, not the connection")
  func consumerTimeout() async throws {
    let settings = ["RABBIT_CONSUMER_TIMEOUT": "2000", "RABBIT_CHANNEL_TICK": "500"]
    try await PrivateRabbit.with(settings) { rabbit in
      let stranger = try rabbit.stranger()
      try await stranger.declare("hello")
      try await RunningQueue.with(try rabbit.queue()) { queue in
        let first = try await queue.up()
        try await queue.attach("hello", prefetch: 5)
        queue.publish(.numbered(1), key: lane)
        queue.perform(.consume(queue: lane, prefetch: 5))
        _ = try await queue.deliveries(1)
        let reason = try await queue.until("channel closed") { seen -> String? in
          for case .consumingDown(first, let reason) in seen.events { return reason }
          return nil
        }
        #expect(reason.contains("timed out"))
        let second = try await queue.until("a new channel") { $0.generations.last }
        #expect(second > first)
        #expect(
          !queue.now.events.contains { if case .publishingDown = $0 { true } else { false } })
        queue.perform(.consume(queue: lane, prefetch: 5))
        let again = try await queue.deliveries(2)[1]
        #expect(again.redelivered && again.tag.generation == second)
        queue.perform(.ack([again.tag]))
        try await queue.depth(of: lane, becomes: 0)
        // A foreign queue's channel is another one, and goes on.
        try await stranger.send(.numbered(2), exchange: "", key: "hello")
        #expect(try await queue.deliveries(3)[2].queue == "hello")
      }
    }
  }

  @Test("over TLS, both sides verified; a CA that we do not trust is named")
  func tls() async throws {
    let certificates = try await TestCertificates()
    defer { certificates.remove() }
    let port = try freePort()
    let settings = [
      "RABBIT_EXTRA": """
      listeners.ssl.1 = 127.0.0.1:\(port)
      ssl_options.cacertfile = \(certificates.path("ca.crt"))
      ssl_options.certfile = \(certificates.path("server.crt"))
      ssl_options.keyfile = \(certificates.path("server.pem"))
      ssl_options.verify = verify_peer
      ssl_options.fail_if_no_peer_cert = true
      """
    ]
    try await PrivateRabbit.with(settings) { rabbit in
      let base = "amqps://guest:guest@localhost:\(port)/"
      let ours =
        "certfile=\(certificates.path("client.crt"))&keyfile=\(certificates.path("client.pem"))"
      let trusted = "cacertfile=\(certificates.path("ca.crt"))"
      try await RunningQueue.with(try rabbit.queue("\(base)?\(trusted)&\(ours)")) { queue in
        try await queue.up()
        let id = queue.publish(.numbered(1, bytes: 300_000), key: lane)
        queue.perform(.consume(queue: lane, prefetch: 5))
        #expect(try await queue.result(of: id) == .confirmed)
        let delivery = try await queue.deliveries(1)[0]
        #expect(delivery.message == .numbered(1, bytes: 300_000))
        queue.perform(.ack([delivery.tag]))
        try await queue.depth(of: lane, becomes: 0)
      }
      let wrong = "cacertfile=\(certificates.path("other.crt"))"
      try await expectUnavailable(
        try rabbit.queue("\(base)?\(wrong)&\(ours)"), "not signed by a CA that we trust")
      try await expectUnavailable(try rabbit.queue("amqps://guest@127.0.0.1:\(rabbit.port)"), "TLS")
      try await expectUnavailable(
        try rabbit.queue("amqp://guest:guest@127.0.0.1:\(port)"), "without TLS?")
    }
  }

  private func expectUnavailable(
    _ queue: RabbitMQQueue, _ words: String, _ location: SourceLocation = #_sourceLocation
  ) async throws {
    try await RunningQueue.with(queue) { queue in
      let reason = try await queue.until("unavailable") { seen -> String? in
        for case .unavailable(let reason) in seen.events { return reason }
        return nil
      }
      #expect(reason.contains(words), "\(reason)", sourceLocation: location)
    }
  }
}

/// A CA, a server's and a client's certificate, and a CA that nobody knows.
struct TestCertificates {
  private let folder: URL

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appending(
      path: "certificates-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let script = """
      cd "$0"
      new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch "$@" 2>&1; }
      for ca in ca other; do
        new -x509 -days 2 -subj "/CN=$ca" -keyout $ca.pem -out $ca.crt
      done
      for name in server client; do
        new -subj "/CN=$name" -keyout $name.pem -out $name.csr
        printf 'subjectAltName=DNS:localhost' > $name.ext
        openssl x509 -req -days 2 -in $name.csr -CA ca.crt -CAkey ca.pem -CAcreateserial \\
          -extfile $name.ext -out $name.crt 2>&1
      done
      """
    _ = try await StockClient.run("/bin/bash", ["-ec", script, folder.path])
  }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  func remove() { try? FileManager.default.removeItem(at: folder) }
}

/// A port that was free a moment ago.
func freePort() throws -> Int {
  struct NoPort: Error {}
  let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { Glibc.close(socket) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
      bind(socket, generic, size) == 0 ? getsockname(socket, generic, &size) : -1
    }
  }
  guard status == 0 else { throw NoPort() }
  return Int(UInt16(bigEndian: address.sin_port))
}
