internal import ArgumentParser

/// `belfry`: one executable for coordinators, workers and people.
struct BelfryCommand: AsyncParsableCommand {
  static let version = "0.1.0"
  /// Who we say we are to others.
  static let release = "belfry@" + version

  static let configuration = CommandConfiguration(
    commandName: "belfry",
    abstract: "A job cluster: jobs on RabbitMQ, run by workers, each recorded once in MongoDB.",
    discussion: """
      The first minute, with nothing but this program:

        belfry dev
        belfry submit --kind echo --payload hello --wait          (in another terminal)

      On servers of your own:

        belfry cert init --cluster demo --dir certs
        belfry cert issue coordinator c1 --dir certs --host localhost
        belfry cert issue worker w1 --dir certs
        belfry cert issue operator me --dir certs
        belfry coordinator run --queue amqp://localhost --store 'mongodb://localhost/?replicaSet=rs0' \\
            --identity certs/c1
        belfry worker run --server https://localhost:7443 --identity certs/w1 --run 'shout=tr a-z A-Z'
        belfry submit --server https://localhost:7443 --identity certs/me --kind shout --payload hello --wait

      Options can be given in the environment too: BELFRY_SERVER, BELFRY_IDENTITY, BELFRY_QUEUE_URL, \
      BELFRY_STORE_URL and so on; an option on the command line goes first.
      """,
    version: version,
    subcommands: [
      DevCommand.self, DemoCommand.self, CoordinatorCommand.self, WorkerCommand.self,
      SubmitCommand.self, JobCommand.self,
      LaneCommand.self, ScheduleCommand.self, AlertCommand.self, AuditCommand.self,
      DrillCommand.self, BenchCommand.self,
      TokenCommand.self, NodeCommand.self, AuditLogCommand.self,
      HealthCommand.self, TopCommand.self, StatsCommand.self, CheckCommand.self,
      DoctorCommand.self, SupportCommand.self, StoreCommand.self, CertCommand.self,
      ContextCommand.self,
      ConfigCommand.self, ExplainCommand.self, CheatCommand.self, CompletionCommand.self,
      VersionCommand.self,
    ])
}

struct VersionCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Print the version.")

  @OptionGroup var output: OutputOptions

  func report() -> Report {
    Report(Document(kind: "Version", fields: [("version", .text(BelfryCommand.version))]))
  }
}
