import Belfry
import Foundation
import Testing

/// The Swift client and worker against a real coordinator: each thing that it can ask for.
@Suite(.serialized)
struct SDKTests {
  /// Its end lets the handlers go that do not end by themselves.
  private let release = AsyncStream<Void>.makeStream()

  /// A coordinator, and a worker in this process whose handlers are Swift.
  private func with(
    _ body: (TestCluster, BelfryClient) async throws -> Void
  ) async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.issue("worker", "w1")
    var worker = JobWorker(
      name: "w1", server: cluster.server, identity: cluster.certs + "/w1", store: cluster.store)
    worker.lanes = [cluster.lane]
    worker.handle("echo") { job in JobOutput(job.payload, contentType: "text/plain") }
    worker.handle("large") { job in JobOutput([UInt8](repeating: job.payload[0], count: 3 << 20)) }
    worker.handle("bad") { _ in throw JobFailure(code: "E7", "it is bad", neverAgain: true) }
    worker.handle("slow") { _ in
      try await Task.sleep(for: .seconds(600))
      return JobOutput([])
    }
    worker.handle("deaf") { [release] _ in
      // Waits for the end of the test, whatever it is told.
      await Task.detached { for await _ in release.stream {} }.value
      return JobOutput([])
    }
    let running = worker
    let client = try BelfryClient(server: cluster.server, identity: cluster.certs + "/me")
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      defer { release.continuation.finish() }
      tasks.addTask { try await running.run() }
      try await cluster.untilUp("w1")
      try await body(cluster, client)
      tasks.cancelAll()
    }
    await client.close()
  }

  private func job(_ cluster: TestCluster, _ kind: String, _ id: String, _ payload: String = "x")
    -> NewJob
  {
    var job = NewJob(kind: kind, payload: Array(payload.utf8), id: id)
    job.lane = cluster.lane
    return job
  }

  @Test func jobsAreFoundAndShown() async throws {
    try await with { cluster, client in
      for id in ["a-1", "a-2", "b-1"] { try await client.submit(job(cluster, "echo", id)) }
      try await client.submit(job(cluster, "bad", "a-3"))
      for id in ["a-1", "a-2", "b-1", "a-3"] {
        _ = try await client.outcome(of: id, within: .seconds(60))
      }
      var query = JobQuery()
      query.idPrefix = "a-"
      query.states = ["succeeded"]
      var found: [String] = []
      for try await job in client.find(query) { found.append(job.id) }
      #expect(found.sorted() == ["a-1", "a-2"])
      let shown = try await client.job("a-3")
      #expect(shown.state == "failed" && shown.errorCode == "E7" && shown.tries == 1)
      #expect(shown.history.map(\.what) == ["failed"] && shown.history[0].worker == "w1")
      #expect(try #require(shown.finishedMilliseconds) >= #require(shown.submittedMilliseconds))
      await #expect(throws: BelfryError.self) { try await client.job("never") }
    }
  }

  @Test func handlersAreEndedAtTheirTimeout() async throws {
    try await with { cluster, client in
      // One that ends when it is told to, and one that never does.
      for kind in ["slow", "deaf"] {
        var job = job(cluster, kind, "late-\(kind)")
        (job.triesMax, job.timeout) = (1, .milliseconds(300))
        try await client.submit(job)
        let outcome = try await client.outcome(of: job.id ?? "", within: .seconds(100))
        #expect(outcome.state == "failed" && outcome.reason == "timeout", "\(outcome)")
      }
      let shown = try await client.job("late-slow")
      let started = try #require(shown.startedMilliseconds)
      let finished = try #require(shown.finishedMilliseconds)
      #expect(finished - started >= 300)
      // Its worker goes on.
      try await client.submit(job(cluster, "echo", "after"))
      #expect(try await client.outcome(of: "after", within: .seconds(60)).state == "succeeded")
    }
  }

  @Test func resultsAreStreamed() async throws {
    try await with { cluster, client in
      try await client.submit(job(cluster, "echo", "small", "hello"))
      let small = try await client.outcome(of: "small", within: .seconds(60))
      #expect(small.result == Array("hello".utf8) && !small.isResultInChunks)
      let same = try await client.result(of: "small")
      #expect(same.contentType == "text/plain" && same.size == 5)
      #expect(try await same.bytes() == Array("hello".utf8))

      try await client.submit(job(cluster, "large", "large", "z"))
      let large = try await client.outcome(of: "large", within: .seconds(60))
      #expect(large.isResultInChunks && large.resultSize == 3 << 20 && large.result.isEmpty)
      var sizes: [Int] = []
      for try await part in try await client.result(of: "large") {
        #expect(part.allSatisfy { $0 == UInt8(ascii: "z") })
        sizes.append(part.count)
      }
      #expect(sizes == [1 << 20, 1 << 20, 1 << 20])
      do {
        _ = try await client.result(of: "never")
        Issue.record("a result of nothing")
      } catch let error as BelfryError { #expect(error.code == .notFound) }
    }
  }

  @Test func deadJobsAreRetriedAndForgotten() async throws {
    try await with { cluster, client in
      try await client.submit(job(cluster, "bad", "dead"))
      _ = try await client.outcome(of: "dead", within: .seconds(60))
      let would = try await client.retry(JobQuery(ids: ["dead", "typo"]), isDryRun: true)
      let did = try await client.retry(JobQuery(ids: ["dead", "typo"]))
      #expect(would == did)
      guard case .retried(id: "dead", let newID) = did[0],
        case .refused(id: "typo", _) = did[1]
      else {
        Issue.record("\(did)")
        return
      }
      #expect(try await client.outcome(of: newID, within: .seconds(60)).retryOf == "dead")
      #expect(try await client.forget(JobQuery(ids: ["dead"]), isDryRun: true) == ["dead"])
      #expect(try await client.job("dead").state == "failed")
      #expect(try await client.forget(JobQuery(ids: ["dead"])) == ["dead"])
      await #expect(throws: BelfryError.self) { try await client.job("dead") }
    }
  }

  @Test func lanesArePausedAndGoOn() async throws {
    try await with { cluster, client in
      #expect(try await client.lanes().map(\.name) == [cluster.lane])
      let paused = try await client.pauseLane(cluster.lane, reason: "moving")
      #expect(paused.isPaused && paused.pausedReason == "moving")
      try await client.submit(job(cluster, "echo", "held"))
      try await until("it waits") {
        let lane = try await client.lanes()[0]
        return lane.ready + lane.waiting == 1 && lane.waitsFor.contains("paused by operator me")
      }
      #expect(try await !client.resumeLane(cluster.lane).isPaused)
      #expect(try await client.outcome(of: "held", within: .seconds(60)).state == "succeeded")
      await #expect(throws: BelfryError.self) { try await client.pauseLane("nowhere") }
    }
  }

  @Test func schedulesAreAddedListedAndRemoved() async throws {
    try await with { cluster, client in
      var schedule = NewSchedule(
        name: "yearly", cron: "0 0 1 1 *", job: NewJob(kind: "echo", payload: Array("x".utf8)))
      schedule.job.lane = cluster.lane
      schedule.timeZone = "Europe/Berlin"
      let added = try await client.addSchedule(schedule)
      #expect(added.nextMilliseconds != nil && added.kind == "echo")
      #expect(try await client.listSchedules() == [added])
      schedule.cron = "61 * * * *"
      do {
        try await client.addSchedule(schedule)
        Issue.record("no such minute")
      } catch let error as BelfryError { #expect(error.code == .badArgument) }
      try await client.removeSchedule(named: "yearly")
      #expect(try await client.listSchedules().isEmpty)
      do {
        try await client.removeSchedule(named: "yearly")
        Issue.record("it was gone")
      } catch let error as BelfryError { #expect(error.code == .notFound) }
    }
  }
}
