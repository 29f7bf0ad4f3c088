/// A minute on a calendar and a clock, without a zone: days and months by the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
package struct CivilTime: Equatable, Sendable {
  package var year: Int
  /// 1 to 12.
  package var month: Int
  /// 1 to 31.
  package var day: Int
  package var hour: Int
  package var minute: Int
  /// 0 is Sunday.
  package var weekday: Int

  /// - Parameter minutes: since 1970-01-01 00:00 on that clock.
  package init(minutes: Int64) {
    let days = minutes.dividedDown(by: 1_440)
    let rest = Int(minutes - days * 1_440)
    let shifted = days + 719_468
    let era = shifted.dividedDown(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
    year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    hour = rest / 60
    minute = rest % 60
    let sinceSunday = (days + 4) % 7
    weekday = Int(sinceSunday < 0 ? sinceSunday + 7 : sinceSunday)
  }

  /// Minutes since 1970-01-01 of 00:00 on the first day of a month.
  static func minutes(year: Int, month: Int) -> Int64 {
    let shifted = Int64(month <= 2 ? year - 1 : year)
    let era = shifted.dividedDown(by: 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = Int64(153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return (era * 146_097 + dayOfEra - 719_468) * 1_440
  }
}

extension Int64 {
  /// Rounded down, also below zero.
  package func dividedDown(by divisor: Int64) -> Int64 {
    self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
  }
}
