/// RFC 3339 in UTC with milliseconds: `2026-11-23T08:02:36.123Z`.
package enum RFC3339 {
  /// Years 0 to 9999, which is all that can be written.
  private static let range: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

  package static func text(_ time: WallTime) -> String {
    let milliseconds = min(max(time.milliseconds, range.lowerBound), range.upperBound)
    let minutes = milliseconds.dividedDown(by: 60_000)
    let rest = milliseconds - minutes * 60_000
    let civil = CivilTime(minutes: minutes)
    // Three of these are in each event: written digit by digit.
    return String(unsafeUninitializedCapacity: 24) { buffer in
      var end = 0
      func put(_ value: Int, _ width: Int, _ separator: UInt8) {
        var rest = value
        for index in stride(from: end + width - 1, through: end, by: -1) {
          buffer[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
          rest /= 10
        }
        end += width
        buffer[end] = separator
        end += 1
      }
      put(civil.year, 4, 0x2D)
      put(civil.month, 2, 0x2D)
      put(civil.day, 2, 0x54)
      put(civil.hour, 2, 0x3A)
      put(civil.minute, 2, 0x3A)
      put(Int(rest / 1_000), 2, 0x2E)
      put(Int(rest % 1_000), 3, 0x5A)
      return end
    }
  }
}
