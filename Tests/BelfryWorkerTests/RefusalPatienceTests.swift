import BelfryCore
import BelfryRPC
import BelfryWorker
import Testing

/// A coordinator that refuses us may know an older certificate only: it has ten seconds to learn.
@Suite struct RefusalPatienceTests {
  private func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: Int64(seconds * 1_000_000_000))
  }

  private func isFinal(
    _ patience: inout RefusalPatience, _ code: RPCStatus.Code, wasOpen: Bool = false,
    _ seconds: Double
  ) -> Bool {
    patience.sessionEnded(code, wasOpen: wasOpen, hasOthers: false, at: at(seconds)) == .giveUp
  }

  @Test func tenSecondsOfNothingElseAreFinal() {
    var patience = RefusalPatience()
    for seconds in stride(from: 0.0, to: 10, by: 0.5) {
      #expect(!isFinal(&patience, .permissionDenied, seconds))
    }
    #expect(isFinal(&patience, .permissionDenied, 10))
  }

  @Test func anyOtherAnswerBeginsAnew() {
    var patience = RefusalPatience()
    #expect(!isFinal(&patience, .permissionDenied, 0))
    #expect(!isFinal(&patience, .unavailable, 5))
    #expect(!isFinal(&patience, .permissionDenied, 11))
    // A session that was open for an hour, and then refused.
    #expect(!isFinal(&patience, .permissionDenied, wasOpen: true, 3_600))
    #expect(!isFinal(&patience, .permissionDenied, 3_609))
    #expect(isFinal(&patience, .permissionDenied, 3_610))
  }

  @Test func whereOthersLetItInOneThatRefusesEndsNothing() {
    var patience = RefusalPatience()
    func answer(_ seconds: Double, hasOthers: Bool = true) -> RefusalPatience.Answer {
      patience.sessionEnded(
        .permissionDenied, wasOpen: false, hasOthers: hasOthers, at: at(seconds))
    }
    #expect(answer(0) == .askAgain)
    #expect(answer(10) == .askLater(.seconds(60)))
    // It has ten seconds again; and by then there may be no other.
    #expect(answer(70, hasOthers: false) == .askAgain)
    #expect(answer(80, hasOthers: false) == .giveUp)
  }
}
