import BelfryCore
import Foundation
import Testing

@testable import BelfryCoordinator

/// What each kind of receiver is sent, and how its answers are understood.
@Suite struct SinkFormatTests {
  static let fired = WallTime(milliseconds: 1_795_000_000_000)

  static func alert(_ subject: String = "w1", resolved: Bool = false) -> SinkAlert {
    SinkAlert(
      Alert(
        rule: "node-lost", subject: subject, state: resolved ? .resolved : .firing,
        severity: .critical, summary: "worker \(subject) is lost",
        why: "connection reset 0.2 s ago, \"it\" said\nno more", firedAt: fired,
        resolvedAt: resolved ? fired + .seconds(90) : nil, jobsMoved: 3),
      cluster: "demo", node: "c1",
      id: UUID(uuidString: "01234567-89AB-CDEF-0123-456789ABCDEF") ?? UUID())
  }

  private func parsed(_ text: some StringProtocol) throws -> NSDictionary {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary)
  }

  private func text(_ request: SinkRequest) -> String {
    String(decoding: request.body, as: UTF8.self)
  }

  @Test func alertmanagerIsToldStartAndEndAndAnnotationsEachTime() throws {
    let format = AlertmanagerFormat(basePath: "/am")
    let request = format.request(for: [Self.alert(), Self.alert(resolved: true)])
    #expect(request.path == "/am/api/v2/alerts")
    let body = try JSONSerialization.jsonObject(with: Data(request.body))
    let all = try #require(body as? [NSDictionary])
    let labels = [
      "alertname": "BelfryNodeLost", "cluster": "demo", "rule": "node-lost",
      "severity": "critical", "subject": "w1",
    ]
    #expect(all.map { $0["labels"] as? [String: String] } == [labels, labels])
    #expect(
      all.map { $0["startsAt"] as? String }
        == Array(repeating: "2026-11-18T11:06:40.000Z", count: 2))
    #expect(
      all.map { $0["endsAt"] as? String }
        == ["2026-11-25T11:06:40.000Z", "2026-11-18T11:08:10.000Z"])
    for one in all {
      let annotations = try #require(one["annotations"] as? [String: String])
      #expect(annotations["description"] == "connection reset 0.2 s ago, \"it\" said\nno more")
      #expect(annotations["jobs_moved"] == "3")
    }
  }

  @Test func aWebhookIsSignedOverTimeAndBody() throws {
    let format = WebhookFormat(path: "/in", sink: "pager", secret: "hush") { 1_700_000_000 }
    let request = format.request(for: [Self.alert()])
    let signature = try #require(request.headers.first { $0.name == "Belfry-Signature" }?.value)
    // printf '%s.%s' 1700000000 BODY | openssl dgst -sha256 -hmac hush
    let made = try run(
      "openssl", ["dgst", "-sha256", "-hmac", "hush", "-r"],
      input: "1700000000." + text(request))
    #expect(signature == "t=1700000000,v1=" + made.prefix(64))
    #expect(
      request.headers.first { $0.name == "Belfry-Delivery" }?.value
        == "01234567-89ab-cdef-0123-456789abcdef")
    let open = WebhookFormat(path: "/in", sink: "pager", secret: nil) { 0 }
    #expect(!open.request(for: [Self.alert()]).headers.contains { $0.name == "Belfry-Signature" })
  }

  @Test func aSentryEnvelopeIsThreeLinesAndOneIssueANode() throws {
    let format = try #require(
      SentryFormat(dsnPath: "/prefix/42", publicKey: "pub", release: "belfry@1"))
    let request = format.request(for: [Self.alert()])
    #expect(request.path == "/prefix/api/42/envelope/")
    #expect(
      request.headers.first { $0.name == "X-Sentry-Auth" }?.value
        == "Sentry sentry_version=7, sentry_key=pub, sentry_client=belfry@1")
    let lines = text(request).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 4 && lines.last == "")
    let item = try parsed(lines[1])
    #expect(item["length"] as? Int == lines[2].utf8.count)
    let event = try parsed(lines[2])
    #expect(event["event_id"] as? String == "0123456789abcdef0123456789abcdef")
    #expect(event["fingerprint"] as? [String] == ["belfry", "demo", "node-lost", "w1"])
    #expect(event["level"] as? String == "fatal")
    #expect(try parsed(lines[0])["event_id"] as? String == event["event_id"] as? String)
  }

  @Test(arguments: ["", "/"]) func noProjectIsNoDSN(path: String) {
    #expect(SentryFormat(dsnPath: path, publicKey: "pub", release: "") == nil)
  }

  @Test func bulkIsPairsOfLinesUnderTheDeliverysID() throws {
    let format = ElasticFormat(path: "/logs-belfry/_bulk", credentials: "dTpw")
    let request = format.request(for: [Self.alert(), Self.alert(resolved: true)])
    #expect(text(request).hasSuffix("\n"))
    let lines = text(request).split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0] == "{\"create\":{\"_id\":\"01234567-89ab-cdef-0123-456789abcdef\"}}")
    let document = try parsed(lines[1])
    #expect(document["@timestamp"] as? String == "2026-11-18T11:06:40.000Z")
    #expect(document["log.level"] as? String == "critical")
    #expect(document["event.kind"] as? String == "alert")
    #expect(
      request.headers.contains { $0.name == "Authorization" && $0.value == "Basic dTpw" })
  }

  @Test(arguments: [
    (
      200, #"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#,
      SinkVerdict.delivered
    ),
    (
      200,
      #"{"errors":true,"items":[{"create":{"status":409}},{"create":{"status":429,"error":{"reason":"busy"}}}]}"#,
      .partly(refused: [], again: [1], why: "429 busy")
    ),
    (
      200,
      #"{"errors":true,"items":[{"create":{"status":400,"error":{"reason":"no"}}},{"create":{"status":201}}]}"#,
      .partly(refused: [0], again: [], why: "400 no")
    ),
    (
      200, #"{"errors":true,"items":[{"create":{"status":409}},{"create":{"status":409}}]}"#,
      .delivered
    ),
    (200, "<html>", .again(why: "the answer is none of _bulk: HTTP 200: <html>", after: nil)),
    (
      200, #"{"errors":false,"items":[]}"#,
      .again(
        why: #"the answer is none of _bulk: HTTP 200: {"errors":false,"items":[]}"#, after: nil)
    ),
    (401, "no", .again(why: "HTTP 401: no", after: nil)),
    (413, "", .refused(why: "HTTP 413")),
  ])
  func bulkIsReadItemByItem(status: Int, body: String, verdict: SinkVerdict) {
    let format = ElasticFormat(path: "/x/_bulk", credentials: nil)
    let answer = HTTPAnswer(status: status, body: Array(body.utf8))
    #expect(format.verdict(on: answer, to: [Self.alert(), Self.alert("w2")]) == verdict)
  }

  @Test(arguments: [
    (204, SinkVerdict.delivered), (400, .refused(why: "HTTP 400")),
    (404, .again(why: "HTTP 404", after: nil)), (500, .again(why: "HTTP 500", after: nil)),
  ])
  func statusesOfHTTP(status: Int, verdict: SinkVerdict) {
    let format = SlackFormat(path: "/")
    #expect(format.verdict(on: HTTPAnswer(status: status), to: [Self.alert()]) == verdict)
  }

  private func chat(_ alerts: [SinkAlert]) throws -> NSDictionary {
    try parsed(text(SlackFormat(path: "/").request(for: alerts)))
  }

  @Test func manyNodesAreOneMessageOfChat() throws {
    let body = try chat((1...25).map { Self.alert("w\($0)") })
    let named = (1...20).map { "node-lost/w\($0)" }.joined(separator: ", ")
    #expect(body["text"] as? String == "demo: 25 firing: \(named) and 5 more")
    #expect((body["attachments"] as? [NSDictionary])?.count == 20)
  }

  @Test func aMessageOfChatSaysWhichRuleFiresAndWhichIsOver() throws {
    let store = SinkAlert(
      Alert(
        rule: "store-down", subject: "store", severity: .critical, summary: "MongoDB is away",
        why: "", firedAt: Self.fired), cluster: "demo", node: "c1")
    let body = try chat([Self.alert(), Self.alert("w2", resolved: true), store])
    #expect(
      body["text"] as? String
        == "demo: 2 firing: node-lost/w1, store-down/store; 1 resolved: node-lost/w2")
  }

  @Test func chatIsNotToldToCallAChannel() throws {
    let alert = SinkAlert(
      Alert(
        rule: "r", subject: "<!here>", severity: .critical, summary: "a & b", why: "1 > 0",
        firedAt: Self.fired), cluster: "demo", node: "c1")
    let body = try chat([alert])
    #expect(body["text"] as? String == "FIRING critical: a &amp; b (1 &gt; 0)")
    let attachment = try #require((body["attachments"] as? [NSDictionary])?.first)
    #expect(attachment["title"] as? String == "a &amp; b")
    #expect(attachment["text"] as? String == "1 &gt; 0")
    let fields = attachment["fields"] as? [NSDictionary]
    #expect(fields?.contains { $0["value"] as? String == "&lt;!here&gt;" } == true)
    #expect(
      try chat([alert, alert])["text"] as? String
        == "demo: 2 firing: r/&lt;!here&gt;, r/&lt;!here&gt;")
  }

  private func run(_ program: String, _ arguments: [String], input: String) throws -> String {
    let process = Process()
    let (stdin, stdout) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardInput = stdin
    process.standardOutput = stdout
    try process.run()
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    let out = try stdout.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: out, as: UTF8.self)
  }
}
