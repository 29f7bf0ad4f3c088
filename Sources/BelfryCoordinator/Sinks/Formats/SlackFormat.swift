internal import BelfryCore

/// An incoming webhook of Slack, Mattermost or Rocket.Chat: `text` alone is enough, attachments add
/// colour. All that waits goes into one message: twenty nodes behind one switch are one line of chat.
/// `&`, `<` and `>` are written as Slack wants them: they would begin a link or call a channel.
struct SlackFormat: SinkFormat {
  static let linesMax = 20

  let path: String
  let batchMax = 100

  func request(for alerts: [SinkAlert]) -> SinkRequest {
    var json = JSONText()
    json.object { json in
      json.field("text", Self.escaped(text(alerts)))
      json.array("attachments", Array(alerts.prefix(Self.linesMax))) { json, alert in
        json.object { json in
          json.field("color", color(alert))
          json.field("fallback", Self.escaped(alert.line))
          json.field("title", Self.escaped(alert.summary))
          json.field("text", Self.escaped(alert.why))
          json.array("fields", fields(alert)) { json, field in
            json.object {
              $0.field("title", field.name)
              $0.field("value", Self.escaped(field.value))
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
    let parts = [(name: "firing", is: true), ("resolved", false)].compactMap { state in
      let these = alerts.filter { $0.isFiring == state.is }
      let ids = these.prefix(Self.linesMax).map { "\($0.rule)/\($0.subject)" }
      let more = these.count - ids.count
      return these.isEmpty
        ? nil
        : "\(these.count) \(state.name): \(ids.joined(separator: ", "))"
          + (more > 0 ? " and \(more) more" : "")
    }
    return "\(first.cluster): \(parts.joined(separator: "; "))"
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
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
