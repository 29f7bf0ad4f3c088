internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import Foundation
internal import SwiftProtobuf

/// `belfry.v1.Schedules`: jobs that come again by the calendar.
struct SchedulesService: Sendable {
  let store: any ScheduleStore
  let lanes: [Lane]
  let payloadBytesMax: Int
  let clock: ClusterClock

  static let countMax = 1_000
  /// Every coordinator reads all schedules twice a second.
  static let scheduledBytesMax = 64 << 10
  private static let cronBytesMax = 256

  func put(_ request: Belfry_V1_Schedule) async throws -> Belfry_V1_Schedule {
    let schedule = try read(request)
    let known = try get(await store.schedules())
    guard known.count < Self.countMax || known.contains(where: { $0.name == schedule.name }) else {
      throw RPCStatus(
        .failedPrecondition, "there are \(Self.countMax) schedules, which is the most")
    }
    if let problem = await store.putSchedule(schedule) { throw Self.away(problem) }
    return try view(schedule)
  }

  func list() async throws -> Belfry_V1_ListSchedulesReply {
    let schedules = try get(await store.schedules())
    var reply = Belfry_V1_ListSchedulesReply()
    for schedule in schedules { reply.schedules.append(try view(schedule)) }
    return reply
  }

  func remove(_ request: Belfry_V1_RemoveScheduleRequest) async throws
    -> Belfry_V1_RemoveScheduleReply
  {
    guard try get(await store.removeSchedule(request.name)) else {
      throw RPCStatus(.notFound, "there is no schedule \"\(request.name)\"")
    }
    return .init()
  }

  private func read(_ request: Belfry_V1_Schedule) throws(RPCStatus) -> Schedule {
    func wrong(_ what: String) -> RPCStatus { RPCStatus(.invalidArgument, what) }
    guard Grammar.isNodeName(request.name) else {
      throw wrong("\"\(request.name)\" is no schedule's name: [a-z0-9][a-z0-9-]{0,62}")
    }
    guard request.cron.utf8.count <= Self.cronBytesMax else {
      throw wrong("a calendar has at most \(Self.cronBytesMax) bytes")
    }
    let cron: CronExpression
    do { cron = try CronExpression(request.cron) } catch { throw wrong(error.description) }
    guard let zone = ScheduleZone(request.timeZone) else {
      throw wrong("\"\(request.timeZone)\" is no time zone; Europe/Berlin is one")
    }
    guard
      let misfire = Schedule.Misfire(rawValue: request.misfire.isEmpty ? "once" : request.misfire)
    else { throw wrong("misfire is \"once\" or \"skip\"") }
    let spec = request.job
    guard spec.id.isEmpty, spec.idempotencyKey.isEmpty, spec.runAtMs == 0, spec.deadlineMs == 0
    else {
      throw wrong("the job of a schedule has no id, key, run-at or deadline of its own")
    }
    let now = clock.now().wall
    guard cron.next(after: now, offset: zone.offset) != nil else {
      throw wrong("\"\(request.cron)\" never comes")
    }
    let message: JobMessage
    do {
      message = try spec.jobMessage(
        newID: { JobID(trusted: "schedule") }, keyedID: { lane, _ in JobID(trusted: lane.text) },
        at: now,
        payloadBytesMax: min(payloadBytesMax, Self.scheduledBytesMax))
    } catch {
      throw RPCStatus(
        error.field == "payload" ? .resourceExhausted : .invalidArgument, error.description)
    }
    guard lanes.contains(message.job.lane) else {
      throw RPCStatus(.notFound, "this coordinator serves no lane \"\(message.job.lane)\"")
    }
    return Schedule(
      name: request.name, cron: cron, timeZone: request.timeZone.isEmpty ? "UTC" : request.timeZone,
      misfire: misfire, job: message.job, isPaused: request.paused, since: now)
  }

  private func view(_ schedule: Schedule) throws(RPCStatus) -> Belfry_V1_Schedule {
    guard let zone = ScheduleZone(schedule.timeZone) else {
      throw RPCStatus(.internal, "the time zone of schedule \(schedule.name) is not known here")
    }
    let job = schedule.job
    return .with {
      $0.name = schedule.name
      $0.cron = schedule.cron.text
      $0.timeZone = schedule.timeZone
      $0.misfire = schedule.misfire.rawValue
      $0.paused = schedule.isPaused
      $0.lastMs = schedule.last?.milliseconds ?? 0
      $0.lastJob = schedule.lastJob?.text ?? ""
      if !schedule.isPaused {
        $0.nextMs =
          schedule.cron.next(after: clock.now().wall, offset: zone.offset)?.milliseconds ?? 0
      }
      $0.job = .with {
        $0.kind = job.kind.text
        $0.lane = job.lane.text
        $0.payload = Data(job.payload.bytes)
        $0.contentType = job.contentType ?? ""
        $0.priority = UInt32(job.priority.rawValue)
        $0.triesMax = UInt32(clamping: job.retry.triesMax ?? 0)
        $0.backoff = job.retry.backoff?.text ?? ""
        $0.timeoutMs = UInt64(clamping: job.timeout?.millisecondsClamped ?? 0)
        $0.requires = job.requires.map(Belfry_V1_Label.init)
        $0.replyTo = job.reply?.queue ?? ""
        $0.correlationID = job.reply?.correlationID ?? ""
      }
    }
  }

  private func get<Answer>(_ result: Result<Answer, StoreProblem>) throws(RPCStatus) -> Answer {
    switch result {
    case .success(let answer): answer
    case .failure(let problem): throw Self.away(problem)
    }
  }

  private static func away(_ problem: StoreProblem) -> RPCStatus {
    RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
  }
}
