internal import Histogram

/// Times in microseconds, three digits of each kept.
struct Latencies: Sendable {
  private var histogram = Histogram<UInt64>(
    lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: .three)

  mutating func record(_ time: Duration) {
    histogram.record(UInt64(min(3_600_000_000, max(1, time / .microseconds(1)))))
  }

  func microseconds(at percentile: Double) -> Int {
    Int(clamping: histogram.valueAtPercentile(percentile))
  }

  var count: Int { Int(clamping: histogram.totalCount) }
}

/// What was measured in one phase.
struct BenchPhase: Sendable {
  let name: String
  let jobs: Int
  let perSecond: Double
  var latencies: Latencies?

  static let columns = [
    "phase", "jobs", "perSecond", "p50Us", "p90Us", "p99Us", "p999Us", "p9999Us", "maxUs",
  ]

  var document: Document {
    func at(_ percentile: Double) -> Document.Value {
      latencies.map { .number($0.microseconds(at: percentile)) } ?? .none
    }
    return Document(
      kind: "BenchPhase",
      fields: [
        ("phase", .text(name)), ("jobs", .number(jobs)), ("perSecond", .fraction(perSecond)),
        ("p50Us", at(50)), ("p90Us", at(90)), ("p99Us", at(99)), ("p999Us", at(99.9)),
        ("p9999Us", at(99.99)), ("maxUs", at(100)),
      ])
  }
}
