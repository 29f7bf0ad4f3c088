import Foundation
import Testing

/// The files in deploy/ against the program: what they say to it must exist.
@Suite struct DeploymentTests {
  private func check(_ more: String...) async throws -> Ended {
    let services = try Services()
    return try await Run.program(
      services.python,
      [
        services.scripts + "/lib/deploy_check.py", "--commands", "--binary",
        services.bin + "/belfry",
      ] + more, environment: ["PYTHONDONTWRITEBYTECODE": "1"])
  }

  @Test("every command, option and variable in units, Compose, Kubernetes and docs is known")
  func commands() async throws {
    let ended = try await check()
    #expect(ended.status == 0, "\(ended.err)")
  }

  @Test("a mistake in any of them is found")
  func control() async throws {
    let ended = try await check("--control")
    #expect(ended.status == 0, "\(ended.err)")
  }
}
