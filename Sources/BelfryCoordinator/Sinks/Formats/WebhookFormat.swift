internal import BelfryIdentity
internal import Foundation

/// The document that Alertmanager sends to webhooks, version 4: what takes its webhooks takes ours.
///
/// With a secret each request is signed: `Belfry-Signature: t=<seconds>,v1=<hex>`, where v1 is
/// HMAC-SHA-256 under the secret over `<seconds>.<body>`. `Belfry-Delivery` is the same whenever the
/// same alerts are sent again, and another one once more have joined those that wait.
struct WebhookFormat: SinkFormat {
  let path: String
  let sink: String
  let secret: String?
  /// Seconds since 1970.
  let now: @Sendable () -> Int64
  let batchMax = 100

  func request(for alerts: [SinkAlert]) -> SinkRequest {
    let body = document(alerts)
    var headers = [
      (name: "Content-Type", value: "application/json"),
      ("Belfry-Delivery", delivery(alerts)),
    ]
    if let secret {
      let seconds = now()
      let mac = Digest.hmacSHA256(
        key: Array(secret.utf8), Array("\(seconds).\(body)".utf8))
      headers.append(("Belfry-Signature", "t=\(seconds),v1=\(mac.hexText)"))
    }
    return SinkRequest(path, headers, body)
  }

  /// One alert's own id, or one made of all of theirs.
  private func delivery(_ alerts: [SinkAlert]) -> String {
    let ids = alerts.map(\.idText).joined(separator: "\0")
    return alerts.count == 1 ? ids : SinkAlert.id(ids).uuidString.lowercased()
  }

  /// A batch is one of Alertmanager's groups: by the alert's name where they have one in common.
  private func document(_ alerts: [SinkAlert]) -> String {
    let isFiring = alerts.contains { $0.isFiring }
    let labels = common(alerts.map(\.labels))
    let name = labels.first { $0.name == "alertname" }?.value
    var json = JSONText()
    json.object { json in
      json.field("version", "4")
      json.field("groupKey", name.map { "{}:{alertname=\"\($0)\"}" } ?? "{}:{}")
      json.field("truncatedAlerts", 0)
      json.field("status", isFiring ? "firing" : "resolved")
      json.field("receiver", sink)
      json.object("groupLabels") { if let name { $0.field("alertname", name) } }
      json.object("commonLabels") { for (name, value) in labels { $0.field(named: name, value) } }
      json.object("commonAnnotations") {
        for (name, value) in common(alerts.map(\.annotations)) { $0.field(named: name, value) }
      }
      json.field("externalURL", "")
      json.array("alerts", alerts) { json, alert in
        alert.write(&json)
      }
    }
    return json.text
  }

  /// What all have, with the same value.
  private func common(
    _ all: [[(name: String, value: String)]]
  ) -> [(name: String, value: String)] {
    (all.first ?? []).filter { pair in all.allSatisfy { $0.contains { $0 == pair } } }
  }
}

extension SinkAlert {
  /// One of the document's `alerts`; a command finds it on its standard input.
  func write(_ json: inout JSONText) {
    json.object { json in
      json.field("status", status)
      writeLabels(&json)
      writeAnnotations(&json)
      json.field("startsAt", startsAt)
      json.field("endsAt", endsAt ?? "0001-01-01T00:00:00Z")
      json.field("generatorURL", "")
      json.field("fingerprint", fingerprint)
    }
  }

  var json: String {
    var json = JSONText()
    write(&json)
    return json.text
  }

  /// 16 hexadecimal digits, the same for all alerts of one rule and subject.
  var fingerprint: String {
    Array(Digest.sha256(Array("\(cluster)\0\(rule)\0\(subject)".utf8)).prefix(8)).hexText
  }
}
