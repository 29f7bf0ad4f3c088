package import BelfryCore

/// Alert episodes; opening and closing are of `OutcomeStore`.
extension EmbeddedStore: AlertStore {
  package func openAlert(_ alert: Alert) async -> Bool? {
    await changeOne { database throws(SQLiteFailure) in
      try database.run(
        """
        INSERT OR IGNORE INTO alerts
          (rule, subject, is_open, severity, summary, why, fired_at, jobs_moved, held_back_by,
            coordinator)
        VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """,
        .text(alert.rule), .text(alert.subject), .text(alert.severity.rawValue),
        .text(alert.summary), .text(alert.why), .int(alert.firedAt.milliseconds),
        .int(alert.jobsMoved), .text(alert.heldBackBy), .text(alert.coordinator))
    }
  }

  package func closeAlert(_ alert: Alert) async -> Bool? {
    await changeOne { database throws(SQLiteFailure) in
      try database.run(
        """
        UPDATE alerts SET is_open = 0, resolved_at = ?3, why_resolved = ?4
        WHERE rule = ?1 AND subject = ?2 AND is_open
        """,
        .text(alert.rule), .text(alert.subject), .int(alert.resolvedAt?.milliseconds),
        .text(alert.why))
    }
  }

  package func acknowledgeAlert(
    _ id: AlertID, _ acknowledgement: Acknowledgement
  ) async -> Bool? {
    await changeOne { database throws(SQLiteFailure) in
      try database.run(
        """
        UPDATE alerts SET acknowledged_by = ?3, acknowledged_at = ?4, note = ?5
        WHERE rule = ?1 AND subject = ?2 AND is_open AND acknowledged_by IS NULL
        """,
        .text(id.rule), .text(id.subject), .text(acknowledgement.by),
        .int(acknowledgement.at.milliseconds), .text(acknowledgement.note))
    }
  }

  package func releaseAlert(_ id: AlertID, by releaser: String) async -> Bool? {
    await changeOne { database throws(SQLiteFailure) in
      try database.run(
        """
        UPDATE alerts SET held_back_by = '', released_by = ?3
        WHERE rule = ?1 AND subject = ?2 AND is_open AND (held_back_by <> '' OR released_by = ?3)
        """, .text(id.rule), .text(id.subject), .text(releaser))
    }
  }

  private func changeOne(
    _ body: @escaping @Sendable (Database) throws(SQLiteFailure) -> Void
  ) async -> Bool? {
    let changed = await engine.perform(isSynced: true) { database throws(SQLiteFailure) in
      try body(database)
      return database.changes == 1
    }
    return try? changed.get()  // Not answered is nil.
  }

  package func openAlerts() async -> Result<[Alert], StoreProblem> {
    await alerts("is_open ORDER BY fired_at DESC, number DESC LIMIT ?1", [.int(Self.openAlertsMax)])
  }

  package func resolvedAlerts(
    since: WallTime, limit: Int
  ) async -> Result<[Alert], StoreProblem> {
    await alerts(
      "NOT is_open AND resolved_at >= ?1 ORDER BY resolved_at DESC, number DESC LIMIT ?2",
      [.int(since.milliseconds), .int(limit)])
  }

  /// Within the transactions, where what was written a moment ago is seen.
  private func alerts(
    _ which: String, _ values: [SQLValue]
  ) async -> Result<[Alert], StoreProblem> {
    await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var alerts: [Alert] = []
      try database.rows(
        """
        SELECT rule, subject, is_open, severity, summary, why, fired_at, resolved_at, jobs_moved,
          held_back_by, why_resolved, coordinator, acknowledged_by, acknowledged_at, note
        FROM alerts WHERE \(which)
        """, values
      ) { row in
        alerts.append(Self.alert(row))
        return true
      }
      return alerts
    }.mapError(engine.problem)
  }

  private static func alert(_ row: Statement) -> Alert {
    let isOpen = row.int(2) != 0
    var alert = Alert(
      rule: row.text(0), subject: row.text(1), state: isOpen ? .firing : .resolved,
      severity: Alert.Severity(rawValue: row.text(3)) ?? .warning, summary: row.text(4),
      why: row.text(5), firedAt: WallTime(milliseconds: row.int(6)),
      resolvedAt: row.optionalInt(7).map { WallTime(milliseconds: $0) },
      jobsMoved: Int(clamping: row.int(8)))
    alert.heldBackBy = row.text(9)
    alert.resolvedWhy = row.text(10)
    alert.coordinator = row.text(11)
    if let by = row.optionalText(12), let at = row.optionalInt(13) {
      alert.acknowledgement = Acknowledgement(
        by: by, at: WallTime(milliseconds: at), note: row.text(14))
      if isOpen { alert.state = .acknowledged }
    }
    return alert
  }
}
