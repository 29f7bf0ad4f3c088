internal import BelfryCore

/// A Sentry envelope with one event: one node loss is one issue, by its fingerprint.
struct SentryFormat: SinkFormat {
  let path: String
  let publicKey: String
  let release: String
  let batchMax = 1

  /// - Parameter dsnPath: what stands behind the DSN's host: `/42`, or `/prefix/42`. Nil for none.
  init?(dsnPath: String, publicKey: String, release: String) {
    var parts = dsnPath.split(separator: "/").map(String.init)
    guard let project = parts.popLast(), !publicKey.isEmpty else { return nil }
    path = "/" + (parts + ["api", project, "envelope", ""]).joined(separator: "/")
    self.publicKey = publicKey
    self.release = release
  }

  func request(for alerts: [SinkAlert]) -> SinkRequest {
    let headers = [
      (name: "Content-Type", value: "application/x-sentry-envelope"),
      (
        "X-Sentry-Auth",
        "Sentry sentry_version=7, sentry_key=\(publicKey), sentry_client=\(release)"
      ),
    ]
    guard let alert = alerts.first else { return SinkRequest(path, headers, "") }
    let event = event(alert)
    var head = JSONText()
    head.object { $0.field("event_id", alert.idHex) }
    var item = JSONText()
    item.object {
      $0.field("type", "event")
      $0.field("content_type", "application/json")
      $0.field("length", event.utf8.count)
    }
    return SinkRequest(path, headers, "\(head.text)\n\(item.text)\n\(event)\n")
  }

  private func event(_ alert: SinkAlert) -> String {
    var json = JSONText()
    json.object { json in
      json.field("event_id", alert.idHex)
      json.field("timestamp", RFC3339.text(alert.at))
      json.field("platform", "native")
      json.field("level", level(alert))
      json.field("logger", "belfry.alerts")
      json.field("server_name", alert.node)
      json.field("release", release)
      json.field("environment", alert.cluster)
      json.object("message") { $0.field("formatted", alert.line) }
      json.object("exception") {
        $0.array("values", [alert]) { json, alert in
          json.object {
            $0.field("type", alert.alertName)
            $0.field("value", alert.why.isEmpty ? alert.summary : alert.why)
            $0.object("mechanism") {
              $0.field("type", "belfry")
              $0.field("handled", true)
            }
          }
        }
      }
      json.array("fingerprint", ["belfry", alert.cluster, alert.rule, alert.subject]) {
        $0.element($1)
      }
      json.object("tags") {
        $0.field("rule", alert.rule)
        $0.field("subject", alert.subject)
        guard let tags = alert.tags else { return $0.field("state", alert.status) }
        for (name, value) in tags.sorted(by: { $0.key < $1.key }) { $0.field(named: name, value) }
      }
    }
    return json.text
  }

  private func level(_ alert: SinkAlert) -> String {
    guard alert.isFiring else { return "info" }
    switch alert.severity {
    case "critical": return "fatal"
    case "error": return "error"
    case "warning": return "warning"
    default: return "info"
    }
  }
}
