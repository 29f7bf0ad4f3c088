import Foundation
import Testing

/// Producers that know nothing of Belfry, and answers that come back to them.
@Suite(.serialized)
struct ProducerTests {
  @Test func tutorialProducerUnchanged() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let queue = "hello-\(cluster.lane)"
    try cluster.startCoordinator("--attach", "\(queue)=print,lane=\(cluster.lane)")
    try await cluster.startWorker("w1", run: ["print=cat"])
    try await cluster.untilUp("w1")
    // The queue comes into being after the coordinator, declared by the producer as it likes.
    let sent = try await cluster.python(
      """
      queue = '\(queue)'
      channel.queue_declare(queue=queue)
      for _ in range(50):
          channel.basic_publish(exchange='', routing_key=queue, body='Hello World!')
      deadline = time.time() + 40
      while time.time() < deadline and db.outcomes.count_documents({}) < 50:
          time.sleep(0.05)
      done = list(db.outcomes.find({'state': 'succeeded', 'kind': 'print'}))
      print(len(done), all(d['result']['bytes'] == b'Hello World!' for d in done),
            channel.queue_declare(queue=queue, passive=True).method.message_count)
      """)
    #expect(sent.out.trimming() == "50 True 0", "\(sent)\n\(cluster.log("c1").suffix(1_500))")
  }

  private struct Attached: Decodable {
    let queue: String, kind: String, consumed: Bool, by: String
  }
  private struct AttachedList: Decodable { let items: [Attached] }

  /// By a command, for two coordinators that run; of another kind it is refused, left it is left by both.
  @Test func aQueueIsAttachedAndLeft() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let queue = "hello-\(cluster.lane)"
    let what = "\(queue)=print,id=message-id,lane=\(cluster.lane)"
    try cluster.startCoordinator()
    try await cluster.issue("coordinator", "c2", "--host", "127.0.0.1")
    try cluster.start(
      "c2",
      [
        "coordinator", "run", "--queue", cluster.amqp, "--store", cluster.store, "--identity",
        cluster.certs + "/c2", "--listen", "127.0.0.1:0", "--lanes", cluster.lane,
      ])
    try await cluster.startWorker("w1", run: ["print=cat"])
    try await cluster.untilUp("w1")
    func attached() async throws -> [Attached] {
      let list = try await cluster.belfry("lane", "attachments", "-o", "json")
      return try JSONDecoder().decode(AttachedList.self, from: Data(list.out.utf8)).items
    }

    let first = try await cluster.belfry("lane", "attach", what)
    #expect(first.status == 0 && first.err.contains("is not consumed yet"), "\(first)")
    let sent = try await cluster.python(
      """
      queue = '\(queue)'
      channel.queue_declare(queue=queue)
      for number in range(50):
          channel.basic_publish('', queue, b'Hello', pika.BasicProperties(message_id=str(number)))
      def count(): return channel.queue_declare(queue=queue, passive=True).method.consumer_count
      deadline = time.time() + 60
      while time.time() < deadline and (
              db.outcomes.count_documents({}) < 50 or count() < 2):
          time.sleep(0.05)
      print(db.outcomes.count_documents({'state': 'succeeded', 'kind': 'print'}), count())
      """)
    #expect(sent.out.trimming() == "50 2", "\(sent)\n\(cluster.log("c1").suffix(1_500))")
    #expect(try await attached().map(\.consumed) == [true])
    #expect(try await attached().map(\.by) == ["operator me"])
    let other = try await cluster.belfry("lane", "attach", "\(queue)=other,lane=\(cluster.lane)")
    #expect(other.status != 0 && other.err.contains("kind print"), "\(other)")

    try cluster.require(try await cluster.belfry("lane", "detach", queue))
    let left = try await cluster.python(
      """
      queue = '\(queue)'
      def count(): return channel.queue_declare(queue=queue, passive=True).method.consumer_count
      deadline = time.time() + 60
      while time.time() < deadline and count() > 0:
          time.sleep(0.05)
      channel.basic_publish('', queue, b'Hello')
      print(count(), channel.queue_declare(queue=queue, passive=True).method.message_count)
      """)
    #expect(left.out.trimming() == "0 1", "\(left)")
    #expect(try await attached().isEmpty)
    let none = try await cluster.belfry("lane", "detach", queue)
    #expect(none.status == 66 && none.err.contains("BF0209"), "\(none.err)")
    let ours = try await cluster.belfry("lane", "attach", "belfry.jobs=print")
    #expect(ours.status == 64 && ours.err.contains("no foreign queues'"), "\(ours.err)")
  }

  @Test func outcomesComeBack() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["upper=tr a-z A-Z"])
    try await cluster.untilUp("w1")
    let heard = try await cluster.python(
      """
      import json
      answers = channel.queue_declare('', exclusive=True).method.queue
      events = channel.queue_declare('', exclusive=True).method.queue
      channel.queue_bind(events, 'belfry.events', 'job.*.' + lane)
      channel.basic_publish('belfry.jobs', lane, b'shout', pika.BasicProperties(
          message_id='a-1', type='upper', reply_to=answers, correlation_id='mine', delivery_mode=2))
      def get(queue):
          deadline = time.time() + 30
          while time.time() < deadline:
              method, properties, body = channel.basic_get(queue, auto_ack=True)
              if method: return method, properties, body
              time.sleep(0.02)
          sys.exit('nothing came back on ' + queue)
      _, p, body = get(answers)
      print(body, p.correlation_id, p.message_id, p.headers['belfry-state'])
      method, p, body = get(events)
      event = json.loads(body)
      print(method.routing_key == 'job.succeeded.' + lane, p.message_id, event['id'],
            event['state'], event['worker'])
      """)
    #expect(
      heard.out.contains("b'SHOUT' mine a-1 succeeded")
        && heard.out.contains("True a-1 a-1 succeeded w1"), "\(heard.out)")
  }

  @Test func aWorkerWithoutAStoreRecordsThroughTheCoordinator() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    try await cluster.submit(20, kind: "echo", prefix: "job")
    let counted = try await cluster.count(20, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
  }

  @Test func aWorkerRecordsWhereTheCoordinatorSays() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator("--workers-store", cluster.store)
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    try await cluster.submit(20, kind: "echo", prefix: "job")
    let counted = try await cluster.count(20, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    #expect(cluster.log("w1").contains("the store that the coordinator named"))
  }
}
