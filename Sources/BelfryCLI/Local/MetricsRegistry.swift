internal import CoreMetrics
internal import Synchronization

/// What the layers below keep through swift-metrics, for `/metrics`: counters, gauges, and histograms of
/// durations.
final class MetricsRegistry: MetricsFactory, Sendable {
  private struct Key: Hashable {
    let label: String
    let labels: [String]
  }

  private struct Cells {
    var counters: [Key: CounterCell] = [:]
    var gauges: [Key: GaugeCell] = [:]
    var histograms: [Key: HistogramCell] = [:]
  }

  private let cells = Mutex(Cells())

  private static let help = [
    "belfry_rpc_client_requests_total":
      "Calls made to others that have ended, by method and status.",
    "belfry_rpc_duration_seconds": "How long calls with one answer took, by method.",
    "belfry_rpc_refused_total": "Connections and calls that were refused or cut off, by reason.",
    "belfry_rpc_requests_total": "Calls that have ended, by method and status.",
  ]

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    cells.withLock { cells in
      let cell = cells.counters[Self.key(label, dimensions)] ?? CounterCell(dimensions)
      cells.counters[Self.key(label, dimensions)] = cell
      return cell
    }
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    cells.withLock { cells in
      let cell = cells.gauges[Self.key(label, dimensions)] ?? GaugeCell(dimensions)
      cells.gauges[Self.key(label, dimensions)] = cell
      return cell
    }
  }

  func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler { NOOPMetricsHandler.instance }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    cells.withLock { cells in
      let cell = cells.histograms[Self.key(label, dimensions)] ?? HistogramCell(dimensions)
      cells.histograms[Self.key(label, dimensions)] = cell
      return cell
    }
  }

  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyMeter(_ handler: any MeterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}

  var families: [MetricFamily] {
    let (counters, gauges, histograms) = cells.withLock { ($0.counters, $0.gauges, $0.histograms) }
    return Self.families(
      .counter, counters.map { ($0.key.label, $0.value.labels, Double($0.value.value)) })
      + Self.families(.gauge, gauges.map { ($0.key.label, $0.value.labels, $0.value.value) })
      + Self.families(histograms.map { ($0.key.label, $0.value) })
  }

  /// What has counted nothing yet is left out: a method that nobody calls is no fifteen lines.
  private static func families(_ cells: [(String, HistogramCell)]) -> [MetricFamily] {
    Dictionary(grouping: cells, by: \.0).sorted { $0.key < $1.key }.compactMap { name, cells in
      var family = MetricFamily(name, .histogram, help[name] ?? "Kept by a layer of Belfry.")
      let ordered = cells.map(\.1).sorted {
        $0.labels.map(\.value).lexicographicallyPrecedes($1.labels.map(\.value))
      }
      for cell in ordered {
        let counts = cell.counts
        guard counts.contains(where: { $0 > 0 }) else { continue }
        family.add(counts, below: HistogramCell.bounds, sum: cell.sum, cell.labels)
      }
      return family.samples.isEmpty ? nil : family
    }
  }

  /// In order of name and labels: two looks at the same numbers are the same text.
  private static func families(
    _ kind: MetricFamily.Kind, _ cells: [(String, [(name: String, value: String)], Double)]
  ) -> [MetricFamily] {
    Dictionary(grouping: cells, by: \.0).sorted { $0.key < $1.key }.map { name, cells in
      let samples = cells.map { MetricFamily.Sample(labels: $0.1, value: $0.2) }
      return MetricFamily(
        name, kind, help[name] ?? "Kept by a layer of Belfry.",
        samples.sorted { $0.labels.map(\.value).lexicographicallyPrecedes($1.labels.map(\.value)) })
    }
  }

  private static func key(_ label: String, _ dimensions: [(String, String)]) -> Key {
    Key(label: label, labels: dimensions.flatMap { [$0.0, $0.1] })
  }
}

private final class CounterCell: CounterHandler {
  let labels: [(name: String, value: String)]
  private let count = Atomic<Int64>(0)

  init(_ labels: [(String, String)]) { self.labels = labels }

  var value: Int64 { count.load(ordering: .relaxed) }
  func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
  func reset() { count.store(0, ordering: .relaxed) }
}

private final class GaugeCell: MeterHandler {
  let labels: [(name: String, value: String)]
  private let level = Mutex(0.0)

  init(_ labels: [(String, String)]) { self.labels = labels }

  var value: Double { level.withLock { $0 } }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { level.withLock { $0 = value } }
  func increment(by amount: Double) { level.withLock { $0 += amount } }
  func decrement(by amount: Double) { level.withLock { $0 -= amount } }
}

/// Durations by size. Bounds for calls: from what stays in a process to what waits for a disk.
private final class HistogramCell: TimerHandler {
  /// In seconds.
  static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
  private static let nanoseconds = bounds.map { Int64($0 * 1e9) }

  let labels: [(name: String, value: String)]
  private let cells = (0...bounds.count).map { _ in CounterCell([]) }
  private let total = Atomic<Int64>(0)

  init(_ labels: [(String, String)]) { self.labels = labels }

  var counts: [UInt64] { cells.map { UInt64($0.value) } }
  /// In seconds.
  var sum: Double { Double(total.load(ordering: .relaxed)) / 1e9 }

  func recordNanoseconds(_ duration: Int64) {
    let place = Self.nanoseconds.firstIndex { duration <= $0 } ?? Self.bounds.count
    cells[place].increment(by: 1)
    total.wrappingAdd(duration, ordering: .relaxed)
  }
}
