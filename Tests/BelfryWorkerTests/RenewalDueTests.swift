import BelfryCore
import BelfryIdentity
import Testing

@testable import BelfryWorker

/// When a worker renews its certificate: apart from others, and before anybody is alerted.
@Suite struct RenewalDueTests {
  @Test(arguments: [600, 86_400, 7 * 86_400, 365 * 86_400])
  func withinATenthBeforeTwoThirds(_ seconds: Int64) throws {
    let made: Int64 = 1_700_000_000
    let validity = try Validity(
      notBeforeEpochSeconds: made - Validity.backdating, notAfterEpochSeconds: made + seconds)
    let (last, first) = (
      CertificateKeeper.due(validity, random: 0), CertificateKeeper.due(validity, random: 1)
    )
    #expect(last == made + seconds * 2 / 3)
    #expect(abs(first - (made + seconds * 17 / 30)) <= 1)
    let life = CertificateLife(
      begins: WallTime(milliseconds: (made - Validity.backdating) * 1_000),
      ends: WallTime(milliseconds: (made + seconds) * 1_000))
    #expect(life.warnsFrom.milliseconds > last * 1_000, "nobody is alerted of a renewal to come")
  }
}
