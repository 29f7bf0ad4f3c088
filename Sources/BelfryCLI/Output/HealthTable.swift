internal import BelfryAPI

/// The cluster's health as a table for people.
struct HealthTable {
  let text: String

  init(_ picture: Belfry_V1_HealthUpdate) {
    var lines: [String] = []
    let verdict = picture.verdict.isEmpty ? "nothing is wrong" : picture.verdict
    lines.append("cluster \(picture.cluster): \(verdict)")
    lines.append("")
    lines += Self.table(
      ["NODE", "ROLE", "STATE", "SLOTS", "BEAT", "REASON"],
      picture.nodes.map { node in
        [
          node.name, node.role, node.state,
          node.role == "worker" ? "\(node.running)/\(node.slots)" : "",
          node.role == "worker" ? Self.age(node.heartbeatAgeMs) : "", node.reason,
        ]
      })
    lines.append("")
    lines += Self.table(
      ["LANE", "READY", "WAITING", "RUNNING", "PARKED", "DONE", "FAILED", "NOBODY SERVES"],
      picture.lanes.map { lane in
        [
          lane.name, "\(lane.ready)", "\(lane.waiting)", "\(lane.running)", "\(lane.parked)",
          "\(lane.finished)", "\(lane.failed)", lane.unserved.joined(separator: ", "),
        ]
      })
    lines.append("")
    lines += Self.table(
      ["PART", "STATE", "REASON"], picture.parts.map { [$0.name, $0.state, $0.reason] })
    if !picture.alerts.isEmpty {
      lines.append("")
      lines += Self.table(
        ["ALERT", "SUBJECT", "SEVERITY", "WHY"],
        picture.alerts.map { [$0.rule, $0.subject, $0.severity, $0.why] })
    }
    text = lines.joined(separator: "\n")
  }

  private static func age(_ milliseconds: UInt64) -> String {
    milliseconds < 1_000 ? "<1s" : "\(milliseconds / 1_000)s"
  }

  private static func table(_ head: [String], _ rows: [[String]]) -> [String] {
    let all = [head] + rows
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        if column < row.count - 1 {
          line += String(repeating: " ", count: widths[column] - cell.count + 2)
        }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
