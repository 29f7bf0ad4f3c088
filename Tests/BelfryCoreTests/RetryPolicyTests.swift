import BelfryCore
import Testing

/// Waits between tries, and the texts they are written as.
@Suite struct RetryPolicyTests {
  @Test(
    "durations are read",
    arguments: [
      ("250ms", 250), ("5s", 5_000), ("30m", 1_800_000), ("1h30m", 5_400_000),
      ("7d", 604_800_000), ("0s", 0), ("1s500ms", 1_500),
    ] as [(String, Int64)])
  func durations(text: String, milliseconds: Int64) {
    #expect(Duration(short: text) == .milliseconds(milliseconds))
  }

  @Test(
    "what is no duration is refused",
    arguments: [
      "", "5", "s", "-5s", "5 s", "5x", "5S", "1h30", "٣s", "99999999999999999999s", "9999999d",
    ])
  func noDurations(text: String) {
    #expect(Duration(short: text) == nil)
  }

  @Test(
    "the shortest text is read back", arguments: [0, 1, 999, 1_000, 90_000, 5_400_000, 86_400_000])
  func shortText(milliseconds: Int64) {
    let duration = Duration.milliseconds(milliseconds)
    #expect(Duration(short: duration.shortText) == duration)
  }

  @Test("back-off grows by its factor up to its cap")
  func growth() throws {
    let backoff = try #require(Backoff("exp:1s:2:10s"))
    let waits = (1...6).map { backoff.delay(afterFailures: $0) }
    #expect(
      waits == [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(10), .seconds(10)])
    #expect(backoff.delay(afterFailures: .max) == .seconds(10))
    #expect(try #require(Backoff("fixed:5s")).delay(afterFailures: 40) == .seconds(5))
    #expect(Backoff(backoff.text) == backoff)
  }

  @Test(
    "what is no back-off is refused",
    arguments: [
      "", "5s", "fixed", "fixed:", "exp:1s:2", "exp:1s:0.5:1h", "exp:1s:nan:1h", "exp:1s:inf:1h",
      "exp:2h:2:1h", "exp:1s:2:1h:1",
    ])
  func noBackoffs(text: String) {
    #expect(Backoff(text) == nil)
  }

  @Test("the jitter shortens by at most a quarter, differs by job, and is the same each time")
  func jitter() {
    let policy = RetryPolicy(
      triesMax: 3, backoff: Backoff(first: .seconds(8), factor: 1, cap: .seconds(8)))
    let waits = (0..<200).map { policy.delay(afterFailures: 1, of: JobID(trusted: "job-\($0)")) }
    #expect(waits.allSatisfy { $0 > .seconds(6) - .milliseconds(1) && $0 <= .seconds(8) })
    #expect(Set(waits).count > 150)
    #expect(waits[7] == policy.delay(afterFailures: 1, of: JobID(trusted: "job-7")))
    #expect(waits[7] != policy.delay(afterFailures: 2, of: JobID(trusted: "job-7")))
  }

  @Test("at least one try")
  func least() {
    #expect(RetryPolicy(triesMax: 0, backoff: .default).triesMax == 1)
  }
}
