internal import Foundation

/// Latency by percentile as an SVG: each step to the right is ten times rarer, each step up ten times
/// longer.
struct BenchPlot {
  private static let (width, height) = (760.0, 420.0)
  private static let (left, right, top, bottom) = (70.0, 40.0, 50.0, 50.0)
  private static let colors = ["#0b6e99", "#c4501b", "#3a7d34", "#7a4fa3"]

  let title: String
  let lines: [(name: String, latencies: Latencies)]

  var svg: String {
    let decades = verticalDecades
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
      font-family="sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="white"/>
      <text x="\(Self.left)" y="20" font-size="15">\(Self.escaped(title))</text>
      """
    ]
    for step in 0...4 {
      let x = x(nines: Double(step))
      let label = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"][step]
      parts.append(Self.rule(x, Self.top, x, Self.height - Self.bottom))
      parts.append(Self.label(label, x, Self.height - Self.bottom + 18, anchor: "middle"))
    }
    let steps = decades.count > 3 ? [1.0] : [1, 2, 5]
    for value in decades.flatMap({ decade in steps.map { $0 * pow(10, Double(decade)) } })
    where value <= pow(10, Double(decades.upperBound)) {
      let y = y(microseconds: value, in: decades)
      parts.append(Self.rule(Self.left, y, Self.width - Self.right, y))
      parts.append(Self.label(Self.time(value), Self.left - 8, y + 4, anchor: "end"))
    }
    for (index, line) in lines.enumerated() {
      let color = Self.colors[index % Self.colors.count]
      let points = stride(from: 0.0, through: 4, by: 0.05).map { nines -> String in
        let value = line.latencies.microseconds(at: 100 * (1 - pow(10, -nines)))
        let y = y(microseconds: Double(max(1, value)), in: decades)
        return String(format: "%.1f,%.1f", x(nines: nines), y)
      }
      parts.append(
        "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\" points=\""
          + points.joined(separator: " ") + "\"/>")
      parts.append(
        "<text x=\"\(Self.left + 10 + 130 * Double(index))\" y=\"40\" fill=\"\(color)\">"
          + Self.escaped(line.name) + "</text>")
    }
    return parts.joined(separator: "\n") + "\n</svg>\n"
  }

  /// Powers of ten microseconds, from below the least to above the most.
  private var verticalDecades: ClosedRange<Int> {
    let values = lines.flatMap {
      [$0.latencies.microseconds(at: 0), $0.latencies.microseconds(at: 100)]
    }
    let (least, most) = (Double(max(1, values.min() ?? 1)), Double(max(1, values.max() ?? 1)))
    let first = Int(log10(least).rounded(.down))
    return first...max(first + 1, Int(log10(most).rounded(.up)))
  }

  private func x(nines: Double) -> Double {
    Self.left + nines / 4 * (Self.width - Self.left - Self.right)
  }

  private func y(microseconds: Double, in decades: ClosedRange<Int>) -> Double {
    let share =
      (log10(microseconds) - Double(decades.lowerBound))
      / Double(decades.upperBound - decades.lowerBound)
    return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
  }

  private static func time(_ microseconds: Double) -> String {
    switch microseconds {
    case ..<1_000: "\(Int(microseconds)) µs"
    case ..<1_000_000: "\(Int(microseconds / 1_000)) ms"
    default: "\(Int(microseconds / 1_000_000)) s"
    }
  }

  private static func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    String(
      format: "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", x1, y1, x2,
      y2)
  }

  private static func label(_ text: String, _ x: Double, _ y: Double, anchor: String) -> String {
    String(format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"\(anchor)\">", x, y) + text
      + "</text>"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
  }
}
