import BelfryCore

/// The seed's world in words, for the head of a trace.
extension Simulator {
  func describePlan() -> String {
    var lines = [
      "\(identity.arguments): \(plan.faults) faults, one in \(plan.faultEvery) events; delays up to "
        + "\(plan.brokerDelay / 1_000_000) ms broker, \(plan.storeDelay / 1_000_000) ms store, "
        + "\(plan.sessionDelay / 1_000_000) ms session; tick \(plan.tickEvery / 1_000_000) ms; "
        + "\(plan.coordinators) coordinators, held \(plan.holdMax.shortText) at most"
    ]
    for (index, worker) in plan.workers.enumerated() {
      lines.append(
        "    w\(index): \(worker.slots) slots, kinds \(worker.kinds.map(\.text)), "
          + (worker.lanes.count < plan.lanes.count ? "only \(worker.lanes.map(\.text)), " : "")
          + (worker.labels.isEmpty ? "" : "\(worker.labels.map(\.description)), ")
          + (worker.bornAt > ms(300) ? "from \(worker.bornAt / 1_000_000) ms, " : "")
          + (worker.hasStore ? "records" : "coordinator records"))
    }
    for (index, planned) in plan.jobs.enumerated() where isProduced(index) {
      lines.append(
        "    \(planned.job.id): \(planned.job.kind), \(planned.behaviour), by \(planned.door), "
          + (planned.job.lane == .default ? "" : "lane \(planned.job.lane), ")
          + (planned.job.requires.isEmpty
            ? "" : "needs \(planned.job.requires.map(\.description)), ")
          + "\(planned.form), runs \(planned.runs / 1_000_000) ms"
          + (planned.job.deadline.map { ", deadline \(Transcript.text($0))" } ?? "")
          + (planned.runAt.map { ", not before \($0 / 1_000_000) ms" } ?? "")
          + (planned.job.reply == nil ? "" : planned.replyIsGone ? ", reply gone" : ", reply"))
    }
    return lines.joined(separator: "\n")
  }
}
