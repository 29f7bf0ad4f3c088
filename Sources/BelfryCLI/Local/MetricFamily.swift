/// Samples of one name, as Prometheus reads them (text format 0.0.4).
struct MetricFamily: Sendable, Equatable {
  enum Kind: String, Sendable { case counter, gauge, histogram }

  struct Sample: Sendable, Equatable {
    var labels: [(name: String, value: String)]
    var value: Double
    /// Of a histogram's samples: `_bucket`, `_sum`, `_count`.
    var suffix = ""

    static func == (a: Self, b: Self) -> Bool {
      a.value == b.value && a.suffix == b.suffix && a.labels.elementsEqual(b.labels) { $0 == $1 }
    }
  }

  let name: String
  let kind: Kind
  let help: String
  var samples: [Sample] = []

  init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample] = []) {
    self.name = name
    self.kind = kind
    self.help = help
    self.samples = samples
  }

  init(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
    self.init(name, kind, help, [Sample(labels: [], value: value)])
  }

  mutating func add(_ value: Double, _ labels: (name: String, value: String)...) {
    samples.append(Sample(labels: labels, value: value))
  }

  mutating func add(_ value: Int, _ labels: (name: String, value: String)...) {
    samples.append(Sample(labels: labels, value: Double(value)))
  }

  /// - Parameters:
  ///   - counts: of each bound, and of what is above the last.
  ///   - sum: in seconds, like the bounds.
  mutating func add(
    _ counts: [UInt64], below bounds: [Double], sum: Double,
    _ labels: [(name: String, value: String)] = []
  ) {
    var total: UInt64 = 0
    for (bound, count) in zip(bounds.map { Self.number($0) } + ["+Inf"], counts) {
      total += count
      samples.append(
        Sample(labels: labels + [("le", bound)], value: Double(total), suffix: "_bucket"))
    }
    samples.append(Sample(labels: labels, value: sum, suffix: "_sum"))
    samples.append(Sample(labels: labels, value: Double(total), suffix: "_count"))
  }

  var text: String {
    var text =
      "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    for sample in samples {
      text += name + sample.suffix
      if !sample.labels.isEmpty {
        let pairs = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
        text += "{" + pairs.joined(separator: ",") + "}"
      }
      text += " \(Self.number(sample.value))\n"
    }
    return text
  }

  /// Whole numbers without a point.
  private static func number(_ value: Double) -> String {
    Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    return quotes ? escaped.replacing("\"", with: "\\\"") : escaped
  }
}
