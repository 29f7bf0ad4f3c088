internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import Foundation
internal import SwiftProtobuf

/// Breaks something under jobs of its own, and counts what became of them.
///
/// Nothing that it did not start is touched, but for what the user's own two commands do. However it
/// ends, what it stopped is started again, and its processes are gone.
final class Drill {
  private let plan: DrillPlan
  private let fault: DrillFault
  private let client: BelfryClient
  private let folder: URL
  private let ledger = DrillLedger()
  private var workers: [DrillProcess] = []

  struct Outcome {
    var counts = DrillCounts()
    var repeatedSubmits = 0
    /// From the fault to the cluster's own word of it; nil: it never said so.
    var noticed: Duration?
    /// From the fault, or the return of the part, until every job accepted before had its outcome.
    var recovered: Duration?
  }

  init(_ plan: DrillPlan, _ fault: DrillFault, _ client: BelfryClient) throws {
    self.plan = plan
    self.fault = fault
    self.client = client
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("belfry-\(plan.id)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  func run() async throws -> Outcome {
    do {
      for index in plan.workers.indices { workers.append(try startWorker(index)) }
      let outcome = try await drill()
      await leave()
      return outcome
    } catch {
      await leave()
      throw error
    }
  }

  private func drill() async throws -> Outcome {
    note("\(plan.id): waiting for \(plan.workers.map(\.name).joined(separator: " and "))")
    try await untilUp()
    let deadline = ContinuousClock.now + plan.limit
    var outcome = Outcome()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      let load = DrillLoad(plan, client, ledger)
      tasks.addTask { try await load.submit() }
      try await until("a third of the jobs is accepted") { [ledger, plan] in
        await ledger.acceptedCount * 3 >= plan.jobs
      }
      outcome = try await strike()
      note("\(plan.id): waiting for outcomes")
      try await tasks.waitForAll()
      while ContinuousClock.now < deadline, try await !load.readOutstanding().isEmpty {
        try await Task.sleep(for: .milliseconds(100))
      }
      try await load.readAgain()
    }
    outcome.counts = await ledger.counts(runs: runs())
    outcome.repeatedSubmits = await ledger.repeatedSubmits
    if case .workerKill = fault {
      // Back, so that it can leave in order and its alert is resolved.
      workers[0] = try startWorker(0)
      try await untilUp()
    }
    return outcome
  }

  // MARK: the fault

  private func strike() async throws -> Outcome {
    var outcome = Outcome()
    switch fault {
    case .workerKill, .workerPause:
      let name = plan.workers[0].name
      try await until("\(name) runs a job") { [client] in
        let node = try await client.health(within: .seconds(5)).nodes.first { $0.name == name }
        return node.map { $0.running > 0 } ?? false
      }
      let struck = ContinuousClock.now
      await ledger.struck()
      note("\(plan.id): \(fault.name) of \(name)")
      let isNoticed = { @Sendable [client] in
        let node = try await client.health(within: .seconds(5)).nodes.first { $0.name == name }
        return node.map { $0.state == "lost" } ?? false
      }
      if case .workerPause(let time) = fault {
        workers[0].signal(SIGSTOP)
        outcome.noticed = try await notice(from: struck, within: time, isNoticed)
        try await Task.sleep(until: struck + time)
        workers[0].signal(SIGCONT)
      } else {
        workers[0].signal(SIGKILL)
        outcome.noticed = try await notice(from: struck, within: .seconds(30), isNoticed)
      }
      outcome.recovered = try await recover(from: struck)
    case .part(let part, let stop, let start, let away):
      let struck = ContinuousClock.now
      await ledger.struck()
      do {
        try await shell(stop)
        outcome.noticed = try await notice(from: struck, within: away) { [client] in
          let health = try await client.health(within: .seconds(5))
          return health.parts.contains { $0.name == part.rawValue && $0.state != "up" }
        }
        try await Task.sleep(until: struck + away)
      } catch {
        // Not left stopped, whatever went wrong or was interrupted.
        try await shell(start)
        throw error
      }
      try await shell(start)
      outcome.recovered = try await recover(from: .now)
    }
    return outcome
  }

  private func notice(
    from struck: ContinuousClock.Instant, within limit: Duration,
    _ isNoticed: @Sendable () async throws -> Bool
  ) async throws -> Duration? {
    while ContinuousClock.now - struck < limit {
      // A coordinator that does not answer has not said so.
      if (try? await isNoticed()) == true { return ContinuousClock.now - struck }
      try await Task.sleep(for: .milliseconds(50))
    }
    return nil
  }

  private func recover(from start: ContinuousClock.Instant) async throws -> Duration? {
    let deadline = start + plan.limit
    let load = DrillLoad(plan, client, ledger)
    while ContinuousClock.now < deadline {
      _ = try await load.readOutstanding()
      if let end = await ledger.recovered(acceptedBy: start) { return end - start }
      try await Task.sleep(for: .milliseconds(50))
    }
    return nil
  }

  /// Runs a command of the user's to its end, also when the drill is being interrupted.
  private func shell(_ command: String) async throws {
    note("\(plan.id): \(command)")
    let log = folder.appendingPathComponent("command.log")
    let process = try DrillProcess("sh", "/bin/sh", ["-c", command], output: log)
    let deadline = ContinuousClock.now + .seconds(120)
    while process.isRunning, ContinuousClock.now < deadline {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(20)) {
          continuation.resume()
        }
      }
    }
    await process.end(within: .zero)
    guard process.status == 0 else {
      throw UserError(
        .drillFailed, "a command of the drill failed: \(command)",
        why: "status \(process.status): \(process.lastWords)",
        next: ["run it by hand, and look at the part that it is about"])
    }
  }

  // MARK: workers

  private func startWorker(_ index: Int) throws -> DrillProcess {
    let (name, identity) = plan.workers[index]
    let log = folder.appendingPathComponent("runs").path
    let words = "echo \"$BELFRY_JOB_ID $BELFRY_ASSIGNMENT\""
    return try DrillProcess(
      name, try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
      [
        "worker", "run", "--server", plan.server, "--identity", identity, "--lanes", plan.lane,
        "--slots", "\(DrillPlan.slots)", "--labels", "drill=\(plan.id)", "--state",
        folder.path + "/\(name)",
        "--run", "\(plan.kind)=sh -c '\(words) >> \(log); sleep \(plan.pause); \(words)'",
      ], output: folder.appendingPathComponent("\(name).log"))
  }

  private func untilUp() async throws {
    let names = plan.workers.map(\.name)
    try await until("\(names.joined(separator: " and ")) are up") { [client, plan] in
      let up = try await client.health(within: .seconds(5)).nodes.filter {
        $0.state == "up" && $0.kinds == [plan.kind]
      }.map(\.name)
      return names.allSatisfy(up.contains)
    }
  }

  private func leave() async {
    for worker in workers {
      worker.signal(SIGCONT)
      worker.signal(SIGTERM)
    }
    for worker in workers { await worker.end(within: .seconds(40)) }
    // A folder that stays in the way of nobody.
    try? FileManager.default.removeItem(at: folder)
  }

  /// Assignments by job, as the commands wrote them down.
  private func runs() -> [String: [String]] {
    // No run, no file.
    let text = try? String(
      contentsOf: folder.appendingPathComponent("runs"), encoding: .utf8)
    var runs: [String: [String]] = [:]
    for line in text?.split(separator: "\n") ?? [] {
      let words = line.split(separator: " ").map(String.init)
      if words.count == 2 { runs[words[0], default: []].append(words[1]) }
    }
    return runs
  }

  private func until(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      var failure: (any Error)?
      // Asked again: the coordinator may be busy, or just coming back.
      do { if try await condition() { return } } catch { failure = error }
      try Task.checkCancellation()
      let dead = workers.first { !$0.isRunning }
      guard dead == nil, ContinuousClock.now < deadline else {
        var said = workers.map { "\($0.name): \($0.lastWords)" }
        if let failure { said.append("the coordinator: \(failure)") }
        let words = said.joined(separator: "\n        ")
        throw UserError(
          .drillFailed, "the drill broke off: in vain it was waited until \(what)", why: words,
          next: ["belfry health", "check that lane \(plan.lane) is served and not paused"])
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
