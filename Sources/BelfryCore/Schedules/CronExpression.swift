/// Times of a calendar in five fields, as crontab(5) has them: minute, hour, day of month, month, day of
/// week. Lists, ranges, steps (`*/15`, `8-18/2`), names (`MON`, `jan`), 7 for Sunday, and `@yearly`
/// `@monthly` `@weekly` `@daily` `@hourly`. When both day fields are limited, either does, as there.
package struct CronExpression: Sendable, Equatable {
  package let text: String
  private let minutes: Set<Int>
  private let hours: Set<Int>
  private let days: Set<Int>
  private let months: Set<Int>
  private let weekdays: Set<Int>
  private let isAnyHour: Bool
  private let isAnyDay: Bool
  private let isAnyWeekday: Bool

  /// What is wrong with a text that is none, for people.
  package struct Complaint: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  private static let macros = [
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
  ]
  private static let monthNames = [
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
    "oct": 10, "nov": 11, "dec": 12,
  ]
  private static let dayNames = [
    "sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6,
  ]

  package init(_ text: String) throws(Complaint) {
    self.text = text
    let fields = (Self.macros[text.lowercased()] ?? text).split(separator: " ").map(String.init)
    guard fields.count == 5 else {
      throw Complaint(
        description: "\"\(text)\" has \(fields.count) fields; five are asked for (minute hour day"
          + " month weekday), such as 30 4 * * mon-fri, or @hourly, @daily, @weekly, @monthly")
    }
    minutes = try Self.field(fields[0], "minute", 0...59)
    hours = try Self.field(fields[1], "hour", 0...23)
    days = try Self.field(fields[2], "day of month", 1...31)
    months = try Self.field(fields[3], "month", 1...12, Self.monthNames)
    weekdays = Set(try Self.field(fields[4], "day of week", 0...7, Self.dayNames).map { $0 % 7 })
    isAnyHour = fields[1].hasPrefix("*")
    isAnyDay = fields[2].hasPrefix("*")
    isAnyWeekday = fields[4].hasPrefix("*")
  }

  private static func field(
    _ text: String, _ name: String, _ range: ClosedRange<Int>, _ names: [String: Int] = [:]
  ) throws(Complaint) -> Set<Int> {
    var values: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
      guard let first = pieces.first, pieces.count <= 2, let bounds = bounds(first, range, names),
        let step = pieces.count == 2 ? Int(pieces[1]) : 1, step >= 1
      else {
        throw Complaint(
          description: "\"\(part)\" is no \(name): \(range.lowerBound) to \(range.upperBound),"
            + " lists 1,2, ranges 1-5 and steps */2 are")
      }
      // `5/10` counts on to the end, as Vixie's cron has it.
      let end = pieces.count == 2 && bounds.count == 1 ? range.upperBound : bounds.upperBound
      values.formUnion(stride(from: bounds.lowerBound, through: end, by: step))
    }
    return values
  }

  private static func bounds(
    _ text: Substring, _ range: ClosedRange<Int>, _ names: [String: Int]
  ) -> ClosedRange<Int>? {
    if text == "*" { return range }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end in
      names[end.lowercased()] ?? (end.allSatisfy(\.isASCIIDigit) ? Int(end) : nil)
    }
    guard ends.count <= 2, let first = ends[0], let last = ends.count == 2 ? ends[1] : first,
      first <= last, range.contains(first), range.contains(last)
    else { return nil }
    return first...last
  }

  /// The first time after this one; nil when there is none in ten years (30 February).
  ///
  /// Where the clock is put forward, a time that does not exist comes as much later as it was put; where
  /// it is put back, a time that is there twice comes once, unless the hour is `*`.
  /// - Parameter offset: how far the zone's clock is ahead of UTC then, in seconds.
  package func next(after time: WallTime, offset: (WallTime) -> Int) -> WallTime? {
    isAnyHour ? nextMinute(after: time, offset) : nextOnClock(after: time, offset)
  }

  private static let horizonMinutes: Int64 = 10 * 366 * 1_440

  /// Each minute that passes and whose reading on the zone's clock fits.
  private func nextMinute(after time: WallTime, _ offset: (WallTime) -> Int) -> WallTime? {
    var minute = time.milliseconds.dividedDown(by: 60_000) + 1
    let end = minute + Self.horizonMinutes
    while minute < end {
      let moment = WallTime(milliseconds: minute * 60_000)
      let local = minute + Self.minutes(offset(moment))
      guard let next = skip(local) else { return moment }
      // A change of the clock in between is at most three hours.
      minute += max(1, next - local - 180)
    }
    return nil
  }

  /// Each reading of the zone's clock that fits, once.
  private func nextOnClock(after time: WallTime, _ offset: (WallTime) -> Int) -> WallTime? {
    let start = time.milliseconds.dividedDown(by: 60_000) + 1
    var local = start + Self.minutes(offset(WallTime(milliseconds: start * 60_000)))
    let end = local + Self.horizonMinutes
    while local < end {
      if let next = skip(local) {
        local = next
      } else if let found = instant(local, offset), found > time {
        return found
      } else {
        local += 1
      }
    }
    return nil
  }

  /// The next reading of the clock that may fit; nil when this one does.
  private func skip(_ local: Int64) -> Int64? {
    let civil = CivilTime(minutes: local)
    if !months.contains(civil.month) {
      return CivilTime.minutes(
        year: civil.month == 12 ? civil.year + 1 : civil.year, month: civil.month % 12 + 1)
    }
    if !isDay(civil) { return (local.dividedDown(by: 1_440) + 1) * 1_440 }
    if !hours.contains(civil.hour) { return (local.dividedDown(by: 60) + 1) * 60 }
    return minutes.contains(civil.minute) ? nil : local + 1
  }

  private func isDay(_ civil: CivilTime) -> Bool {
    let (day, weekday) = (days.contains(civil.day), weekdays.contains(civil.weekday))
    return isAnyDay || isAnyWeekday ? day && weekday : day || weekday
  }

  /// The first moment at which the zone's clock shows this; where it never does, the one at which it
  /// would have, had it not been put forward.
  private func instant(_ local: Int64, _ offset: (WallTime) -> Int) -> WallTime? {
    let day: Int64 = 86_400_000
    let offsets = [-day, day].map { offset(WallTime(milliseconds: local * 60_000 + $0)) }
    let moments = offsets.map { WallTime(milliseconds: local * 60_000 - Int64($0) * 1_000) }
    let real = zip(offsets, moments).filter { offset($0.1) == $0.0 }.map(\.1)
    return real.min() ?? moments.first
  }

  private static func minutes(_ seconds: Int) -> Int64 { Int64(seconds).dividedDown(by: 60) }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
