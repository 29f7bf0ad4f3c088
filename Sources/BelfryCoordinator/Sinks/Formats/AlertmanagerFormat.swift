internal import BelfryCore

/// Alertmanager's API v2. It groups and silences by itself, so each alert goes as it is.
///
/// A firing alert carries an end in a week: Alertmanager would end it 5 minutes after the last post
/// otherwise, and the coordinator that posted may be gone by then. Annotations are sent with the end
/// as well, which would replace them by nothing.
struct AlertmanagerFormat: SinkFormat {
  static let endsAfter = Duration.seconds(7 * 86_400)

  let basePath: String
  var firingEndsAfter = Self.endsAfter
  let batchMax = 100

  func request(for alerts: [SinkAlert]) -> SinkRequest {
    var json = JSONText()
    json.array(alerts) { json, alert in
      json.object { json in
        alert.writeLabels(&json)
        alert.writeAnnotations(&json)
        json.field("startsAt", alert.startsAt)
        json.field(
          "endsAt",
          alert.endsAt
            ?? RFC3339.text(WallTime(milliseconds: alert.firedAt) + firingEndsAfter))
      }
    }
    return SinkRequest(
      basePath + "/api/v2/alerts", [("Content-Type", "application/json")], json.text)
  }
}
