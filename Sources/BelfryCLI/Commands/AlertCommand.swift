internal import ArgumentParser
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
internal import NIOPosix

struct AlertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alert",
    abstract: "Look at alerts, say that you look after one, silence them, try where they go.",
    subcommands: [
      List.self, Acknowledge.self, Silence.self, Silences.self, Unsilence.self, Deliveries.self,
      Test.self,
    ])

  struct Test: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send a test alert through each sink of a file, and say what each answered.",
      discussion: """
        The file has one sink a line: NAME KIND ADDRESS. It holds secrets: keep its mode 0600.

          # name   kind           address
          am       alertmanager   http://127.0.0.1:9093
          issues   sentry         https://PUBLIC-KEY@sentry.example/42
          search   elasticsearch  https://user:password@es.example:9200/logs-belfry-default
          shipper  logstash       tcp://logstash.example:5044
          pager    webhook        https://pager.example/in secret-file=/etc/belfry/pager-secret
          chat     slack          https://chat.example/hooks/xyz
          script   command        /usr/local/bin/on-alert --quiet

        ca-file=PATH names the roots to trust for https and tls. A coordinator takes the file with \
        --alert-sinks; alerts wait on disk for a sink that is away, and are tried again for as long \
        as it takes. Nothing is written here, and no coordinator is asked. The alert fires, and is \
        over at once; for Alertmanager after 5 minutes, since it tells nobody of shorter ones.

        Example: belfry alert test --alert-sinks /etc/belfry/sinks
        Exit status: 1 when a sink did not take it.
        """)

    @Option(help: "The file (BELFRY_ALERT_SINKS).")
    var alertSinks: String?
    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let path = try await files.settings([.alertSinks: alertSinks.map { [$0] } ?? []])
        .required(.alertSinks)
      let now = ProcessClock.now().wall
      let alert = Alert(
        rule: "test", subject: "test", severity: .info, summary: "a test of this sink",
        why: "belfry alert test", firedAt: now)
      let sinks = try AlertSinkFile.read(path)
      let results = await AlertSinks.test(
        sinks, alert, cluster: "test", node: "belfry-alert-test",
        release: BelfryCommand.release, group: MultiThreadedEventLoopGroup.singleton)
      return Report(
        results.map { sink, failure in
          Document(
            kind: "SinkTest",
            fields: [
              ("sink", .text(sink.name)), ("type", .text(sink.kind.rawValue)),
              ("delivered", .flag(failure == nil)), ("why", failure.map { .text($0) } ?? .none),
            ])
        }, kind: "SinkTestList", columns: ["sink", "type", "delivered", "why"],
        exit: results.contains { $0.failure != nil } ? 1 : 0)
    }
  }
}
