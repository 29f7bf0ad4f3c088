/// RFC 3339 in UTC with milliseconds: `2026-11-23T08:02:36.123Z`.
package enum RFC3339 {
  package static func text(_ time: WallTime) -> String {
    let minutes = time.milliseconds.dividedDown(by: 60_000)
    let rest = time.milliseconds - minutes * 60_000
    let civil = CivilTime(minutes: minutes)
    return "\(pad(civil.year, 4))-\(pad(civil.month, 2))-\(pad(civil.day, 2))T"
      + "\(pad(civil.hour, 2)):\(pad(civil.minute, 2)):\(pad(rest / 1_000, 2)).\(pad(rest % 1_000, 3))Z"
  }

  private static func pad(_ value: some BinaryInteger, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
