internal import BelfryAPI
internal import SwiftProtobuf

/// Lanes and schedules; all of it needs role operator.
extension BelfryClient {
  /// The lanes of the coordinator, with what waits in each and why.
  public func lanes(within timeout: Duration = .seconds(10)) async throws -> [LaneStatus] {
    try await health(within: timeout).lanes.map(LaneStatus.init)
  }

  /// Pauses a lane: it accepts jobs and gives none out; what runs goes on. Durable, and for all coordinators:
  /// this one at once, the others within about a second. Throws `notFound` for a lane that nobody serves.
  /// - Parameter reason: for those who wonder.
  @discardableResult
  public func pauseLane(
    _ name: String, reason: String = "", within timeout: Duration = .seconds(30)
  ) async throws -> LaneStatus {
    let request = Belfry_V1_SetLaneRequest.with {
      $0.name = name
      $0.paused = true
      $0.reason = reason
    }
    return LaneStatus(try await setLane(request, within: timeout))
  }

  /// Lets a paused lane go on.
  @discardableResult
  public func resumeLane(
    _ name: String, within timeout: Duration = .seconds(30)
  ) async throws -> LaneStatus {
    LaneStatus(try await setLane(.with { $0.name = name }, within: timeout))
  }

  /// All schedules: when each fired last, and when it fires next.
  public func listSchedules(
    within timeout: Duration = .seconds(10)
  ) async throws -> [ScheduleStatus] {
    try await schedules(within: timeout).map(ScheduleStatus.init)
  }

  /// Adds a schedule, or replaces the one of that name. Throws `badArgument` for what is no calendar, no time
  /// zone or no job.
  @discardableResult
  public func addSchedule(
    _ schedule: NewSchedule, within timeout: Duration = .seconds(30)
  ) async throws -> ScheduleStatus {
    ScheduleStatus(try await putSchedule(schedule.message, within: timeout))
  }

  /// Removes a schedule; jobs that it has submitted stay. Throws `notFound` when there is none of that name.
  public func removeSchedule(
    named name: String, within timeout: Duration = .seconds(30)
  ) async throws {
    try await removeSchedule(name, within: timeout)
  }
}

/// A lane as one coordinator sees it.
public struct LaneStatus: Sendable, Equatable {
  public let name: String
  /// Jobs that wait in RabbitMQ.
  public let ready: Int
  /// Jobs that the coordinator holds and has not given out.
  public let waiting: Int
  public let running: Int
  /// Jobs that no worker can take at present.
  public let parked: Int
  public let isPaused: Bool
  public let pausedBy: String
  public let pausedReason: String
  /// Why nothing is given out, in words; empty when it is.
  public let waitsFor: String

  init(_ lane: Belfry_V1_LaneHealth) {
    name = lane.name
    ready = Int(clamping: lane.ready)
    waiting = Int(clamping: lane.waiting)
    running = Int(clamping: lane.running)
    parked = Int(clamping: lane.parked)
    isPaused = lane.paused
    pausedBy = lane.pausedBy
    pausedReason = lane.pausedReason
    waitsFor = lane.waitsFor
  }
}

/// A job that is submitted again and again, by the calendar.
///
/// ```swift
/// try await client.addSchedule(
///   NewSchedule(name: "nightly", cron: "30 2 * * *", job: NewJob(kind: "backup")))
/// ```
public struct NewSchedule: Sendable {
  /// Of times that passed while no coordinator ran.
  public enum Misfire: String, Sendable {
    /// The last of them is made up for.
    case once
    case skip
  }

  /// `[a-z0-9][a-z0-9-]{0,62}`.
  public var name: String
  /// Minute, hour, day of month, month, day of week; or `@hourly`, `@daily` and so on.
  public var cron: String
  /// Of the system's database: `Europe/Berlin`.
  public var timeZone = "UTC"
  public var misfire = Misfire.once
  /// What is submitted; its id is made of the schedule's name and the time. A payload has at most 64 KiB.
  public var job: NewJob
  public var isPaused = false

  public init(name: String, cron: String, job: NewJob) {
    self.name = name
    self.cron = cron
    self.job = job
  }

  var message: Belfry_V1_Schedule {
    .with {
      $0.name = name
      $0.cron = cron
      $0.timeZone = timeZone
      $0.misfire = misfire.rawValue
      $0.job = job.spec
      $0.paused = isPaused
    }
  }
}

/// A schedule as the cluster has it.
public struct ScheduleStatus: Sendable, Equatable {
  public let name: String
  public let cron: String
  public let timeZone: String
  public let kind: String
  public let lane: String
  public let isPaused: Bool
  /// As Unix time in milliseconds; nil: never.
  public let nextMilliseconds: Int64?
  public let lastMilliseconds: Int64?
  /// The job of the last firing; empty before the first.
  public let lastJob: String

  init(_ schedule: Belfry_V1_Schedule) {
    name = schedule.name
    cron = schedule.cron
    timeZone = schedule.timeZone
    kind = schedule.job.kind
    lane = schedule.job.lane
    isPaused = schedule.paused
    nextMilliseconds = schedule.nextMs == 0 ? nil : schedule.nextMs
    lastMilliseconds = schedule.lastMs == 0 ? nil : schedule.lastMs
    lastJob = schedule.lastJob
  }
}
