internal import NIOCore

/// The value of `grpc-timeout`: up to eight digits and a unit.
enum CallTimeout {
  /// Nil when malformed. Values beyond what the clock can hold are the longest it can.
  static func parse(_ text: some BidirectionalCollection<UInt8>) -> TimeAmount? {
    guard let unit = text.last, let nanoseconds = unitNanoseconds(unit) else { return nil }
    let digits = text.dropLast()
    guard (1...8).contains(digits.count) else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: nanoseconds)
    return .nanoseconds(overflow ? longest : min(product, longest))
  }

  /// The finest unit that fits in eight digits, rounded up.
  static func format(_ amount: TimeAmount) -> String {
    let nanoseconds = max(0, amount.nanoseconds)
    for unit in "numSMH".utf8 {
      guard let size = unitNanoseconds(unit) else { continue }
      let value = nanoseconds / size + (nanoseconds % size == 0 ? 0 : 1)
      if value <= 99_999_999 { return "\(value)\(Character(UnicodeScalar(unit)))" }
    }
    return "99999999H"
  }

  /// About 146 years: a deadline computed from it does not overflow.
  private static let longest = Int64.max / 2

  private static func unitNanoseconds(_ unit: UInt8) -> Int64? {
    switch unit {
    case UInt8(ascii: "n"): return 1
    case UInt8(ascii: "u"): return 1_000
    case UInt8(ascii: "m"): return 1_000_000
    case UInt8(ascii: "S"): return 1_000_000_000
    case UInt8(ascii: "M"): return 60_000_000_000
    case UInt8(ascii: "H"): return 3_600_000_000_000
    default: return nil
    }
  }
}
