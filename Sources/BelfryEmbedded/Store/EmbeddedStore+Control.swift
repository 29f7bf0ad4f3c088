package import BelfryCore

extension EmbeddedStore: ControlStore {
  package func addCancel(_ job: JobID, by: String) async -> StoreProblem? {
    let now = SQLValue.int(now.milliseconds)
    return await write { database throws(SQLiteFailure) in
      try database.run(
        "INSERT OR REPLACE INTO cancels (id, by, at, is_withdrawn) VALUES (?1, ?2, ?3, 0)",
        .text(job.text), .text(by), now)
      // Due now: its message is met, and its outcome announced, while the cancel is still heeded.
      try database.run(
        "UPDATE later SET due = ?1 WHERE job = ?2 AND what = ?3", now, .text(job.text),
        .text(OwedPublish.What.job.rawValue))
    }
  }

  package func cancels(since mark: CancelMark?) async -> CancelNews? {
    let news = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var news = CancelNews(mark: mark)
      try database.rows(
        "SELECT id, is_withdrawn, at FROM cancels WHERE at >= ?1 ORDER BY at, id",
        [.int(mark?.time.milliseconds ?? .min)]
      ) { row in
        let job = JobID(trusted: row.text(0))
        if row.int(1) == 0 { news.cancelled.append(job) } else { news.withdrawn.append(job) }
        news.mark = CancelMark(time: WallTime(milliseconds: row.int(2)))
        return true
      }
      return news
    }
    return try? news.get()  // Not answered is nil.
  }

  package func pauses() async -> [LanePause]? {
    let pauses = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var pauses: [LanePause] = []
      try database.rows("SELECT name, by, reason, since FROM lanes ORDER BY name", []) { row in
        pauses.append(
          LanePause(
            lane: Lane(trusted: row.text(0)), by: row.text(1), reason: row.text(2),
            since: WallTime(milliseconds: row.int(3))))
        return true
      }
      return pauses
    }
    return try? pauses.get()  // Not answered is nil.
  }

  package func setPause(_ pause: LanePause?, of lane: Lane) async -> StoreProblem? {
    await write { database throws(SQLiteFailure) in
      guard let pause else {
        return try database.run("DELETE FROM lanes WHERE name = ?1", .text(lane.text))
      }
      try database.run(
        "INSERT OR REPLACE INTO lanes (name, by, reason, since) VALUES (?1, ?2, ?3, ?4)",
        .text(lane.text), .text(pause.by), .text(pause.reason), .int(pause.since.milliseconds))
    }
  }

  package func search(
    _ filter: OutcomeFilter, limit: Int
  ) async -> Result<[Outcome], StoreProblem> {
    await outcomes(OutcomeQuery(filter, isDead: false), limit: limit)
  }

  package func dead(_ filter: OutcomeFilter, limit: Int) async -> Result<[Outcome], StoreProblem> {
    await outcomes(OutcomeQuery(filter, isDead: true), limit: limit)
  }

  private func outcomes(
    _ query: OutcomeQuery, limit: Int
  ) async -> Result<[Outcome], StoreProblem> {
    await look { database throws(SQLiteFailure) in
      var found: [Outcome] = []
      try database.rows(query.text, query.values + [.int(limit)], isKept: false) {
        row throws(SQLiteFailure) in
        found.append(try OutcomeRow.read(row, withResult: query.isDead, withJob: query.isDead))
        return true
      }
      return found
    }
  }
}

/// A search as a statement. What people have written is bound, never put into the text.
struct OutcomeQuery: Sendable {
  let isDead: Bool
  private var conditions: [String] = []
  private(set) var values: [SQLValue] = []

  init(_ filter: OutcomeFilter, isDead: Bool) {
    self.isDead = isDead
    if isDead { conditions.append("job IS NOT NULL") }
    addAnyOf("id", filter.ids.map(\.text))
    addAnyOf("state", filter.states.map(\.rawValue))
    if !filter.idPrefix.isEmpty {
      // Ids are ASCII: those that begin with a text lie between it and the text with a DEL behind it.
      add("id >= ?", .text(filter.idPrefix))
      add("id < ?", .text(filter.idPrefix + "\u{7F}"))
    }
    if let kind = filter.kind { add("kind = ?", .text(kind.text)) }
    if let lane = filter.lane { add("lane = ?", .text(lane.text)) }
    if let worker = filter.worker { add("worker = ?", .text(worker.text)) }
    for label in filter.requires {
      add("instr(',' || requires || ',', ?) > 0", .text(",\(label),"))
    }
    if let since = filter.since { add("finished_at >= ?", .int(since.milliseconds)) }
    if let until = filter.until { add("finished_at < ?", .int(until.milliseconds)) }
  }

  /// The newest first; the limit is its last value.
  var text: String {
    let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
    return "SELECT \(OutcomeRow.columns) FROM outcomes \(filter) ORDER BY number DESC LIMIT ?"
  }

  private mutating func add(_ condition: String, _ value: SQLValue) {
    conditions.append(condition)
    values.append(value)
  }

  private mutating func addAnyOf(_ column: String, _ texts: [String]) {
    guard !texts.isEmpty else { return }
    conditions.append(
      "\(column) IN (\(texts.map { _ in "?" }.joined(separator: ", ")))")
    values += texts.map { .text($0) }
  }
}
