import Foundation
import Testing

/// The programs of examples/grpc, which know gRPC, the schema, and nothing else of Belfry.
@Suite(.serialized)
struct GRPCExampleTests {
  @Test func aProducerAndAWorkerInPython() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await cluster.startWorkerExample("p1", slots: 4)
    try await cluster.untilUp("p1")
    let ended = try await cluster.producerExample(
      50, kind: "shout", prefix: "job", payload: "hello")
    #expect(ended.status == 0, "\(ended)\n\(cluster.log("p1"))")
    #expect(ended.out.contains("nothing is wrong (c1 up, p1 up)"), "\(ended.out)")
    #expect(ended.out.contains("job-50 succeeded on p1: HELLO"), "\(ended.out)")
    #expect(ended.out.contains("50 of 50 jobs succeeded"), "\(ended.out)")
    let counted = try await cluster.count(50, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")

    // A function that fails: the retry is the coordinator's, the history the worker's to carry.
    try await cluster.submit(
      1, kind: "nap", prefix: "bad", payload: "not a number", "--tries", "2", "--backoff",
      "fixed:1ms")
    let bad = try await cluster.job("bad-1")
    #expect(bad.state == "failed" && bad.attempt == 2 && bad.tries == 2, "\(bad)")
    #expect(bad.error?.code == "ValueError", "\(bad)")

    // The greatest payload arrives; its result is too large, and costs the worker nothing else.
    let large = try await cluster.grpc(
      """
      job = jobs_pb2.JobSpec(
          id='large', kind='shout', lane=lane, payload=b'x' * (4 << 20), tries_max=1)
      call('unary_unary', '/belfry.v1.Jobs/Submit', jobs_pb2.SubmitRequest, jobs_pb2.SubmitReply)(
          jobs_pb2.SubmitRequest(job=job), timeout=30)
      view = call('unary_unary', '/belfry.v1.Jobs/Await', jobs_pb2.GetRequest, jobs_pb2.JobView)(
          jobs_pb2.GetRequest(id='large'), timeout=30)
      print(view.outcome.state, view.outcome.error_message)
      """)
    #expect(large.out == "failed a result has at most 1 MiB\n", "\(large)\n\(cluster.log("p1"))")
    let after = try await cluster.producerExample(
      1, kind: "shout", prefix: "after", payload: "hello")
    #expect(after.out.contains("after-1 succeeded on p1: HELLO"), "\(after)")
  }

  @Test func aPythonWorkerLeavesOnSIGTERMWithItsWorkDone() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await cluster.startWorkerExample("p1", slots: 2)
    try await cluster.untilUp("p1")
    try await cluster.submit(6, kind: "nap", prefix: "job", payload: "5")
    try await until("p1 runs something") { try await cluster.running("p1") > 0 }
    cluster.signal("p1", SIGTERM)
    #expect(try await cluster.status(of: "p1") == 0, "\(cluster.log("p1"))")
    try await until("p1 has left, and nobody calls it lost") {
      try await cluster.health()?.nodes.first { $0.name == "p1" }?.state == "left"
    }
    let done = try await cluster.python(
      "print(db.outcomes.count_documents({'worker': 'p1', 'losses': 0, 'state': 'succeeded'}))")
    #expect([1, 2].contains(Int(done.out.trimming())), "what ran is done: \(done.out)")
    try await cluster.startWorker("w1", run: ["nap=cat"])
    let counted = try await cluster.count(6, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
  }

  @Test func aKilledPythonWorkersJobsRunElsewhere() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await cluster.startWorkerExample("p1", slots: 4)
    try await cluster.startWorker("w1", run: ["nap=sh -c 'sleep 0.1; cat'"], slots: 4)
    try await cluster.untilUp("p1", "w1")
    // Its jobs take long there and not elsewhere: at the kill it holds some, whatever the machine.
    try await cluster.submit(50, kind: "nap", prefix: "job", payload: "20")
    try await until("p1 runs something") { try await cluster.running("p1") > 0 }
    cluster.kill9("p1")
    let counted = try await cluster.count(50, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    let moved = try await cluster.python(
      "print(db.outcomes.count_documents({'losses': {'$gt': 0}, 'worker': 'w1'}))")
    #expect(Int(moved.out.trimming()) ?? 0 > 0, "no job was moved: \(moved.out)")
  }

  @Test func aPythonWorkerOutlivesItsCoordinator() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await cluster.startWorkerExample("p1", slots: 2)
    try await cluster.untilUp("p1")
    try await cluster.submit(10, kind: "nap", prefix: "job", payload: "1")
    try await until("p1 runs something") { try await cluster.running("p1") > 0 }
    cluster.kill9("c1")
    // It calls every half second: by the sixth time what it ran has ended, with nobody to tell.
    try await until("p1 has called in vain") {
      cluster.log("p1").components(separatedBy: "session ended").count > 6
    }
    try cluster.startCoordinator()
    let counted = try await cluster.count(10, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)\n\(cluster.log("p1"))")
  }
}

extension TestCluster {
  /// How many jobs a worker runs, as health says.
  func running(_ worker: String) async throws -> Int {
    try await health()?.nodes.first { $0.name == worker }?.running ?? 0
  }
}
