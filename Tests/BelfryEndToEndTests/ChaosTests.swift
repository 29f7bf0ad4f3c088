import BelfryTestKit
import Foundation
import Testing

/// Every fault of `scripts/chaos`, once or for some seconds, on servers and in network namespaces of its
/// own. What is tested is that whoever is gone is noticed, and nobody else; of times, that silence is no
/// loss before 3 s, and ten times what `make chaos` allows.
@Suite(.serialized) struct ChaosTests {
  @Test(
    .enabled(
      "network namespaces, iptables and a cgroup, as root: `scripts/chaos --check` says what is missing"
    ) { try await ChaosTests.isPossible() })
  func whoIsGoneIsNoticed() async throws {
    let services = try Services()
    let chaos = services.scripts + "/chaos"
    let faults = try await runProgram(services.python, [chaos, "--list"])
      .split(separator: "\n").map { $0.prefix { $0 != " " } }
    #expect(faults.count >= 13)
    do {
      let printed = try await runProgram(services.python, [chaos, "--brief"])
      let good = printed.split(separator: "\n").filter { $0.contains("  ok") }
      for fault in faults {
        #expect(good.contains { $0.hasPrefix(fault + " ") }, "\(fault) was not tried:\n\(printed)")
      }
    } catch let error as ProgramFailed {
      Issue.record("\(error.output)")
    }
  }

  private static func isPossible() async throws -> Bool {
    let services = try Services()
    let checked = try await Run.program(services.python, [services.scripts + "/chaos", "--check"])
    if checked.status != 0 { print(checked.err) }
    // Something is missing here. Whatever else goes wrong is for the test to say.
    return checked.status != 69
  }
}
