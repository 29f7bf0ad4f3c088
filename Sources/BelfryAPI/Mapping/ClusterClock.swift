package import BelfryCore
internal import Synchronization

/// The cluster's time, as one process knows it: the store's clock, carried on by this machine's
/// monotonic one. What is due, too late or old is judged by one clock for all, and a wall clock that
/// is wrong, or is put right, changes nothing.
///
/// Until the store has said its time, and where it has no clock of its own, it is this machine's.
package final class ClusterClock: Sendable {
  /// What the two may differ by, beyond the time that asking took, and still be the same.
  package static let tolerance = Duration.milliseconds(50)
  /// Asked so often. Two clocks that drift apart by 100 parts in a million differ by 1 ms then.
  package static let askEvery = Duration.seconds(10)

  private let local: @Sendable () -> Now
  /// A moment of which the store said its time.
  private let anchor = Mutex<Now?>(nil)

  package init(local: @escaping @Sendable () -> Now = { ProcessClock.now() }) {
    self.local = local
  }

  package func now() -> Now {
    let here = local()
    guard let anchor = anchor.withLock({ $0 }) else { return here }
    return Now(
      monotonic: here.monotonic, wall: anchor.wall + (here.monotonic - anchor.monotonic))
  }

  /// Asks the store. Returns how far this machine's clock is ahead of it; nil when it does not say.
  @discardableResult
  package func follow(_ ask: () async -> WallTime?) async -> Duration? {
    let asked = local()
    guard let wall = await ask() else { return nil }
    let here = local()
    let took = here.monotonic - asked.monotonic
    // It was that time at some moment in between.
    let estimate = wall + took / 2
    anchor.withLock { anchor in
      let known = anchor.map { $0.wall + (here.monotonic - $0.monotonic) }
      let error = took / 2 + Self.tolerance
      if let known, known - estimate <= error, estimate - known <= error { return }
      anchor = Now(monotonic: here.monotonic, wall: estimate)
    }
    return here.wall - estimate
  }
}
