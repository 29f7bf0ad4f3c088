internal import BelfryCore

/// A line on a command's descriptor 3: a fraction from 0 to 1, and after a blank a text for people.
enum ProgressLine {
  static let bytesMax = 512

  /// Nil for what is none.
  static func parse(_ line: String) -> JobProgress? {
    let parts = line.split(separator: " ", maxSplits: 1)
    guard let first = parts.first, let fraction = Double(String(first)), (0...1).contains(fraction)
    else { return nil }
    return JobProgress(
      permille: Int((fraction * 1_000).rounded()), text: parts.count > 1 ? String(parts[1]) : "")
  }
}
