package import BelfryCore

extension EmbeddedStore {
  package func owe(_ items: [OwedPublish]) async -> [InsertAnswer] {
    await insertAll(items, size: { $0.message.body.size }) {
      database, item throws(SQLiteFailure) in
      try database.run(
        """
        INSERT OR IGNORE INTO later (id, what, job, attempt, due, exchange, key, properties, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """,
        .text(item.id.description), .text(item.what.rawValue), .text(item.job?.text),
        .int(item.attempt), .int(item.due.milliseconds), .text(item.exchange),
        .text(item.routingKey), .bytes(MessageRow.properties(item.message)),
        .bytes(item.message.body.bytes))
      return database.changes == 1
        ? .inserted : .unknown("a publish is owed under this id already")
    }
  }

  package func claimOwed(limit: Int, claimant: String) async -> [OwedPublish] {
    let (now, claim) = (now, engine.claim)
    let claimed = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var claimed: [OwedPublish] = []
      try database.rows(
        """
        SELECT id, what, job, attempt, due, exchange, key, properties, body FROM later
        WHERE due <= ?1 AND claimed_until <= ?1 ORDER BY due, id LIMIT ?2
        """, [.int(now.milliseconds), .int(max(0, limit))]
      ) { row throws(SQLiteFailure) in
        claimed.append(try Self.owed(row))
        return true
      }
      let until = SQLValue.int((now + claim).milliseconds)
      for owed in claimed {
        try database.run(
          "UPDATE later SET claimed_until = ?1 WHERE id = ?2", until, .text(owed.id.description))
      }
      return claimed
    }
    // A failure leaves no claim.
    return (try? claimed.get()) ?? []
  }

  package func settleOwed(_ ids: [OwedID]) async {
    guard !ids.isEmpty else { return }
    // Best effort: one that is left is published again.
    _ = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      for id in ids { try database.run("DELETE FROM later WHERE id = ?1", .text(id.description)) }
    }
  }

  package func delayed(
    _ filter: OutcomeFilter, limit: Int
  ) async -> Result<[DelayedJob], StoreProblem> {
    await look { database throws(SQLiteFailure) in
      var jobs: [DelayedJob] = []
      try database.rows(
        """
        SELECT id, what, job, attempt, due, exchange, key, properties, x'' FROM later
        WHERE what = ?1 ORDER BY due, job
        """, [.text(OwedPublish.What.job.rawValue)]
      ) { row throws(SQLiteFailure) in
        if let job = DelayedJob(try Self.owed(row)),
          filter.matches(job.id, job.kind, job.lane, [])
        {
          jobs.append(job)
        }
        return jobs.count < limit
      }
      return jobs
    }
  }

  private static func owed(_ row: Statement) throws(SQLiteFailure) -> OwedPublish {
    guard let id = OwedID(row.text(0)), let what = OwedPublish.What(rawValue: row.text(1))
    else { throw Unpacker.damaged }
    return OwedPublish(
      id: id, what: what, job: row.optionalText(2).flatMap { JobID($0) },
      attempt: Int(row.int(3)), due: WallTime(milliseconds: row.int(4)), exchange: row.text(5),
      routingKey: row.text(6), message: try MessageRow.message(row.bytes(7), body: row.bytes(8)))
  }
}
