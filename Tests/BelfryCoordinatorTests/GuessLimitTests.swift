import BelfryCoordinator
import BelfryCore
import Testing

/// Wrong tokens cost time, right ones do not, and one network does not pay for another.
@Suite struct GuessLimitTests {
  private func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: Int64(seconds * 1_000_000_000))
  }

  private func guess(_ limit: inout GuessLimit, _ network: String, _ seconds: Double, wrong: Bool) {
    #expect(limit.begin(network, at: at(seconds)) == .go)
    limit.settle(network, wasWrong: wrong, at: at(seconds))
  }

  @Test func fiveWrongOnesThenOneEachTwelveSeconds() throws {
    var limit = GuessLimit()
    for _ in 0..<5 { guess(&limit, "a", 0, wrong: true) }
    guard case .wait(let wait) = limit.begin("a", at: at(0)) else {
      Issue.record("five were wrong")
      return
    }
    #expect(wait > .seconds(11) && wait <= .seconds(12))
    guess(&limit, "b", 0, wrong: true)
    #expect(limit.begin("a", at: at(11)) != .go)
    guess(&limit, "a", 12.1, wrong: true)
    #expect(limit.begin("a", at: at(13)) != .go)
    guess(&limit, "a", 73, wrong: false)
  }

  @Test func rightOnesCostNothing() {
    var limit = GuessLimit()
    for _ in 0..<100 { guess(&limit, "a", 0, wrong: false) }
    #expect(limit.count == 0)
  }

  /// Each is paid for before it is looked at: a hundred at once are no more tries than five.
  @Test func manyAtOnceGainNothing() {
    var limit = GuessLimit()
    let begun = (0..<100).filter { _ in limit.begin("a", at: at(0)) == .go }
    #expect(begun.count == 5)
    #expect(limit.begin("a", at: at(0)) == .busy, "what is left is not known yet")
    limit.settle("a", wasWrong: false, at: at(0))
    #expect(limit.begin("a", at: at(0)) == .go)
    for _ in 0..<5 { limit.settle("a", wasWrong: true, at: at(0)) }
    guard case .wait = limit.begin("a", at: at(0)) else {
      Issue.record("all were wrong")
      return
    }
  }

  @Test(arguments: [
    ("10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("this machine", "this machine"),
    ("2001:db8:1:2:3:4:5:6", "20:1:d:b8:0:1:0:2/64"), ("2001:db8:1:2::9", "20:1:d:b8:0:1:0:2/64"),
  ]) func oneMachineHasAWholeNetwork(_ address: String, _ network: String) {
    #expect(GuessLimit.network(of: address) == network)
  }

  @Test func manyAddressesTakeNoMoreMemory() {
    var limit = GuessLimit()
    for number in 0..<(GuessLimit.networksMax * 2) { guess(&limit, "\(number)", 0, wrong: true) }
    #expect(limit.count <= GuessLimit.networksMax)
  }

  /// One character may be megabytes.
  @Test func aCallersTextIsCutByScalars() {
    let long = "a" + String(repeating: "\u{301}", count: 100_000)
    #expect(long.count == 1)
    #expect(long.cut(16).unicodeScalars.count == 17 && long.cut(16).utf8.count < 64)
    #expect("gpu-7".cut(16) == "gpu-7")
  }
}
