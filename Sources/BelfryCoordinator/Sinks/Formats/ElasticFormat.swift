internal import BelfryCore
internal import Foundation

/// An alert as a document of the Elastic Common Schema, with the names that the log lines have.
enum AlertECS {
  static func document(_ alert: SinkAlert) -> String {
    var json = JSONText()
    json.object { json in
      json.field("@timestamp", RFC3339.text(alert.at))
      json.field("log.level", alert.isFiring ? alert.severity : "info")
      json.field("message", alert.line)
      json.field("ecs.version", "8.11.0")
      json.field("service.name", "belfry.coordinator")
      json.field("service.node.name", alert.node)
      json.field("event.kind", "alert")
      json.field("event.action", alert.rule)
      json.field("event.outcome", alert.isFiring ? "failure" : "success")
      json.field("event.id", alert.idText)
      json.field("event.reason", alert.why)
      json.field("event.start", alert.startsAt)
      if let end = alert.endsAt { json.field("event.end", end) }
      json.object("labels") {
        $0.field("cluster", alert.cluster)
        $0.field("severity", alert.severity)
        $0.field("state", alert.status)
        $0.field("subject", alert.subject)
        $0.field("jobs_moved", String(alert.jobsMoved))
      }
    }
    return json.text
  }
}

/// Elasticsearch's `_bulk`, by `create` alone, which is all that data streams take. The delivery's id
/// is the document's: one that arrived before is a conflict, which is as good as a success.
struct ElasticFormat: SinkFormat {
  /// `/logs-belfry-default/_bulk`.
  let path: String
  let credentials: String?
  let batchMax = 100

  func request(for alerts: [SinkAlert]) -> SinkRequest {
    var headers = [(name: "Content-Type", value: "application/x-ndjson")]
    if let credentials { headers.append(("Authorization", "Basic \(credentials)")) }
    let lines = alerts.map { alert in
      "{\"create\":{\"_id\":\"\(alert.idText)\"}}\n\(AlertECS.document(alert))\n"
    }
    return SinkRequest(path, headers, lines.joined())
  }

  private struct Answer: Decodable {
    struct Item: Decodable {
      struct Result: Decodable {
        struct Failure: Decodable { let reason: String? }
        let status: Int
        let error: Failure?
      }
      let create: Result
    }
    let errors: Bool
    let items: [Item]
  }

  func verdict(on answer: HTTPAnswer, to alerts: [SinkAlert]) -> SinkVerdict {
    guard (200..<300).contains(answer.status) else {
      return answer.status == 413
        ? .refused(why: answer.complaint)
        : .again(why: answer.complaint, after: answer.retryAfter)
    }
    // A success of the whole says nothing of the parts.
    guard let parsed = try? JSONDecoder().decode(Answer.self, from: Data(answer.body)),
      parsed.items.count == alerts.count
    else {
      return .again(why: "the answer is none of _bulk: \(answer.complaint)", after: nil)
    }
    guard parsed.errors else { return .delivered }
    var (refused, again): ([Int], [Int]) = ([], [])
    var why = ""
    for (index, item) in parsed.items.enumerated() {
      switch item.create.status {
      case 200..<300, 409: continue
      case 429, 500...: again.append(index)
      default: refused.append(index)
      }
      if why.isEmpty { why = "\(item.create.status) \(item.create.error?.reason ?? "")" }
    }
    if refused.isEmpty, again.isEmpty { return .delivered }
    return .partly(refused: refused, again: again, why: why)
  }
}
