import CoreMetrics
import Testing

@testable import BelfryCLI

/// Prometheus' text, line by line.
@Suite struct MetricsTests {
  @Test func aHistogramCountsUpwards() {
    var family = MetricFamily("belfry_x_seconds", .histogram, "How long x took.")
    family.add([2, 0, 1], below: [0.5, 1], sum: 7.25, [("lane", "a")])
    #expect(
      family.text == """
        # HELP belfry_x_seconds How long x took.
        # TYPE belfry_x_seconds histogram
        belfry_x_seconds_bucket{lane="a",le="0.5"} 2
        belfry_x_seconds_bucket{lane="a",le="1"} 2
        belfry_x_seconds_bucket{lane="a",le="+Inf"} 3
        belfry_x_seconds_sum{lane="a"} 7.25
        belfry_x_seconds_count{lane="a"} 3

        """)
  }

  @Test func timersBecomeHistograms() {
    let registry = MetricsRegistry()
    let timer = Timer(
      label: "belfry_rpc_duration_seconds", dimensions: [("method", "m")], factory: registry)
    #expect(registry.families.isEmpty, "what was never counted is left out")
    timer.recordMilliseconds(3)
    timer.recordSeconds(20)
    // The same labels are the same numbers.
    Timer(label: "belfry_rpc_duration_seconds", dimensions: [("method", "m")], factory: registry)
      .recordNanoseconds(1_000_000)
    let text = registry.families.map(\.text).joined()
    for line in [
      "# TYPE belfry_rpc_duration_seconds histogram",
      "belfry_rpc_duration_seconds_bucket{method=\"m\",le=\"0.001\"} 1",
      "belfry_rpc_duration_seconds_bucket{method=\"m\",le=\"0.005\"} 2",
      "belfry_rpc_duration_seconds_bucket{method=\"m\",le=\"10\"} 2",
      "belfry_rpc_duration_seconds_bucket{method=\"m\",le=\"+Inf\"} 3",
      "belfry_rpc_duration_seconds_sum{method=\"m\"} 20.004",
      "belfry_rpc_duration_seconds_count{method=\"m\"} 3",
    ] {
      #expect(text.contains(line + "\n"), "\(line)\n\(text)")
    }
  }
}
