/// One privileged action: written before it is done, so that nothing is done unseen, and once more with
/// what became of it.
package struct AuditEntry: Sendable, Equatable {
  /// In the order of time, and of their making within a millisecond as chance has it.
  package var id: String
  package var at: WallTime
  /// Role and name of the certificate, or the local user.
  package var who: String
  package var from: String
  /// Such as `token.create`.
  package var action: String
  package var subject: String
  package var detail: String
  /// Empty: nobody knows what became of it.
  package var result: String
  package var coordinator: String

  package init(
    id: String, at: WallTime, who: String, from: String, action: String, subject: String,
    detail: String, coordinator: String
  ) {
    self.id = id
    self.at = at
    self.who = who
    self.from = from
    self.action = action
    self.subject = subject
    self.detail = detail
    result = ""
    self.coordinator = coordinator
  }

  package init?(_ record: StoredRecord) {
    let fields = record.fields
    guard record.collection == .audit, let at = WallTime(field: fields["at"]) else { return nil }
    self.init(
      id: record.id, at: at, who: fields["who"] ?? "", from: fields["from"] ?? "",
      action: fields["action"] ?? "", subject: fields["subject"] ?? "",
      detail: fields["detail"] ?? "", coordinator: fields["coordinator"] ?? "")
    result = fields["result"] ?? ""
  }

  package func stored(version: Int, at now: WallTime) -> StoredRecord {
    StoredRecord(
      .audit, id: id, version: version, writtenAt: now,
      fields: [
        "at": "\(at)", "who": who, "from": from, "action": action, "subject": subject,
        "detail": detail, "result": result, "coordinator": coordinator,
      ])
  }
}
