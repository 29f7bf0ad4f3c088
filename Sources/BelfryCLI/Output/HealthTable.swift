internal import BelfryAPI

/// The cluster's health as a table for people.
struct HealthTable {
  let text: String

  init(_ picture: Belfry_V1_HealthUpdate, _ screen: Screen) {
    var lines: [String] = []
    let verdict = picture.verdict.isEmpty ? "nothing is wrong" : picture.verdict
    lines.append("cluster \(picture.cluster): \(verdict)")
    lines.append(picture.census)
    lines.append("")
    lines += TextTable(
      ["NODE", "ROLE", "STATE", "SLOTS", "BEAT", "REASON"],
      picture.nodes.map { node in
        [
          node.name, node.role, node.state,
          node.role == "worker" ? "\(node.running)/\(node.slots)" : "",
          node.role == "worker" ? Self.age(node.heartbeatAgeMs) : "", node.reason,
        ]
      }
    ).lines(screen)
    lines.append("")
    lines += TextTable(
      ["LANE", "READY", "WAITING", "RUNNING", "PARKED", "DONE", "FAILED", "WAITS FOR"],
      picture.lanes.map { lane in
        [
          lane.name, "\(lane.ready)", "\(lane.waiting)", "\(lane.running)", "\(lane.parked)",
          "\(lane.finished)", "\(lane.failed)", lane.waits,
        ]
      }
    ).lines(screen)
    lines.append("")
    lines += TextTable(
      ["PART", "STATE", "REASON"], picture.parts.map { [$0.name, $0.state, $0.reason] }
    ).lines(screen)
    if !picture.alerts.isEmpty {
      lines.append("")
      lines += TextTable(
        ["ALERT", "SUBJECT", "SEVERITY", "STATE", "WHY"],
        picture.alerts.map { [$0.rule, $0.subject, $0.severity, $0.standing, $0.why] }
      ).lines(screen)
    }
    text = lines.joined(separator: "\n")
  }

  static func age(_ milliseconds: UInt64) -> String {
    milliseconds < 1_000 ? "<1s" : "\(milliseconds / 1_000)s"
  }
}

extension Belfry_V1_AlertView {
  /// With who said so.
  fileprivate var standing: String {
    if !acknowledgedBy.isEmpty { return "acknowledged by \(acknowledgedBy)" }
    return silencedBy.isEmpty ? state : "silenced by \(silencedBy)"
  }
}

extension Belfry_V1_HealthUpdate {
  /// How many of each role are up, of those that have not left as planned.
  var census: String {
    ["coordinator", "worker"].map { role in
      let there = nodes.filter { $0.role == role && $0.state != "left" }
      return "\(role)s \(there.count { $0.state == "up" })/\(there.count) up"
    }.joined(separator: "  ")
  }
}

extension Belfry_V1_LaneHealth {
  /// Why its jobs wait, with all that nobody serves.
  fileprivate var waits: String {
    if paused {
      return "paused by \(pausedBy)" + (pausedReason.isEmpty ? "" : ": \(pausedReason)")
    }
    let others = unserved.dropFirst().joined(separator: ", ")
    return others.isEmpty ? waitsFor : "\(waitsFor); and for \(others)"
  }
}
