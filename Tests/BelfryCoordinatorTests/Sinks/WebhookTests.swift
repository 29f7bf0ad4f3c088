import BelfryCore
import Foundation
import Testing

@testable import BelfryCoordinator

/// The document of Alertmanager's webhooks, version 4, as strictly as a receiver may read it: these
/// fields and no others, of these types. What it says of all alerts is what they have in common.
@Suite struct WebhookTests {
  private struct Document: Decodable {
    struct Alert: Decodable {
      let status: String
      let labels: [String: String]
      let annotations: [String: String]
      let startsAt: String
      let endsAt: String
      let generatorURL: String
      let fingerprint: String
    }
    let version: String
    let groupKey: String
    let truncatedAlerts: UInt64
    let status: String
    let receiver: String
    let groupLabels: [String: String]
    let commonLabels: [String: String]
    let commonAnnotations: [String: String]
    let externalURL: String
    let alerts: [Alert]
  }

  private static let fields: Set = [
    "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels",
    "commonLabels", "commonAnnotations", "externalURL", "alerts",
  ]
  private static let fieldsOfAlerts: Set = [
    "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
  ]

  private func document(_ alerts: [SinkAlert]) throws -> Document {
    let body = WebhookFormat(path: "/in", sink: "pager", secret: nil) { 0 }.request(for: alerts)
      .body
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
    #expect(Set(object.keys) == Self.fields)
    for alert in object["alerts"] as? [[String: Any]] ?? [] {
      #expect(Set(alert.keys) == Self.fieldsOfAlerts)
    }
    let document = try JSONDecoder().decode(Document.self, from: Data(body))
    #expect(document.version == "4" && document.receiver == "pager")
    #expect(document.commonLabels == common(document.alerts.map(\.labels)))
    #expect(document.commonAnnotations == common(document.alerts.map(\.annotations)))
    #expect(document.groupLabels.allSatisfy { document.commonLabels[$0.key] == $0.value })
    for alert in document.alerts { #expect(alert.fingerprint.count == 16) }
    return document
  }

  private func common(_ all: [[String: String]]) -> [String: String] {
    all.dropFirst().reduce(all.first ?? [:]) { one, other in
      one.filter { other[$0.key] == $0.value }
    }
  }

  @Test func alertsOfOneRuleAreAGroup() throws {
    let sent = [SinkFormatTests.alert(), SinkFormatTests.alert("w2", resolved: true)]
    let document = try document(sent)
    #expect(document.status == "firing")
    #expect(document.groupKey == "{}:{alertname=\"BelfryNodeLost\"}")
    #expect(document.groupLabels == ["alertname": "BelfryNodeLost"])
    #expect(
      document.commonLabels == [
        "alertname": "BelfryNodeLost", "cluster": "demo", "rule": "node-lost",
        "severity": "critical",
      ])
    #expect(
      document.commonAnnotations == [
        "coordinator": "c1", "jobs_moved": "3",
        "description": "connection reset 0.2 s ago, \"it\" said\nno more",
      ])
    #expect(document.alerts.map(\.status) == ["firing", "resolved"])
    #expect(
      document.alerts.map(\.endsAt) == ["0001-01-01T00:00:00Z", "2026-11-18T11:08:10.000Z"])
    #expect(Set(document.alerts.map(\.fingerprint)).count == 2)
    #expect(
      SinkFormatTests.alert().fingerprint == SinkFormatTests.alert(resolved: true).fingerprint)
  }

  @Test func alertsOfSeveralRulesAreOneWithoutAName() throws {
    let store = SinkAlert(
      Alert(
        rule: "store-down", subject: "store", severity: .warning, summary: "MongoDB is away",
        why: "", firedAt: SinkFormatTests.fired), cluster: "demo", node: "c1")
    let document = try document([SinkFormatTests.alert(), store])
    #expect(document.groupKey == "{}:{}")
    #expect(document.groupLabels == [:])
    #expect(document.commonLabels == ["cluster": "demo"])
    #expect(document.commonAnnotations == ["coordinator": "c1"])
  }

  @Test func oneAlertHasAllInCommon() throws {
    let document = try document([SinkFormatTests.alert(resolved: true)])
    #expect(document.status == "resolved")
    #expect(document.commonLabels == document.alerts.first?.labels)
    #expect(document.commonAnnotations == document.alerts.first?.annotations)
  }
}
