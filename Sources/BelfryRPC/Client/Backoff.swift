/// How long to wait before the next attempt to connect: 1 s, then 1.6 times longer each time up to
/// 120 s unless set otherwise, each varied by 20 % so that clients do not come back in step (gRPC's connection back-off).
struct Backoff: Equatable {
  private let first: Double
  private let longest: Double
  private var next: Double

  init(first: Duration = .seconds(1), longest: Duration = .seconds(120)) {
    self.first = first / .seconds(1)
    self.longest = longest / .seconds(1)
    next = self.first
  }

  /// - Parameter random: 0 to 1.
  mutating func failed(random: Double) -> Duration {
    let base = next
    next = min(next * 1.6, longest)
    return .milliseconds(Int64(base * (0.8 + 0.4 * min(max(random, 0), 1)) * 1_000))
  }

  mutating func succeeded() { next = first }
}
