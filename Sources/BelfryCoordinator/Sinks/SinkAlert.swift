package import BelfryCore
internal import BelfryIdentity
package import Foundation

/// An alert on its way to the sinks, as it waits on disk: what happened, and where.
///
/// `id` names the delivery: the same at every attempt, so that a receiver can tell a repetition.
package struct SinkAlert: Codable, Sendable, Equatable {
  package let id: UUID
  package let cluster: String
  /// The coordinator that sends it.
  package let node: String
  package let rule: String
  package let subject: String
  package let isFiring: Bool
  package let severity: String
  package let summary: String
  package let why: String
  /// Milliseconds since 1970.
  package let firedAt: Int64
  package let resolvedAt: Int64?
  package let jobsMoved: Int
  /// Of a notice, which has no end; nil: an alert.
  package let tags: [String: String]?

  package init(_ alert: Alert, cluster: String, node: String, id: UUID = UUID()) {
    self.id = id
    self.cluster = cluster
    self.node = node
    rule = alert.rule
    subject = alert.subject
    isFiring = alert.state != .resolved
    severity = alert.severity.rawValue
    summary = alert.summary
    why = alert.why
    firedAt = alert.firedAt.milliseconds
    resolvedAt = alert.resolvedAt?.milliseconds
    jobsMoved = alert.jobsMoved
    tags = nil
  }

  /// The same notice of two coordinators has one id: a receiver takes it once.
  package init(_ notice: Notice, cluster: String, node: String) {
    id = notice.key.map { Self.id("\(cluster)\0\($0)") } ?? UUID()
    self.cluster = cluster
    self.node = node
    rule = notice.rule
    subject = notice.subject
    isFiring = true
    severity = "error"
    summary = notice.summary
    why = notice.why
    firedAt = notice.at.milliseconds
    resolvedAt = nil
    jobsMoved = 0
    tags = notice.tags
  }

  /// The same for the same text.
  static func id(_ text: String) -> UUID {
    let hex = Array(Digest.sha256(Array(text.utf8)).prefix(16)).hexText
    let cuts = [8, 4, 4, 4, 12]
    var rest = Substring(hex)
    let parts = cuts.map { count in
      defer { rest = rest.dropFirst(count) }
      return String(rest.prefix(count))
    }
    return UUID(uuidString: parts.joined(separator: "-")) ?? UUID()
  }

  /// When this was: the end of the episode, or its beginning.
  var at: WallTime { WallTime(milliseconds: resolvedAt ?? firedAt) }
  var startsAt: String { RFC3339.text(WallTime(milliseconds: firedAt)) }
  var endsAt: String? { resolvedAt.map { RFC3339.text(WallTime(milliseconds: $0)) } }
  var status: String { isFiring ? "firing" : "resolved" }

  /// `node-lost` as `BelfryNodeLost`, the way names are written where alerts have names.
  var alertName: String {
    "Belfry"
      + rule.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  var idText: String { id.uuidString.lowercased() }
  /// 32 hexadecimal digits.
  var idHex: String { idText.filter { $0 != "-" } }

  /// One line for people: `FIRING critical: worker w1 is lost (connection reset)`.
  var line: String {
    if tags != nil { return summary }
    let head = isFiring ? "FIRING \(severity)" : "RESOLVED"
    return why.isEmpty ? "\(head): \(summary)" : "\(head): \(summary) (\(why))"
  }

  var labels: [(name: String, value: String)] {
    [
      ("alertname", alertName), ("cluster", cluster), ("rule", rule), ("severity", severity),
      ("subject", subject),
    ]
  }

  var annotations: [(name: String, value: String)] {
    [("summary", summary), ("description", why), ("coordinator", node)]
      + (jobsMoved > 0 ? [("jobs_moved", String(jobsMoved))] : [])
  }

  func writeLabels(_ json: inout JSONText) {
    json.object("labels") { for (name, value) in labels { $0.field(named: name, value) } }
  }

  func writeAnnotations(_ json: inout JSONText) {
    json.object("annotations") { for (name, value) in annotations { $0.field(named: name, value) } }
  }
}
