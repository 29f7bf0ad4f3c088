internal import ArgumentParser

struct CheatCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "cheat", abstract: "Show worked examples, offline.",
    discussion: """
      Examples:

        belfry cheat
        belfry cheat submit
      """)

  @Argument(
    help: "A topic. [default: all]",
    completion: .custom { _, _, _ in CheatSheet.all.map(\.topic) })
  var topic: String?
  @OptionGroup var output: OutputOptions

  func report() throws -> Report {
    let sheets = try chosen()
    let document = Document(
      kind: "CheatSheet",
      fields: sheets.map { sheet in
        (
          sheet.topic,
          .list(
            sheet.lines.map { .object([("what", .text($0.what)), ("command", .text($0.command))]) })
        )
      })
    return Report(document, names: sheets.map(\.topic)) { screen in
      sheets.map { $0.text(screen) }.joined(separator: "\n\n")
    }
  }

  private func chosen() throws -> [CheatSheet] {
    guard let topic else { return CheatSheet.all }
    let found = CheatSheet.all.filter { $0.topic == topic }
    guard found.isEmpty else { return found }
    let topics = CheatSheet.all.map(\.topic)
    let near = Suggestion.nearest(to: topic, among: topics)
    throw UserError(
      .nothingToExplain, "there is no topic \"\(topic)\"",
      why: near.map { "did you mean \($0)?" } ?? "there are: \(topics.joined(separator: ", "))",
      next: ["belfry cheat"])
  }
}

/// Commands that people type, by what they want to do.
struct CheatSheet {
  let topic: String
  let lines: [(what: String, command: String)]

  func text(_ screen: Screen) -> String {
    let blocks = lines.map { "  # \($0.what)\n  \($0.command)" }
    return ([Style.strong(topic, screen)] + blocks).joined(separator: "\n")
  }

  static let all = [
    CheatSheet(
      topic: "submit",
      lines: [
        ("one job, and its outcome", "belfry submit --kind shout --payload hello --wait"),
        (
          "from a file, with an id of your own",
          "belfry submit --kind resize --payload-file a.jpg --id a-1"
        ),
        ("at most once for one order", "belfry submit --kind bill --idempotency-key order-4711"),
        ("later", "belfry submit --kind remind --delay 1h"),
        (
          "a thousand, and prove that none is lost",
          "belfry submit --kind ping --count 1000 > ids && belfry audit --ids ids"
        ),
      ]),
    CheatSheet(
      topic: "look",
      lines: [
        ("the cluster, live", "belfry health --watch"),
        ("what fires, and who looks after it", "belfry alert list"),
        ("what runs now", "belfry job list --state running"),
        ("one job, with its history", "belfry job show a-1 -o yaml"),
        ("what died in the last hour", "belfry job list --state dead --within 1h"),
        ("ids only, for a loop", "belfry job list --state dead -o name"),
        ("one field, by jq", "belfry job show a-1 -o json | jq -r .state"),
      ]),
    CheatSheet(
      topic: "mend",
      lines: [
        (
          "try dead jobs of a kind anew",
          "belfry job retry --all --kind resize --within 1h --dry-run"
        ),
        ("stop a job wherever it is", "belfry job cancel a-1"),
        (
          "hold a lane while the database moves",
          "belfry lane pause default --reason 'database moves'"
        ),
        ("let it go on", "belfry lane resume default"),
        ("take a worker out of service, and wait", "belfry node drain gpu-7 --reason 'new disk'"),
        ("give it jobs again", "belfry node uncordon gpu-7"),
        ("make jobs of another queue's messages", "belfry lane attach orders=invoice"),
        ("cancel all that waits in a lane", "belfry lane purge reports --dry-run"),
        ("say that you look after an alert", "belfry alert ack node-lost/gpu-7"),
        (
          "no alerts of a machine for a while",
          "belfry alert silence '*/gpu-7' --for 2h --reason 'new disk'"
        ),
        ("what a code means", "belfry explain BF0401"),
        ("look at each hop from here", "belfry doctor"),
      ]),
    CheatSheet(
      topic: "join",
      lines: [
        ("let one machine in, within 30 minutes", "belfry token create --name gpu-7"),
        (
          "on that machine, the token pasted",
          "belfry worker join https://coord.example:7443 --token-file -"
        ),
        ("who belongs to the cluster", "belfry node list"),
        ("throw one out for good", "belfry node revoke gpu-7 --reason stolen"),
        ("who did that", "belfry audit-log"),
      ]),
    CheatSheet(
      topic: "schedule",
      lines: [
        (
          "every night",
          "belfry schedule add nightly --cron '30 2 * * *' --time-zone Europe/Berlin --kind backup"
        ),
        ("when would it fire", "belfry schedule next '*/5 8-18 * * mon-fri'"),
        ("not now", "belfry schedule pause nightly"),
      ]),
    CheatSheet(
      topic: "run",
      lines: [
        ("a CA and the first identities", "belfry cert init --cluster demo --dir certs"),
        (
          "a coordinator",
          "belfry coordinator run --queue amqp://localhost --store 'mongodb://localhost/?replicaSet=rs0' --identity certs/c1"
        ),
        (
          "a worker for any command",
          "belfry worker run --server https://localhost:7443 --identity certs/w1 --run 'shout=tr a-z A-Z'"
        ),
        ("with metrics and probes", "belfry worker run … --http 127.0.0.1:7480"),
        ("another log level, without a restart", "edit log.level in the file, then: kill -HUP PID"),
      ]),
    CheatSheet(
      topic: "configure",
      lines: [
        ("what is set, and where", "belfry config print --origin"),
        ("mistakes in a file", "belfry config validate /etc/belfry/belfry.yaml"),
        ("one setting", "belfry config explain worker.slots"),
        (
          "name a cluster",
          "belfry context add prod --server https://coord:7443 --identity certs/me --use"
        ),
      ]),
  ]
}
