/// How long to wait before the next attempt to connect: 1 s, then 1.6 times longer each time up to
/// 120 s, each varied by 20 % so that clients do not come back in step (gRPC's connection back-off).
struct Backoff: Equatable {
  private static let longest = 120.0
  private var next = 1.0

  /// - Parameter random: 0 to 1.
  mutating func failed(random: Double) -> Duration {
    let base = next
    next = min(next * 1.6, Self.longest)
    return .milliseconds(Int64(base * (0.8 + 0.4 * min(max(random, 0), 1)) * 1_000))
  }

  mutating func succeeded() { next = 1 }
}
