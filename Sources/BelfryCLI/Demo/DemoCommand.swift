internal import ArgumentParser
internal import Foundation

struct DemoCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Take the tour: a small cluster, 600 jobs, two kills with -9, everything counted.",
    discussion: """
      Real processes with mutual TLS: belfry dev (coordinator, a worker, queue and store in a file) and two \
      belfry worker run. A worker is killed, then the coordinator with all that is in its process. At the \
      end every outcome is counted in the file. Takes about half a minute, needs no network and no server, \
      and leaves nothing behind.

      Example:

        belfry demo

      Exit status: 0 only if all that it claims was verified.
      """)

  @OptionGroup var output: OutputOptions

  func report() async throws -> Report {
    let demo = try Demo()
    do {
      let seen = try await demo.run()
      demo.end(keepingLogs: false)
      return Report(seen.document) { _ in seen.page }
    } catch {
      demo.end(keepingLogs: true)
      throw error
    }
  }
}
