internal import BelfryAPI
package import BelfryCore

/// Job ids for producers that bring none: UUIDv7 in 32 hex digits.
package enum NewJobID {
  package static let make: @Sendable () -> JobID = {
    var random = SystemRandomNumberGenerator()
    let id = BootID(
      milliseconds: UInt64(clamping: ProcessClock.now().wall.milliseconds),
      random: (random.next(), random.next()))
    return JobID(trusted: id.description)
  }
}
