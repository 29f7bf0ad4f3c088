/// How often a failing handler is tried, and how long to wait in between.
package struct RetryPolicy: Hashable, Sendable {
  /// Tries in all, the first one included; at least 1. Losses do not count.
  package var triesMax: Int
  package var backoff: Backoff

  /// Three tries, 1 s doubling up to an hour: what Celery's users know, with jitter.
  package static let `default` = RetryPolicy(triesMax: 3, backoff: .default)

  package init(triesMax: Int, backoff: Backoff) {
    self.triesMax = max(1, triesMax)
    self.backoff = backoff
  }

  /// The wait before the try that follows failure number `failures` (from 1). The jitter (up to
  /// a quarter less) comes from the job's id, so that a thousand jobs that failed together do not
  /// come back together, and the core needs no randomness.
  package func delay(afterFailures failures: Int, of job: JobID) -> Duration {
    let whole = backoff.delay(afterFailures: failures)
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in job.text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ UInt64(truncatingIfNeeded: failures)) &* 0x100_0000_01B3
    return whole - whole * Double(hash >> 40 & 0xFFFF) / 262_144
  }
}

/// What a job says of its own retries; what it leaves out is its kind's, else the cluster's default.
package struct RetryWish: Hashable, Sendable {
  package var triesMax: Int?
  package var backoff: Backoff?

  package init(triesMax: Int? = nil, backoff: Backoff? = nil) {
    self.triesMax = triesMax.map { max(1, $0) }
    self.backoff = backoff
  }

  package init(_ policy: RetryPolicy) {
    self.init(triesMax: policy.triesMax, backoff: policy.backoff)
  }

  package func policy(over base: RetryPolicy) -> RetryPolicy {
    RetryPolicy(triesMax: triesMax ?? base.triesMax, backoff: backoff ?? base.backoff)
  }
}

/// The wait between tries: `exp:1s:2:1h` (first, factor, cap) or `fixed:5s`.
package struct Backoff: Hashable, Sendable {
  package var first: Duration
  package var factor: Double
  package var cap: Duration

  package static let `default` = Backoff(first: .seconds(1), factor: 2, cap: .seconds(3600))

  package init(first: Duration, factor: Double, cap: Duration) {
    self.first = first
    self.factor = factor
    self.cap = cap
  }

  /// Reads `exp:1s:2:1h` or `fixed:5s`; nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 2, parts[0] == "fixed", let wait = Duration(short: parts[1]) {
      self.init(first: wait, factor: 1, cap: wait)
    } else if parts.count == 4, parts[0] == "exp", let first = Duration(short: parts[1]),
      let factor = Double(String(parts[2])), factor >= 1, factor <= 100,
      let cap = Duration(short: parts[3]), cap >= first
    {
      self.init(first: first, factor: factor, cap: cap)
    } else {
      return nil
    }
  }

  package func delay(afterFailures failures: Int) -> Duration {
    var wait = first
    for _ in 1..<max(1, min(failures, 64)) where wait < cap { wait = wait * factor }
    return min(wait, cap)
  }

  package var text: String {
    factor == 1 && first == cap
      ? "fixed:\(first.shortText)" : "exp:\(first.shortText):\(factor):\(cap.shortText)"
  }
}

extension Duration {
  /// Reads `250ms`, `5s`, `30m`, `1h`, `7d`, and sums such as `1h30m`; nil for anything else.
  package init?(short text: some StringProtocol) {
    var total: Int64 = 0
    var rest = text[...]
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      let unit = rest.dropFirst(digits.count).prefix { $0.isLetter }
      guard let count = Int64(String(digits)), let scale = Self.unitMilliseconds[String(unit)]
      else { return nil }
      let (part, overflow) = count.multipliedReportingOverflow(by: scale)
      let (sum, carried) = total.addingReportingOverflow(part)
      guard !overflow, !carried, sum <= 3_650 * 86_400_000 else { return nil }
      total = sum
      rest = rest.dropFirst(digits.count + unit.count)
    }
    self = .milliseconds(total)
  }

  /// The shortest text that `init(short:)` reads back, to the millisecond.
  package var shortText: String {
    let total = max(0, millisecondsClamped)
    guard total > 0 else { return "0s" }
    for (unit, scale) in [("d", Int64(86_400_000)), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
    where total % scale == 0 {
      return "\(total / scale)\(unit)"
    }
    return "\(total)ms"
  }

  private static let unitMilliseconds: [String: Int64] = [
    "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
  ]
}
