import Foundation
import Testing

@testable import BelfryCoordinator

/// The file that says where alerts go.
@Suite struct SinkFileTests {
  private func parse(_ text: String) throws -> [SinkSettings] {
    try SinkSettings.parse(text) { path in
      guard path == "/secret" else { throw CocoaError(.fileReadNoSuchFile) }
      return "hush\n"
    }
  }

  @Test func oneOfEachKind() throws {
    let sinks = try parse(
      """
      # where alerts go
      pager   webhook       https://pager.example/in?a=b secret-file=/secret ca-file=/ca.pem

      issues  sentry        https://pub@sentry.example/42
      search  elasticsearch https://u:p@es.example:9200/logs-belfry-default
      shipper logstash      tcp://logstash.example:5044
      am      alertmanager  http://127.0.0.1:9093
      chat    slack         https://hooks.example/x
      script  command       /usr/local/bin/on-alert --quiet
      """)
    #expect(
      sinks.map(\.kind) == [
        .webhook, .sentry, .elasticsearch, .logstash, .alertmanager, .slack, .command,
      ])
    #expect(sinks.first?.secret == "hush")
    #expect(sinks.first?.caFile == "/ca.pem")
    #expect(sinks.last?.address == ["/usr/local/bin/on-alert", "--quiet"])
  }

  @Test(arguments: [
    ("am alertmanager", 1, "NAME KIND ADDRESS"),
    ("\nam pigeon http://x", 2, "the second word is no kind of sink"),
    ("a/m slack http://x", 1, "the first word is no name"),
    ("a slack http://x\na slack http://y", 2, "there is a sink a already"),
    ("a slack ftp://x", 1, "slack wants http:// or https://"),
    ("a slack x", 1, "the address is none"),
    ("a logstash tcp://x", 1, "wants a port"),
    ("a sentry https://sentry.example/42", 1, "no DSN"),
    ("a elasticsearch https://es.example", 1, "wants a data stream"),
    ("a webhook http://x secret-file=/other", 1, "/other cannot be read"),
    ("a slack http://x secret-file=/secret", 1, "is not known for slack: ca-file="),
    ("a command on-alert", 1, "no absolute path"),
  ])
  func whatIsWrongIsSaidWithItsLine(text: String, line: Int, why: String) {
    let problem = #expect(throws: SinkSettings.Problem.self) { try parse(text) }
    #expect(problem?.line == line)
    #expect(problem?.why.contains(why) == true, "\(problem?.why ?? "")")
  }

  /// Problems go to the journal.
  @Test(arguments: [
    "a slack https://user:pass-word#1@es:9200/x", "a slack https://user:12#pass-word@es:9200/x",
    "a slack https://user:1 pass-word@es:9200/x", "a slack https://x secret=pass-word",
    "a slack ftp://user:pass-word@x", "a https://user:pass-word@x slack",
    "https://user:pass-word@x slack a", "a command https://user:pass-word@x",
    "a elasticsearch https://user:pass-word@x",
  ])
  func noSecretIsRepeated(text: String) {
    let problem = #expect(throws: SinkSettings.Problem.self) { try parse(text) }
    #expect(problem.map { "\($0)".contains("pass-word") } == false)
  }
}
