package import BelfryCore

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// This process's clocks, as the core wants them. Monotonic time goes on while the machine sleeps,
/// so that a nap is seen as one.
package enum ProcessClock {
  package static func now() -> Now {
    Now(
      monotonic: Instant(nanoseconds: read(monotonic)),
      wall: WallTime(milliseconds: read(CLOCK_REALTIME) / 1_000_000))
  }

  #if canImport(Glibc)
    private static let monotonic = CLOCK_BOOTTIME
  #else
    private static let monotonic = CLOCK_MONOTONIC
  #endif

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
