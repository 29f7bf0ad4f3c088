import BelfryTestKit
import Foundation
import Testing

/// Every attack of `scripts/attack` against a real coordinator, short: it goes on serving, and cuts off
/// whom it should.
@Suite(.serialized) struct AttackTests {
  @Test func allAreWithstood() async throws {
    let services = try Services()
    do {
      _ = try await runProgram(services.python, [services.scripts + "/attack", "--short"])
    } catch let error as ProgramFailed {
      Issue.record("\(error.output)")
    }
  }

  @Test func aServerWithoutTheLimitsIsReported() async throws {
    let services = try Services()
    let control = [
      "--short", "--control", "--only", "hpack-bomb", "--only", "made-you-reset-paced",
    ]
    do {
      _ = try await runProgram(services.python, [services.scripts + "/attack"] + control)
    } catch let error as ProgramFailed {
      Issue.record("\(error.output)")
    }
  }
}
