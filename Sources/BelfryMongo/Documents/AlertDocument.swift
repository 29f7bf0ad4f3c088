internal import BelfryCore

/// An alert episode as a document of collection `alerts`, for people and for *once*.
///
/// At most one document of a rule and subject has `open: true`; a unique partial index sees to it.
enum AlertDocument {
  /// `token` is the document's id: whoever made it up knows again what it wrote.
  static func opening(_ alert: Alert, token: String) -> [UInt8] {
    BSONWriter.document {
      $0.string("_id", token)
      identity(alert, to: &$0)
      $0.bool("open", true)
      $0.string("state", Alert.State.firing.rawValue)
      $0.string("severity", alert.severity.rawValue)
      $0.string("summary", alert.summary)
      $0.string("why", alert.why)
      $0.date("firedAt", alert.firedAt)
      $0.int("jobsMoved", alert.jobsMoved)
      $0.int("v", 1)
    }
  }

  /// The update that closes the open episode, if there is one. Why it fired stays.
  static func closing(_ alert: Alert, token: String) -> [UInt8] {
    BSONWriter.document {
      $0.string("update", "alerts")
      $0.array("updates", CollectionOfOne(alert)) { update, alert in
        update.document("q") {
          identity(alert, to: &$0)
          $0.bool("open", true)
        }
        update.document("u") {
          $0.document("$set") {
            $0.bool("open", false)
            $0.string("state", Alert.State.resolved.rawValue)
            $0.date("resolvedAt", alert.resolvedAt)
            $0.string("whyResolved", alert.why)
            $0.int("jobsMoved", alert.jobsMoved)
            $0.string("closedBy", token)
          }
        }
      }
      $0.writeConcern()
    }
  }

  static func opened(token: String) -> [UInt8] {
    BSONWriter.document {
      $0.string("_id", token)
      $0.bool("open", true)
    }
  }

  static func closed(_ alert: Alert, token: String) -> [UInt8] {
    BSONWriter.document {
      identity(alert, to: &$0)
      $0.string("closedBy", token)
    }
  }

  private static func identity(_ alert: Alert, to writer: inout BSONWriter) {
    writer.string("rule", alert.rule)
    writer.string("subject", alert.subject)
  }
}
