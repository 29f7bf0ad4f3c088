import Foundation
import Testing

/// Bad input costs nothing else: each is answered or kept, with its reason, and good work beside it
/// goes on.
@Suite(.serialized)
struct BadInputTests {
  @Test func badMessagesAreKeptOrAnswered() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--payload-max", "100000")
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    _ = try await cluster.python(
      """
      P = pika.BasicProperties
      def send(body, properties):
          channel.basic_publish('belfry.jobs', lane, body, properties, mandatory=True)
      send(lane.encode(), P(delivery_mode=2, content_type='text/plain'))
      send(b'no type', P(delivery_mode=2, message_id='bad-1'))
      send(b'x', P(delivery_mode=2, message_id='bad-2', type='echo',
                   headers={'belfry-tries-max': 'many'}))
      send(b'x' * 100001, P(delivery_mode=2, message_id='bad-3', type='echo'))
      send(b'good, without an id', P(delivery_mode=2, type='echo'))
      send(b'good', P(delivery_mode=2, message_id='good-1', type='echo'))
      """)
    for (id, reason) in [("bad-1", "malformed"), ("bad-2", "malformed"), ("bad-3", "too-large")] {
      let job = try await cluster.job(id)
      #expect(job.state == "failed" && job.reason == reason, "\(id): \(job)")
    }
    let good = try await cluster.job("good-1")
    #expect(good.state == "succeeded" && good.result == "good")
    let rest = try await cluster.python(
      """
      deadline = time.time() + 30
      kept, anonymous = None, 0
      while time.time() < deadline and not (kept and anonymous):
          anonymous = db.outcomes.count_documents({'state': 'succeeded', '_id': {'$ne': 'good-1'}})
          method, properties, body = channel.basic_get('belfry.rejected', auto_ack=False)
          if method and body == lane.encode():
              kept = properties.headers['belfry-reason']
              channel.basic_ack(method.delivery_tag)
          elif method:
              channel.basic_nack(method.delivery_tag, requeue=True)
          time.sleep(0.05)
      print(anonymous, kept)
      """)
    #expect(rest.out.hasPrefix("1 "), "a job without an id gets one, once: \(rest.out)")
    #expect(rest.out.contains("the message has no type"), "kept, with the reason: \(rest.out)")
  }

  /// The limits of messages follow from those of payloads and results, whichever is larger.
  @Test(arguments: [1_000, 8 << 20])
  func resultsAndPayloadsFitWhateverTheLimit(_ payloadMax: Int) async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--payload-max", "\(payloadMax)")
    try await cluster.startWorker(
      "w1", run: ["large=head -c 1048576 /dev/zero", "count=wc -c"])
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "large", prefix: "large")
    let large = try await cluster.job("large-1")
    #expect(large.state == "succeeded", "\(large)")
    _ = try await cluster.python(
      """
      channel.basic_publish('belfry.jobs', lane, b'x' * \(payloadMax), pika.BasicProperties(
          delivery_mode=2, message_id='full-1', type='count'), mandatory=True)
      """)
    let full = try await cluster.job("full-1")
    #expect(full.state == "succeeded" && full.result == "\(payloadMax)\n", "\(full)")
  }

  @Test func tooLargeByRPCIsRefused() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--payload-max", "1000")
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let ended = try await cluster.belfry(
      "submit", "--kind", "echo", "--lane", cluster.lane, "--payload",
      String(repeating: "x", count: 1_001))
    #expect(ended.status == 65 && ended.err.contains("1001 bytes"), "\(ended)")
    let noLane = try await cluster.belfry("submit", "--kind", "echo", "--lane", "nowhere")
    #expect(noLane.status == 66 && noLane.err.contains("nowhere"), "\(noLane)")
  }

  @Test func aKindNobodyServesWaitsAndIsNamed() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    try await cluster.submit(3, kind: "resize", prefix: "odd")
    try await until("health names the kind") {
      guard let health = try await cluster.health() else { return false }
      return health.verdict.contains("resize")
        && health.lanes.contains { $0.unserved.contains { $0.contains("resize") } }
    }
    try await cluster.submit(5, kind: "echo", prefix: "even")
    #expect(try await cluster.job("even-5").state == "succeeded", "others are not held up")
    try await cluster.startWorker("w2", run: ["resize=cat"])
    for number in 1...3 {
      #expect(try await cluster.job("odd-\(number)").state == "succeeded")
    }
  }

  @Test func handlersThatEndBadly() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker(
      "w1",
      run: [
        "never=sh -c 'echo broken >&2; exit 65'", "bad=sh -c 'exit 3'", "killed=sh -c 'kill -9 $$'",
        "hangs=sh -c 'trap \"\" TERM; sleep 600'", "floods=head -c 100000000 /dev/zero",
        "second=sh -c 'test $BELFRY_JOB_ATTEMPT -ge 2 && cat || exit 75'", "echo=cat",
      ])
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "never", prefix: "never")
    try await cluster.submit(
      1, kind: "bad", prefix: "bad", "--tries", "2", "--backoff", "fixed:1ms")
    try await cluster.submit(1, kind: "killed", prefix: "killed", "--tries", "1")
    try await cluster.submit(
      1, kind: "hangs", prefix: "hangs", "--tries", "1", "--attempt-timeout", "300ms")
    try await cluster.submit(1, kind: "floods", prefix: "floods")
    try await cluster.submit(1, kind: "second", prefix: "second", "--backoff", "fixed:300ms")
    let never = try await cluster.job("never-1")
    #expect(never.state == "failed" && never.tries == 1 && never.error?.code == "exit-65")
    let bad = try await cluster.job("bad-1")
    #expect(bad.state == "failed" && bad.tries == 2 && bad.attempt == 2, "\(bad)")
    let killed = try await cluster.job("killed-1")
    #expect(killed.error?.code == "signal-SIGKILL", "\(killed)")
    let hangs = try await cluster.job("hangs-1")
    #expect(hangs.state == "failed" && hangs.reason == "timeout", "\(hangs)")
    let floods = try await cluster.job("floods-1")
    #expect(floods.error?.code == "result-too-large", "\(floods)")
    let second = try await cluster.job("second-1")
    #expect(second.state == "succeeded" && second.attempt == 2 && second.tries == 1, "\(second)")
    try await cluster.submit(1, kind: "echo", prefix: "echo", payload: "still here")
    #expect(try await cluster.job("echo-1").result == "still here")
  }

  @Test func strangersAreRefusedWithTheReason() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let other = cluster.folder.appendingPathComponent("other").path
    try cluster.require(
      try await cluster.belfry("cert", "init", "--cluster", "test", "--dir", other))
    try await cluster.issue("worker", "w1", dir: other)
    let worker = ["worker", "run", "--run", "echo=cat", "--wait", "1s", "--lanes", cluster.lane]
    let wrongCA = try await cluster.belfry(
      worker + ["--server", cluster.server, "--identity", other + "/w1"], identity: "me")
    #expect(wrongCA.status == 76, "not what it should be: \(wrongCA)")
    // A role that may not work: refused before anything is tried, and by the coordinator.
    let operatorAsWorker = try await cluster.belfry(
      worker + ["--server", cluster.server, "--identity", cluster.certs + "/me"], identity: "me")
    #expect(operatorAsWorker.status == 65, "\(operatorAsWorker)")
    try await cluster.issue("worker", "w9")
    let workerAsProducer = try await cluster.belfry(
      ["submit", "--kind", "echo", "--lane", cluster.lane], identity: "w9")
    #expect(workerAsProducer.status == 77, "\(workerAsProducer)")
    #expect(workerAsProducer.err.contains("role worker"), "\(workerAsProducer)")
    // A certificate that was good yesterday: known before anything is sent, and said.
    let expired = cluster.folder.appendingPathComponent("expired").path
    try cluster.issueExpired("w8", to: expired)
    let expiredWorker = try await cluster.belfry(
      worker + ["--server", cluster.server, "--identity", expired], identity: "me")
    #expect(expiredWorker.status == 77, "\(expiredWorker)")
    #expect(expiredWorker.err.contains("expired"), "\(expiredWorker)")
    // Random bytes on the port, and cut ones.
    _ = try await cluster.python(
      """
      import os, socket
      for size in (0, 1, 5, 100, 5000):
          with socket.create_connection(('127.0.0.1', \(cluster.port)), timeout=5) as s:
              s.sendall(os.urandom(size))
      """)
    #expect(try await cluster.health()?.verdict != nil, "the coordinator still answers")
  }

  @Test func saysWhatIsMissingAtStart() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let port = try FreePort.find()
    cluster.amqp = "amqp://guest:guest@127.0.0.1:\(port)"
    try cluster.startCoordinator("--wait", "1s")
    #expect(try await cluster.status(of: "c1") == 69)
    #expect(cluster.log("c1").contains("127.0.0.1:\(port)"), "\(cluster.log("c1"))")
    #expect(cluster.log("c1").contains("BF0401"), "\(cluster.log("c1"))")

    let noStore = try await TestCluster(
      mongo: "mongodb://127.0.0.1:\(port)/belfry?replicaSet=rs0&serverSelectionTimeoutMS=500")
    defer { noStore.stop() }
    try noStore.startCoordinator("--wait", "1s")
    #expect(try await noStore.status(of: "c1") == 69)
    #expect(noStore.log("c1").contains("127.0.0.1:\(port)"), "\(noStore.log("c1"))")
  }

  @Test func aStandaloneMongoDBIsRefused() async throws {
    let store = try await PrivateServer.mongo(standalone: true)
    let cluster = try await TestCluster(mongo: store.url)
    try cluster.startCoordinator()
    #expect(try await cluster.status(of: "c1") == 78)
    #expect(cluster.log("c1").contains("replica set"), "\(cluster.log("c1"))")
    cluster.stop()
    await store.stop()
  }
}
