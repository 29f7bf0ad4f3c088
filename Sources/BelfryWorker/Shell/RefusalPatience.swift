internal import BelfryAPI
package import BelfryCore
package import BelfryRPC

/// Whether a coordinator means it when it refuses us: what it knows of us may be older than our newest
/// certificate by a poll, so only what it says for ten seconds, and says nothing else, is believed. And
/// where others let us in, one that cannot read the store now must not end what runs. Pure; time is a
/// parameter.
package struct RefusalPatience {
  package static let max = Duration.seconds(10)
  package static let laterPause = Duration.seconds(60)

  package enum Answer: Sendable, Equatable {
    case askAgain
    case askLater(Duration)
    /// There is no use in asking again.
    case giveUp
  }

  private var since: Instant?

  package init() {}

  /// A session has ended.
  /// - Parameters:
  ///   - wasOpen: the coordinator had answered in it.
  ///   - hasOthers: there are sessions with other coordinators.
  package mutating func sessionEnded(
    _ code: RPCStatus.Code, wasOpen: Bool, hasOthers: Bool, at now: Instant
  ) -> Answer {
    if wasOpen || code != .permissionDenied { since = nil }
    guard code == .permissionDenied else { return .askAgain }
    let begun = since ?? now
    since = begun
    guard now - begun >= Self.max else { return .askAgain }
    since = nil
    return hasOthers ? .askLater(Self.laterPause) : .giveUp
  }
}
