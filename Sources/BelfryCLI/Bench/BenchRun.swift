internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import Foundation
internal import Logging
internal import SwiftProtobuf

/// Fills a lane, drains it by a worker of its own, then submits at an even rate and waits for each.
struct BenchRun: Sendable {
  let plan: BenchPlan
  let client: BelfryClient

  func run() async throws -> [BenchPhase] {
    note("fill: \(plan.jobs) jobs of \(plan.size) B, \(plan.callers) callers")
    let fill = try await fill()
    let began = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
    let worker = try worker { began.continuation.yield() }
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await worker.run() }
      defer { tasks.cancelAll() }
      note("drain: worker \(plan.worker.name), \(plan.slots) slots")
      let drain = try await drain(began.stream)
      note("steady: \(plan.rate) jobs/s for \(plan.seconds) s")
      return [fill, drain] + (try await steady())
    }
  }

  // MARK: fill

  private func fill() async throws -> BenchPhase {
    let (plan, step) = (plan, plan.callers * BenchPlan.batch)
    let began = ContinuousClock.now
    let progress = Progress("fill", of: plan.jobs)
    defer { progress.end() }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for caller in 0..<plan.callers {
        tasks.addTask {
          for first in stride(from: caller * BenchPlan.batch + 1, through: plan.jobs, by: step) {
            let numbers = first...min(plan.jobs, first + BenchPlan.batch - 1)
            try await submit(numbers.map { plan.job(plan.filling($0)) })
            progress.add(numbers.count)
          }
        }
      }
      try await tasks.waitForAll()
    }
    return phase("fill", plan.jobs, since: began)
  }

  private func submit(_ jobs: [NewJob]) async throws {
    for verdict in try await client.submit(jobs, within: plan.limit) {
      if case .refused(_, let error) = verdict { throw error }
    }
  }

  // MARK: drain

  /// From the first job's start to the last outcome.
  private func drain(_ began: AsyncStream<Void>) async throws -> BenchPhase {
    let start = try await firstStart(began)
    let deadline = start + plan.limit
    let progress = Progress("drain", of: plan.jobs)
    defer { progress.end() }
    for first in stride(from: 1, through: plan.jobs, by: 1_000) {
      let ids = (first...min(plan.jobs, first + 999)).map(plan.filling)
      while try await !haveOutcomes(ids) {
        guard ContinuousClock.now < deadline else {
          throw unfinished("not all jobs have an outcome after \(plan.limit.shortText)")
        }
        try await Task.sleep(for: .milliseconds(20))
      }
      progress.add(ids.count)
    }
    return phase("drain", plan.jobs, since: start)
  }

  private func firstStart(_ began: AsyncStream<Void>) async throws -> ContinuousClock.Instant {
    try await withThrowingTaskGroup(of: ContinuousClock.Instant?.self) { tasks in
      tasks.addTask {
        for await _ in began { return .now }
        throw CancellationError()
      }
      tasks.addTask {
        try await Task.sleep(for: plan.limit)
        return nil
      }
      defer { tasks.cancelAll() }
      guard let first = try await tasks.next(), let start = first else {
        throw unfinished("the worker got no job within \(plan.limit.shortText)")
      }
      return start
    }
  }

  private func haveOutcomes(_ ids: [String]) async throws -> Bool {
    let request = Belfry_V1_FindRequest.with {
      $0.ids = ids
      $0.states = ["succeeded", "failed", "cancelled", "expired"]
      $0.limit = UInt32(ids.count)
    }
    let found = try await client.find(request, within: plan.limit)
    if let wrong = found.first(where: { $0.outcome.state != "succeeded" }) {
      throw unfinished("job \(wrong.id) ended as \(wrong.outcome.state)")
    }
    return found.count == ids.count
  }

  // MARK: steady

  /// Each job is submitted at its own time whatever became of the others, and its times count from then,
  /// so a stall is counted for all that it held up. The first second is warm-up.
  private func steady() async throws -> [BenchPhase] {
    var (accepted, ended) = (Latencies(), Latencies())
    let began = ContinuousClock.now
    try await withThrowingTaskGroup(of: (number: Int, accepted: Duration, ended: Duration).self) {
      tasks in
      for number in 0..<plan.rate * (plan.seconds + 1) {
        let due = began + .seconds(1) * (Double(number) / Double(plan.rate))
        tasks.addTask {
          try await Task.sleep(until: due, clock: .continuous)
          let id = try await client.submit(plan.job(plan.steady(number)), within: plan.limit)
          let accepted = ContinuousClock.now - due
          let status = try await client.outcome(of: id, within: plan.limit)
          guard status.state == "succeeded" else {
            throw unfinished("job \(id) ended as \(status.state)")
          }
          return (number, accepted, ContinuousClock.now - due)
        }
      }
      for try await times in tasks where times.number >= plan.rate {
        accepted.record(times.accepted)
        ended.record(times.ended)
      }
    }
    return [("submit", accepted), ("round-trip", ended)].map { name, latencies in
      BenchPhase(
        name: name, jobs: latencies.count, perSecond: Double(plan.rate), latencies: latencies)
    }
  }

  // MARK: parts

  private func worker(_ started: @escaping @Sendable () -> Void) throws -> JobWorker {
    var logger = Logger(label: "belfry.bench")
    logger.logLevel = .error
    var worker = JobWorker(
      name: plan.worker.name, server: plan.server, identity: plan.worker.identity,
      slots: plan.slots, logger: logger)
    worker.lanes = [plan.lane]
    worker.labels = ["bench": plan.id]
    worker.handle(BenchPlan.kind) { _ in
      started()
      return JobOutput("")
    }
    return worker
  }

  private func phase(_ name: String, _ jobs: Int, since start: ContinuousClock.Instant)
    -> BenchPhase
  {
    let seconds = max(1e-6, (ContinuousClock.now - start) / .seconds(1))
    return BenchPhase(name: name, jobs: jobs, perSecond: Double(jobs) / seconds)
  }

  private func unfinished(_ why: String) -> UserError {
    UserError(
      .benchFailed, "the benchmark did not finish", why: why,
      next: ["belfry health", "--limit 10m waits longer"])
  }
}
