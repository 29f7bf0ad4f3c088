internal import Belfry
internal import BelfryAPI
internal import SwiftProtobuf

/// The jobs of a drill: submitted at an even rate, again under the same id when nobody could know, and
/// read from outside.
struct DrillLoad: Sendable {
  let plan: DrillPlan
  let client: BelfryClient
  let ledger: DrillLedger

  init(_ plan: DrillPlan, _ client: BelfryClient, _ ledger: DrillLedger) {
    self.plan = plan
    self.client = client
    self.ledger = ledger
  }

  /// As many as the plan says, and more until the fault was there: on a busy machine all would be done before.
  func submit() async throws {
    let start = ContinuousClock.now
    let gap = Duration.seconds(1) / plan.rate
    var number = 0
    while number < 10 * plan.jobs {
      if number >= plan.jobs, await ledger.hasStruck { return }
      number += 1
      try await Task.sleep(until: start + gap * number)
      try await submit(number)
    }
  }

  private func submit(_ number: Int) async throws {
    var job = NewJob(kind: plan.kind, id: "\(plan.id)-\(number)")
    job.lane = plan.lane
    job.requires = ["drill": plan.id]
    let deadline = ContinuousClock.now + plan.limit
    while true {
      do {
        await ledger.wasAccepted(try await client.submit(job, within: .seconds(5)))
        return
      } catch let error as BelfryError
        where [.unavailable, .deadlineExceeded].contains(error.code)
        && ContinuousClock.now < deadline
      {
        job.isRepeat = true
        await ledger.submitRepeated()
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Reads what has an outcome by now; returns what has none.
  func readOutstanding() async throws -> [String] {
    let ids = await ledger.outstanding
    if !ids.isEmpty {
      do { try await read(ids) } catch is BelfryError {
        // A store that is away has no outcomes to show: the next look will tell.
      }
    }
    return await ledger.outstanding
  }

  /// All of them once more: an outcome never changes.
  func readAgain() async throws { try await read(await ledger.ids) }

  /// A list comes without results: each job is asked for.
  private func read(_ ids: [String]) async throws {
    let outcomes = ["succeeded", "failed", "cancelled", "expired"]
    for start in stride(from: 0, to: ids.count, by: 1_000) {
      let portion = Array(ids[start..<min(start + 1_000, ids.count)])
      let request = Belfry_V1_FindRequest.with {
        $0.ids = portion
        $0.states = outcomes
        $0.limit = UInt32(portion.count)
      }
      for found in try await client.find(request, within: .seconds(10)) {
        await ledger.read(try await client.view(found.id, waiting: false, within: .seconds(10)))
      }
    }
  }
}
