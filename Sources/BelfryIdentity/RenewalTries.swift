/// A renewal, from the first try to the files: a certificate that was given is not asked for again because it cannot
/// be written, and one that nobody gives is asked for more and more seldom. Time and chance are parameters.
package struct RenewalTries: Sendable {
  /// The first pause; each is twice as long as the one before, varied by a fifth.
  private static let first = Duration.seconds(5)

  private let longest: Duration
  private var pause = Self.first
  private var notBefore: ContinuousClock.Instant?
  /// In the place of which certificate, and what is not written yet.
  private var given: (old: String, new: Identity)?

  package init(longest: Duration = .seconds(300)) { self.longest = longest }

  package func isTime(at now: ContinuousClock.Instant) -> Bool {
    notBefore.map { now >= $0 } ?? true
  }

  /// Throws what `ask` and `keep` throw; then `failed` is to be told.
  package mutating func renew(
    _ old: Identity, ask: (Identity) async throws -> Identity, keep: (Identity) throws -> Void
  ) async throws {
    let new: Identity
    if let given, given.old == old.certificatePEM {
      new = given.new
    } else {
      new = try await ask(old)
      given = (old.certificatePEM, new)
    }
    try keep(new)
    self = RenewalTries(longest: longest)
  }

  /// - Parameters:
  ///   - isHopeless: nobody who was asked has the CA. That does not change within seconds.
  ///   - random: 0 to 1.
  package mutating func failed(
    at now: ContinuousClock.Instant, isHopeless: Bool = false, random: Double
  ) {
    if isHopeless { pause = longest }
    notBefore = now + min(pause, longest) * (0.8 + 0.4 * random)
    pause = min(pause * 2, longest)
  }
}
