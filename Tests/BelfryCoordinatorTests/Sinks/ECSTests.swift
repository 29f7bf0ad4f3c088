import BelfryCore
import Foundation
import Logging
import Testing

@testable import BelfryCoordinator

/// Alerts in the log and in Elasticsearch, field by field against the Elastic Common Schema as it is
/// published (version 8.11): what is none of its fields is no custom field here, but a mistake.
@Suite struct ECSTests {
  private enum Form { case date, keyword, text, labels }

  /// Those that we use, with the type the schema gives them.
  private static let fields: [String: Form] = [
    "@timestamp": .date, "log.level": .keyword, "message": .text, "ecs.version": .keyword,
    "service.name": .keyword, "service.node.name": .keyword, "event.kind": .keyword,
    "event.action": .keyword, "event.outcome": .keyword, "event.id": .keyword,
    "event.reason": .keyword, "event.start": .date, "event.end": .date, "labels": .labels,
  ]

  /// The fields of the schema that take certain values only, of those.
  private static let allowed: [String: Set<String>] = [
    "event.kind": [
      "alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal",
    ],
    "event.outcome": ["failure", "success", "unknown"],
  ]

  private func problems(_ document: [String: Any]) -> [String] {
    document.compactMap { name, value in
      let form = name.hasPrefix("labels.") ? .keyword : Self.fields[name]
      let text = value as? String
      let isGood =
        switch form {
        case nil: false
        case .labels: value is [String: String]
        case .date: text?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil
        case .text: text != nil
        case .keyword: text.map { Self.allowed[name]?.contains($0) ?? true } ?? false
        }
      return isGood ? nil : "\(name): \(value)"
    }
  }

  @Test(arguments: [false, true]) func documents(resolved: Bool) throws {
    let text = AlertECS.document(SinkFormatTests.alert(resolved: resolved))
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(problems(document) == [])
    #expect(document["event.outcome"] as? String == (resolved ? "success" : "failure"))
    let labels = document["labels"] as? [String: String]
    #expect(labels?["state"] == (resolved ? "resolved" : "firing"))
  }

  @Test(arguments: [false, true]) func linesOfTheLog(resolved: Bool) async throws {
    let log = KeptLog()
    await LogAlertSink(logger: log.logger).send(
      Alert(
        rule: "node-lost", subject: "w1", state: resolved ? .resolved : .firing,
        severity: .critical, summary: "w1 is lost", why: "silent", firedAt: SinkFormatTests.fired))
    let line = try #require(log.lines.first)
    #expect(problems(line.metadata.mapValues(\.description)) == [])
    #expect(line["event.kind"] == "alert")
    #expect(line["event.action"] == "node-lost")
    #expect(line["event.outcome"] == (resolved ? "success" : "failure"))
    #expect(line["labels.state"] == (resolved ? "resolved" : "firing"))
    #expect(line["labels.subject"] == "w1")
  }

  @Test(arguments: [
    ("event.outcome", "firing"), ("event.kind", "alarm"), ("event.start", "today"),
    ("event.state", "firing"),
  ])
  func whatTheSchemaHasNotIsSeen(name: String, value: String) {
    #expect(problems([name: value]) == ["\(name): \(value)"])
  }
}
