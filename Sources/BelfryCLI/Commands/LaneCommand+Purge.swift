internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore

extension LaneCommand {
  struct Purge: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Cancel all jobs that wait in a lane.",
      discussion: """
        Each gets the outcome cancelled, and its event, as by belfry job cancel. What runs goes on; what is \
        delayed stays (belfry job list --state delayed); so do jobs that are submitted meanwhile. A paused \
        lane stays paused. This cannot be undone. What comes due before the end of --wait is cancelled too.

        Examples:

          belfry lane purge reports --dry-run       says how many wait
          belfry lane purge reports --yes --wait 5m

        Exit status: 0 the lane is empty, 2 jobs wait in it, newer ones perhaps.
        """)

    @Argument(
      help: "The lane.",
      completion: .custom { words, _, _ in await Completion.lanes(words) })
    var name: String
    @Option(help: "How long to wait until they are gone, 10s to 10m.")
    var wait = DurationOption(.seconds(30))
    @Flag(help: "Only say how many jobs wait.") var dryRun = false
    @Flag(help: "Do not ask.") var yes = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
      guard (.seconds(10)...LanePurge.lastsMax).contains(wait.duration) else {
        throw ValidationError("--wait is 10s to 10m: so long it takes to see that a lane is empty")
      }
    }

    func report() async throws -> Report {
      if !dryRun { try Confirmation.ask("cancel all jobs that wait in lane \(name)?", isYes: yes) }
      let (reply, coordinators) = try await client.connected { client, limit in
        (
          try await purge(client, limit),
          try await client.health(within: limit).nodes.count {
            $0.role == "coordinator" && $0.state == "up"
          }
        )
      }
      if dryRun {
        note("\(reply.found) jobs would be cancelled")
      } else {
        note("\(reply.cancelled) jobs are cancelled, \(reply.left) wait")
        if coordinators > 1, reply.left == 0 {
          note(
            "the other coordinators have cancelled what they had: belfry job list --state cancelled"
          )
        }
      }
      return Report(
        Document(
          kind: "Purge",
          fields: [
            ("name", .text(name)), ("found", .number(Int(clamping: reply.found))),
            ("cancelled", .number(Int(clamping: reply.cancelled))),
            ("left", .number(Int(clamping: reply.left))),
          ]), exit: dryRun || reply.left == 0 ? 0 : 2)
    }

    private func purge(
      _ client: BelfryClient, _ limit: Duration
    ) async throws -> Belfry_V1_PurgeLaneReply {
      do {
        return try await client.purgeLane(
          name, isDryRun: dryRun, wait: wait.duration, within: limit + wait.duration)
      } catch let error as BelfryError where error.code == .notFound {
        throw UserError(
          .noSuchLane, "no lane \"\(name)\"", why: error.message, next: ["belfry lane list"])
      }
    }
  }
}
