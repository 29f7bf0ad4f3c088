internal import BelfryCore

/// What a drill breaks, and how.
enum DrillFault {
  /// SIGKILL to a worker of its own.
  case workerKill
  /// SIGSTOP to a worker of its own, and SIGCONT after so long.
  case workerPause(Duration)
  /// Two commands of the user's, with so much time between them.
  case part(DrillPart, stop: String, start: String, away: Duration)

  var name: String {
    switch self {
    case .workerKill: "worker-kill"
    case .workerPause: "worker-pause"
    case .part(.broker, _, _, _): "broker-restart"
    case .part(.store, _, _, _): "store-outage"
    }
  }

  /// What it does to the cluster, a step a line.
  func steps(_ plan: DrillPlan) -> [String] {
    let names = plan.workers.map(\.name).joined(separator: ", ")
    var steps = [
      "start workers \(names) on this machine, for kind \(plan.kind) of lane \(plan.lane)",
      "submit \(plan.jobs) jobs \(plan.id)-N of that kind, \(plan.rate) a second",
    ]
    switch self {
    case .workerKill:
      steps.append(
        "kill -9 \(plan.workers[0].name) while it runs jobs, and start it again at the end")
    case .workerPause(let time):
      steps.append(
        "stop \(plan.workers[0].name) (SIGSTOP) while it runs jobs, for \(time.shortText)")
    case .part(let part, let stop, let start, let away):
      steps += [
        "run: \(stop)", "wait \(away.shortText): \(part.consequence)", "run: \(start)",
      ]
    }
    return steps + [
      "wait for every job's outcome, read all of them twice, and end the workers"
    ]
  }
}

/// Parts that a cluster has one of.
enum DrillPart: String {
  case broker, store

  var consequence: String {
    switch self {
    case .broker: "nobody can submit meanwhile; what runs goes on"
    case .store: "nothing is recorded meanwhile, of any job; what runs goes on"
    }
  }
}

/// Who takes part, and with what.
struct DrillPlan {
  /// `drill-` and eight digits: what all that the drill makes is named by.
  let id: String
  let lane: String
  let server: String
  let workers: [(name: String, identity: String)]
  let jobs: Int
  /// Jobs a second.
  let rate: Int
  /// Of each worker.
  static let slots = 8
  /// How long a job takes, in seconds: a quarter longer than the two workers can bear at this rate, so that both
  /// are always full when the fault strikes.
  var pause: Double { max(0.3, 1.25 * Double(2 * Self.slots) / Double(rate)) }
  /// How long the whole may take.
  let limit: Duration

  var kind: String { id }
}
