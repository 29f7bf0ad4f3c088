internal import BelfryAPI
package import BelfryCore
package import BelfryRPC

/// Whether a coordinator means it when it refuses us: what it knows of us may be older than our newest
/// certificate by a poll, so only what it says for ten seconds, and says nothing else, is believed. Pure;
/// time is a parameter.
package struct RefusalPatience {
  package static let max = Duration.seconds(10)

  private var since: Instant?

  package init() {}

  /// A session has ended.
  /// - Parameter wasOpen: the coordinator had answered in it.
  /// - Returns: whether there is no use in asking again.
  package mutating func sessionEnded(
    _ code: RPCStatus.Code, wasOpen: Bool, at now: Instant
  ) -> Bool {
    if wasOpen || code != .permissionDenied { since = nil }
    guard code == .permissionDenied else { return false }
    let begun = since ?? now
    since = begun
    return now - begun >= Self.max
  }
}
