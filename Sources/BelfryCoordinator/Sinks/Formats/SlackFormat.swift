internal import BelfryCore

/// An incoming webhook of Slack, Mattermost or Rocket.Chat: `text` alone is enough, attachments add
/// colour. All that waits goes into one message: twenty nodes behind one switch are one line of chat.
struct SlackFormat: SinkFormat {
  static let linesMax = 20

  let path: String
  let batchMax = 100

  func request(for alerts: [SinkAlert]) -> SinkRequest {
    var json = JSONText()
    json.object { json in
      json.field("text", text(alerts))
      json.array("attachments", Array(alerts.prefix(Self.linesMax))) { json, alert in
        json.object { json in
          json.field("color", color(alert))
          json.field("fallback", alert.line)
          json.field("title", alert.summary)
          json.field("text", alert.why)
          json.array("fields", fields(alert)) { json, field in
            json.object {
              $0.field("title", field.name)
              $0.field("value", field.value)
              $0.field("short", true)
            }
          }
          json.field("ts", alert.at.milliseconds / 1_000)
        }
      }
    }
    return SinkRequest(path, [("Content-Type", "application/json")], json.text)
  }

  private func text(_ alerts: [SinkAlert]) -> String {
    guard alerts.count > 1, let first = alerts.first else { return alerts.first?.line ?? "" }
    let firing = alerts.count { $0.isFiring }
    var parts: [String] = []
    if firing > 0 { parts.append("\(firing) firing") }
    if firing < alerts.count { parts.append("\(alerts.count - firing) resolved") }
    let subjects = alerts.prefix(Self.linesMax).map(\.subject).joined(separator: ", ")
    let more = alerts.count > Self.linesMax ? " and \(alerts.count - Self.linesMax) more" : ""
    return "\(first.cluster): \(parts.joined(separator: ", ")): \(subjects)\(more)"
  }

  private func color(_ alert: SinkAlert) -> String {
    guard alert.isFiring else { return "good" }
    return alert.severity == "critical" ? "danger" : "warning"
  }

  private func fields(_ alert: SinkAlert) -> [(name: String, value: String)] {
    [
      ("cluster", alert.cluster), ("rule", alert.rule), ("subject", alert.subject),
      ("severity", alert.severity),
    ]
  }
}
