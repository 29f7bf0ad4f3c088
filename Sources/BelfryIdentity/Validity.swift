#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// When a certificate is good: both ends in seconds since the Unix epoch, both inclusive.
package struct Validity: Sendable, Equatable {
  package let notBeforeEpochSeconds: Int64
  package let notAfterEpochSeconds: Int64

  /// Any span, past and future ones too (for tests). Throws `badValidity` unless it runs forward
  /// and lies between 1970 and 9999, which is what X.509 can write.
  package init(notBeforeEpochSeconds: Int64, notAfterEpochSeconds: Int64) throws(IdentityError) {
    guard notBeforeEpochSeconds < notAfterEpochSeconds, notBeforeEpochSeconds >= 0,
      notAfterEpochSeconds <= 253_402_300_799
    else {
      throw IdentityError(
        .badValidity,
        "a certificate cannot be valid from \(notBeforeEpochSeconds) "
          + "to \(notAfterEpochSeconds) (seconds since 1970)")
    }
    self.notBeforeEpochSeconds = notBeforeEpochSeconds
    self.notAfterEpochSeconds = notAfterEpochSeconds
  }

  /// In seconds: how much earlier than it is made a certificate begins.
  package static let backdating: Int64 = 300

  /// From now on, for `length`. Begins `backdatedBy` earlier, because a machine whose clock is a
  /// little slow must still accept what was just made (docker swarm learned it: moby #25112).
  package static func lasting(
    _ length: Duration, backdatedBy: Duration = .seconds(backdating)
  ) throws(IdentityError) -> Validity {
    let now = nowEpochSeconds()
    let (end, overflow) = now.addingReportingOverflow(length.components.seconds)
    guard length > .zero, !overflow else {
      throw IdentityError(.badValidity, "a certificate cannot be valid for \(length)")
    }
    let (begin, under) = now.subtractingReportingOverflow(backdatedBy.components.seconds)
    return try Validity(
      notBeforeEpochSeconds: under ? -1 : begin, notAfterEpochSeconds: end)
  }

  /// How long it was made for.
  package var length: Duration { .seconds(notAfterEpochSeconds - madeEpochSeconds) }

  /// When it is to be renewed, in seconds since 1970: at two thirds of its life, up to a tenth of it sooner,
  /// so that those who were made together are not renewed together.
  /// - Parameter random: 0 to 1.
  package func renewalDue(random: Double) -> Int64 {
    let life = Double(notAfterEpochSeconds - madeEpochSeconds)
    return madeEpochSeconds + Int64(life * (2.0 / 3 - random * 0.1))
  }

  /// It begins earlier than it was made, for slow clocks.
  private var madeEpochSeconds: Int64 {
    min(notBeforeEpochSeconds + Self.backdating, notAfterEpochSeconds)
  }

  package func contains(epochSeconds: Int64) -> Bool {
    (notBeforeEpochSeconds...notAfterEpochSeconds).contains(epochSeconds)
  }

  /// The wall clock, in whole seconds.
  package static func nowEpochSeconds() -> Int64 { Int64(time(nil)) }
}
