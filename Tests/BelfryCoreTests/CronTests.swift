import BelfryCore
import Foundation
import Testing

/// Calendars: what is one, and when it fires next, also where clocks are changed.
@Suite struct CronTests {
  private func next(_ cron: String, _ after: String, zone name: String = "UTC", count: Int = 1)
    throws -> [String]
  {
    let zone = try #require(TimeZone(identifier: name))
    let cron = try CronExpression(cron)
    var time = try #require(Self.time(after))
    var found: [String] = []
    while found.count < count,
      let next = cron.next(
        after: time,
        offset: {
          zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double($0.milliseconds) / 1_000))
        })
    {
      found.append(Self.text(next))
      time = next
    }
    return found
  }

  private static func time(_ text: String) -> WallTime? {
    (try? Date(text + ":00Z", strategy: .iso8601)).map {
      WallTime(milliseconds: Int64($0.timeIntervalSince1970) * 1_000)
    }
  }

  private static func text(_ time: WallTime) -> String {
    let text = Date(timeIntervalSince1970: Double(time.milliseconds) / 1_000)
      .formatted(.iso8601)
    return String(text.dropLast(4))
  }

  @Test(arguments: [
    ("* * * * *", "2026-11-27T12:00", "2026-11-27T12:01"),
    ("*/15 * * * *", "2026-11-27T12:46", "2026-11-27T13:00"),
    ("5/20 * * * *", "2026-11-27T12:05", "2026-11-27T12:25"),
    ("30 4 * * mon-fri", "2026-11-27T12:00", "2026-11-30T04:30"),
    ("0 0 1 1 *", "2026-01-01T00:00", "2027-01-01T00:00"),
    ("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00"),
    ("0 12 * JAN,jul Sun", "2026-02-01T00:00", "2026-07-05T12:00"),
    ("0 12 * * 7", "2026-11-27T12:00", "2026-11-29T12:00"),
    // Both day fields limited: either does.
    ("0 0 13 * fri", "2026-11-01T00:00", "2026-11-06T00:00"),
    ("0 0 31 * *", "2026-11-01T00:00", "2026-12-31T00:00"),
    ("@daily", "2026-12-31T00:00", "2027-01-01T00:00"),
    ("@hourly", "2026-12-31T23:00", "2027-01-01T00:00"),
    ("59 23 31 12 *", "1969-12-30T00:00", "1969-12-31T23:59"),
  ])
  func fires(_ cron: String, after: String, at expected: String) throws {
    #expect(try next(cron, after) == [expected])
  }

  @Test("30 February never comes")
  func never() throws { #expect(try next("0 0 30 2 *", "2026-01-01T00:00") == []) }

  @Test("A time that the clock skips comes as much later, once")
  func forward() throws {
    // Berlin, 29 March 2026: 02:00 becomes 03:00.
    #expect(
      try next("30 2 * * *", "2026-03-28T00:00", zone: "Europe/Berlin", count: 3)
        == ["2026-03-28T01:30", "2026-03-29T01:30", "2026-03-30T00:30"])
    #expect(
      try next("30 * * * *", "2026-03-29T00:00", zone: "Europe/Berlin", count: 2)
        == ["2026-03-29T00:30", "2026-03-29T01:30"])
  }

  @Test("A time that is there twice comes once, and each hour when all are asked for")
  func back() throws {
    // Berlin, 25 October 2026: 03:00 becomes 02:00.
    #expect(
      try next("30 2 * * *", "2026-10-24T12:00", zone: "Europe/Berlin", count: 2)
        == ["2026-10-25T00:30", "2026-10-26T01:30"])
    // Asked between the two.
    #expect(
      try next("30 2 * * *", "2026-10-25T00:45", zone: "Europe/Berlin") == ["2026-10-26T01:30"])
    #expect(
      try next("30 * * * *", "2026-10-25T00:00", zone: "Europe/Berlin", count: 3)
        == ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"])
  }

  @Test(
    arguments: [
      "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
      "* * * * 8",
      "5-1 * * * *", "*/0 * * * *", "a * * * *", "1,,2 * * * *", "1- * * * *", "-1 * * * *",
      "1/2/3 * * * *", "@never", "1-2-3 * * * *", "99999999999999999999 * * * *",
    ])
  func isNone(_ text: String) {
    #expect(throws: CronExpression.Complaint.self) { try CronExpression(text) }
  }

  private func schedule(_ misfire: Schedule.Misfire, isPaused: Bool = false, last: String? = nil)
    throws -> Schedule
  {
    Schedule(
      name: "s", cron: try CronExpression("0 * * * *"), timeZone: "UTC", misfire: misfire,
      job: Job(id: JobID(trusted: "j"), kind: Kind(trusted: "k")), isPaused: isPaused,
      since: try #require(Self.time("2026-11-27T00:30")), last: last.flatMap(Self.time))
  }

  @Test(
    "What is due fires; what was missed fires once, or is passed over; what was dealt with waits")
  func decisions() throws {
    func decide(_ schedule: Schedule, at now: String, after handled: String? = nil) throws
      -> Schedule.Decision
    {
      schedule.decide(
        after: handled.flatMap(Self.time), at: try #require(Self.time(now)), offset: { _ in 0 })
    }
    func time(_ text: String) throws -> WallTime { try #require(Self.time(text)) }
    let once = try schedule(.once)
    #expect(try decide(once, at: "2026-11-27T00:59") == .wait(until: time("2026-11-27T01:00")))
    #expect(try decide(once, at: "2026-11-27T01:00") == .fire(time("2026-11-27T01:00")))
    #expect(try decide(once, at: "2026-11-27T05:30") == .fire(time("2026-11-27T05:00")))
    #expect(
      try decide(once, at: "2026-11-27T05:30", after: "2026-11-27T05:00")
        == .wait(until: time("2026-11-27T06:00")))
    let skip = try schedule(.skip)
    #expect(try decide(skip, at: "2026-11-27T05:30") == .skip(to: time("2026-11-27T05:00")))
    #expect(try decide(skip, at: "2026-11-27T05:00") == .fire(time("2026-11-27T05:00")))
    #expect(
      try decide(try schedule(.once, last: "2026-11-27T07:00"), at: "2026-11-27T07:30")
        == .wait(until: time("2026-11-27T08:00")))
    #expect(
      try decide(try schedule(.once, isPaused: true), at: "2026-11-27T05:30")
        == .wait(until: time("2026-11-27T01:00")))
  }
}
