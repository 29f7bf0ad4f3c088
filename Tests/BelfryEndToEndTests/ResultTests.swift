import Foundation
import Testing

/// Results too large for an outcome: kept in chunks before it, and brought back whole.
@Suite(.serialized)
struct ResultTests {
  /// The command writes as many lines as its payload says; a line has 8 bytes.
  private static let lines = "lines=sh -c 'seq -w 1000000 $(($(cat) + 999999))'"

  private func expected(_ count: Int) -> Data {
    Data((0..<count).map { "\(1_000_000 + $0)\n" }.joined().utf8)
  }

  @Test func aLargeResultComesBackWhole() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: [Self.lines], "--store", cluster.store)
    try await cluster.untilUp("w1")
    let heard = try await cluster.python(
      """
      import json
      answers = channel.queue_declare('', exclusive=True).method.queue
      events = channel.queue_declare('', exclusive=True).method.queue
      channel.queue_bind(events, 'belfry.events', 'job.*.' + lane)
      channel.basic_publish('belfry.jobs', lane, b'600000', pika.BasicProperties(
          message_id='big', type='lines', reply_to=answers, delivery_mode=2))
      def get(queue):
          deadline = time.time() + 40
          while time.time() < deadline:
              method, properties, body = channel.basic_get(queue, auto_ack=True)
              if method: return properties, body
              time.sleep(0.02)
          sys.exit('nothing came back on ' + queue)
      p, body = get(answers)
      print(body, p.headers['belfry-result-chunks'], p.headers['belfry-result-size'])
      event = json.loads(get(events)[1])
      print(event['result'], event['assignment'] == p.headers['belfry-assignment'])
      outcome = db.outcomes.find_one({'_id': 'big'})
      whole = b''.join(
          db.results.find_one({'_id': {'job': 'big', 'assignment': outcome['assignment'], 'n': n}})['bytes']
          for n in range(outcome['result']['chunks']))
      print(whole == b''.join(b'%d\\n' % n for n in range(1000000, 1600000)))
      """)
    #expect(
      heard.out == """
        b'' 5 4800000
        {'contentType': 'application/octet-stream', 'chunks': 5, 'size': 4800000} True
        True

        """, "\(heard.out)")

    let file = cluster.folder.appendingPathComponent("result").path
    let saved = try cluster.require(
      try await cluster.belfry("job", "result", "big", "--file", file, "-o", "json"))
    #expect(saved.out.contains("\"size\":4800000"), "\(saved.out)")
    #expect(FileManager.default.contents(atPath: file) == expected(600_000))
    let shown = try await cluster.belfry("job", "show", "big")
    #expect(shown.out.contains("4800000"), "\(shown.out)")

    // A chunk that is gone is said, not left out.
    _ = try await cluster.python("db.results.delete_one({'_id.n': 3})")
    let broken = try await cluster.belfry("job", "result", "big")
    #expect(broken.status != 0 && broken.err.contains("chunk 3"), "\(broken.err)")
    try cluster.require(try await cluster.belfry("job", "forget", "big", "--yes"))
    let left = try await cluster.python("print(db.results.count_documents({}))")
    #expect(left.out.trimming() == "0")
  }

  @Test func aSmallResultIsWrittenAsItIs() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker(
      "w1", run: [Self.lines, "bad=false"], "--result-max", "2MiB")
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "lines", prefix: "small", payload: "2")
    #expect(try await cluster.job("small-1").state == "succeeded")
    let small = try cluster.require(try await cluster.belfry("job", "result", "small-1"))
    #expect(small.out == "1000000\n1000001\n")

    // Without a store of its own a worker has nowhere to keep more than an outcome holds.
    try await cluster.submit(1, kind: "lines", prefix: "homeless", payload: "150000")
    let homeless = try await cluster.job("homeless-1")
    #expect(homeless.error?.code == "result-too-large", "\(homeless)")
    #expect(homeless.error?.message.contains("has no store") == true, "\(homeless)")
    try await cluster.submit(1, kind: "lines", prefix: "over", payload: "300000")
    let over = try await cluster.job("over-1")
    #expect(over.error?.message.contains("more than 2097152 bytes") == true, "\(over)")
    let none = try await cluster.belfry("job", "result", "over-1")
    #expect(none.status == 66 && none.err.contains("BF0207"), "\(none.err)")
    let nonsense = try await cluster.belfry("worker", "run", "--result-max", "big")
    #expect(nonsense.status == 64, "\(nonsense.err)")
  }

  @Test func aWorkerThatDiesBetweenItsChunksAndItsOutcomeLosesNothing() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker(
      "w1", run: [Self.lines], environment: ["BELFRY_FAILPOINT": "W2.ended:kill"], "--store",
      cluster.store)
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "lines", prefix: "job", payload: "300000")
    try await until("the worker is dead", within: 60) { !cluster.isRunning("w1") }
    let between = try await cluster.python(
      "print(db.results.count_documents({}), db.outcomes.count_documents({}))")
    #expect(between.out.trimming() == "3 0")
    try await cluster.startWorker("w1", run: [Self.lines], "--store", cluster.store)
    let job = try await cluster.job("job-1")
    #expect(job.state == "succeeded" && job.losses == 1, "\(job)")
    let result = try cluster.require(try await cluster.belfry("job", "result", "job-1"))
    #expect(Data(result.out.utf8) == expected(300_000))
    // Those of the one that died are left to retention, and are no part of the result.
    let after = try await cluster.python(
      "print(db.results.count_documents({}), len(db.results.distinct('_id.assignment')))")
    #expect(after.out.trimming() == "6 2")
  }
}
