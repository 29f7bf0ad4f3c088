internal import BelfryAPI
package import BelfryCore
internal import Foundation
internal import Logging

/// Fires schedules. Every coordinator looks; who inserts the firing submits its job, and the job's id is
/// made of the schedule and the time, so that a firing has one outcome whoever dies in between.
struct ScheduleTask: Sendable {
  static let every = Duration.milliseconds(500)
  static let staleEvery = Duration.seconds(5)

  let store: any ScheduleStore
  let shell: CoreShell
  /// Others' lanes are fired by their coordinators.
  let lanes: [Lane]
  let logger: Logger

  func run() async throws {
    /// By name: the last time that was dealt with, here or, as the store said, elsewhere.
    var handled: [String: WallTime] = [:]
    var nextStale = ContinuousClock.now
    while true {
      try await Task.sleep(for: Self.every)
      guard await shell.canPublish, case .success(let all) = await store.schedules() else {
        continue
      }
      let schedules = all.filter { lanes.contains($0.job.lane) }
      let known = Set(schedules.map(\.name))
      handled = handled.filter { known.contains($0.key) }
      for schedule in schedules { await look(at: schedule, &handled) }
      if ContinuousClock.now >= nextStale {
        nextStale = .now + Self.staleEvery
        await closeStale(schedules)
      }
    }
  }

  private func look(at schedule: Schedule, _ handled: inout [String: WallTime]) async {
    let now = shell.clock.now().wall
    guard let zone = ScheduleZone(schedule.timeZone) else { return }
    switch schedule.decide(after: handled[schedule.name], at: now, offset: zone.offset) {
    case .wait, .never: return
    case .skip(let due):
      if await store.closeFiring(schedule.name, due: due, job: nil, at: now) == nil {
        handled[schedule.name] = due
        logger.notice(
          "firings of a schedule were missed and passed over",
          metadata: ["schedule": "\(schedule.name)", "until": "\(RFC3339.text(due))"])
      }
    case .fire(let due):
      switch await store.openFiring(schedule.name, due: due, at: now) {
      case .inserted:
        handled[schedule.name] = due
        await submit(schedule, due)
      case .duplicate: handled[schedule.name] = due
      // Asked again in half a second; if the insert was ours after all, it is met as stale.
      case .unknown, .refused: return
      }
    }
  }

  /// Left open when it cannot be submitted: it is met again as stale.
  private func submit(_ schedule: Schedule, _ due: WallTime) async {
    let id = DerivedID.firing(of: schedule.name, at: due)
    let message = schedule.job.again(as: id, at: shell.clock.now().wall)
    let answer = await shell.submit([message]).first
    guard answer == .accepted else {
      logger.warning(
        "a schedule's job was not accepted, it is tried again",
        metadata: ["schedule": "\(schedule.name)", "answer": "\(answer.map { "\($0)" } ?? "none")"])
      return
    }
    _ = await store.closeFiring(
      schedule.name, due: due, job: id, at: shell.clock.now().wall)
  }

  private func closeStale(_ schedules: [Schedule]) async {
    let now = shell.clock.now().wall
    for firing in await store.staleFirings(at: now) ?? [] {
      // One without a schedule here is another coordinator's, or goes after its time.
      guard let schedule = schedules.first(where: { $0.name == firing.name }) else { continue }
      await submit(schedule, firing.due)
    }
  }
}

/// A time zone of the system's database.
package struct ScheduleZone: Sendable {
  private let zone: TimeZone

  /// Nil for a name that is none; empty is UTC.
  package init?(_ name: String) {
    guard let zone = TimeZone(identifier: name.isEmpty ? "UTC" : name) else { return nil }
    self.zone = zone
  }

  package func offset(_ time: WallTime) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.milliseconds) / 1_000))
  }
}
