import BelfryTestKit
import Foundation
import Testing

/// A few cells of `scripts/crash`, on servers of their own: processes killed and links cut at message k,
/// and processes that break themselves at a named step. Counted from outside: no job lost, none
/// recorded twice.
@Suite(.serialized) struct CrashTests {
  @Test func noCellLosesAJob() async throws {
    let services = try Services()
    do {
      let printed = try await runProgram(services.python, [services.scripts + "/crash", "--short"])
      #expect(printed.hasSuffix(" cells, 0 wrong"), "\(printed)")
      #expect(!printed.hasSuffix("\n0 cells, 0 wrong"), "\(printed)")
    } catch let error as ProgramFailed {
      Issue.record("\(error.output)")
    }
  }
}
