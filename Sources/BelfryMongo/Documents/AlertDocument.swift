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
      $0.stringUnlessEmpty("heldBackBy", alert.heldBackBy)
      $0.stringUnlessEmpty("coordinator", alert.coordinator)
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
            $0.string("closedBy", token)
          }
        }
      }
      $0.writeConcern()
    }
  }

  /// Who says so first stays.
  static func acknowledging(_ id: AlertID, _ acknowledgement: Acknowledgement) -> [UInt8] {
    changingOpen(id) {
      $0.string("state", Alert.State.firing.rawValue)
    } to: {
      $0.string("state", Alert.State.acknowledged.rawValue)
      $0.string("acknowledgedBy", acknowledgement.by)
      $0.date("acknowledgedAt", acknowledgement.at)
      $0.string("note", acknowledgement.note)
    }
  }

  /// Also when the same one has done so before: the answer may have been lost.
  static func releasing(_ id: AlertID, by releaser: String) -> [UInt8] {
    changingOpen(id) {
      $0.array("$or", [true, false]) { choice, isHeldBack in
        if isHeldBack {
          choice.document("heldBackBy") { $0.string("$gt", "") }
        } else {
          choice.string("releasedBy", releaser)
        }
      }
    } to: {
      $0.string("heldBackBy", "")
      $0.string("releasedBy", releaser)
    }
  }

  private static func changingOpen(
    _ id: AlertID, where more: (inout BSONWriter) -> Void, to change: (inout BSONWriter) -> Void
  ) -> [UInt8] {
    BSONWriter.document {
      $0.string("update", "alerts")
      $0.array("updates", CollectionOfOne(id)) { update, id in
        update.document("q") {
          $0.string("rule", id.rule)
          $0.string("subject", id.subject)
          $0.bool("open", true)
          more(&$0)
        }
        update.document("u") { $0.document("$set") { change(&$0) } }
      }
      $0.writeConcern()
    }
  }

  /// With what the index begins with, or it is not used.
  static let open = BSONWriter.document {
    $0.document("rule") { $0.string("$gte", "") }
    $0.bool("open", true)
  }

  static func resolved(since: WallTime) -> [UInt8] {
    BSONWriter.document {
      $0.document("resolvedAt") { $0.date("$gte", since) }
      $0.bool("open", false)
    }
  }

  static func read(_ document: BSONDocument) throws(BSONError) -> Alert {
    let isOpen = try document.require("open") { $0.bool }
    let state = document["state"]?.string.flatMap(Alert.State.init)
    var alert = Alert(
      rule: try document.require("rule") { $0.string },
      subject: try document.require("subject") { $0.string },
      state: isOpen ? state ?? .firing : .resolved,
      severity: document["severity"]?.string.flatMap(Alert.Severity.init) ?? .warning,
      summary: document["summary"]?.string ?? "", why: document["why"]?.string ?? "",
      firedAt: try document.require("firedAt") { $0.wallTime },
      resolvedAt: document["resolvedAt"]?.wallTime, jobsMoved: document["jobsMoved"]?.int ?? 0)
    if let by = document["acknowledgedBy"]?.string, let at = document["acknowledgedAt"]?.wallTime {
      alert.acknowledgement = Acknowledgement(by: by, at: at, note: document["note"]?.string ?? "")
    }
    alert.heldBackBy = document["heldBackBy"]?.string ?? ""
    alert.resolvedWhy = document["whyResolved"]?.string ?? ""
    alert.coordinator = document["coordinator"]?.string ?? ""
    return alert
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
