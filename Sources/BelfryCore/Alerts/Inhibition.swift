/// Alerts that follow from another one are not sent while that one is open: who is told that MongoDB is
/// away need not be told what comes of it. They are listed, and sent when the other ends and they do not.
package enum Inhibition {
  private struct Row {
    let cause: String
    let consequences: [String]
    /// Of the cause's own subject only.
    let ofItsSubject: Bool
  }

  private static let ofNodes = ["node-wedged", "node-store-down", "node-one-way", "node-degraded"]

  private static let ofLanes = ["lane-unserved", "lane-waits", "lane-fails", "job-runs-long"]

  private static let table = [
    // No outcome is recorded, so deliveries go round, and workers wait with theirs.
    Row(
      cause: "store-down",
      consequences: ofLanes + ["job-redelivered", "publish-held", "node-store-down"],
      ofItsSubject: false),
    Row(
      cause: "broker-down", consequences: ofLanes + ["job-redelivered", "publish-held"],
      ofItsSubject: false),
    Row(
      cause: "partition-suspected",
      consequences: ofNodes + ofLanes + ["node-lost", "node-flapping"], ofItsSubject: false),
    Row(cause: "coordinator-lost", consequences: ["certificate-expiry"], ofItsSubject: true),
    Row(
      cause: "node-lost", consequences: ofNodes + ["certificate-expiry"], ofItsSubject: true),
  ]

  /// The open alert of which `id` is a consequence; the first by name.
  package static func cause(of id: AlertID, among open: some Sequence<AlertID>) -> AlertID? {
    let rows = table.filter { $0.consequences.contains(id.rule) }
    guard !rows.isEmpty else { return nil }
    return open.filter { other in
      rows.contains { row in
        row.cause == other.rule && (!row.ofItsSubject || other.subject == id.subject)
      }
    }.min()
  }
}
