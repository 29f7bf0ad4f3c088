package import BelfryCore

/// The store on an embedded file: what is answered as inserted is on the disk. The engine's thread does the
/// work; calls that wait at the same time share one synced write.
package final class EmbeddedStore: Sendable {
  let engine: EmbeddedEngine

  package init(engine: EmbeddedEngine) { self.engine = engine }

  var now: WallTime { engine.now() }

  /// Writes that somebody is told are safe.
  func write(
    _ body: @escaping @Sendable (Database) throws(SQLiteFailure) -> Void
  ) async -> StoreProblem? {
    if case .failure(let failure) = await engine.perform(isSynced: true, body) {
      return engine.problem(failure)
    }
    return nil
  }

  /// What people look for, beside the jobs.
  func look<Answer: Sendable>(
    _ body: @escaping @Sendable (Database) throws(SQLiteFailure) -> Answer
  ) async -> Result<Answer, StoreProblem> {
    await engine.look(body).mapError(engine.problem)
  }

  /// One answer each, in order; what is over `bytesMax` is refused before anything is written.
  func insertAll<Item: Sendable>(
    _ items: [Item], size: @escaping @Sendable (Item) -> Int,
    _ insert: @escaping @Sendable (Database, Item) throws(SQLiteFailure) -> InsertAnswer
  ) async -> [InsertAnswer] {
    guard !items.isEmpty else { return [] }
    let answers = await engine.perform(isSynced: true) { database throws(SQLiteFailure) in
      var answers: [InsertAnswer] = []
      answers.reserveCapacity(items.count)
      for item in items {
        if size(item) > OutcomeRow.bytesMax {
          answers.append(.refused("\(size(item)) bytes are more than \(OutcomeRow.bytesMax)"))
        } else {
          answers.append(try insert(database, item))
        }
      }
      return answers
    }
    switch answers {
    case .success(let answers): return answers
    case .failure(let failure):
      let why = engine.problem(failure).message
      return items.map { _ in .unknown(why) }
    }
  }
}

extension EmbeddedStore: OutcomeStore {
  package func insert(_ outcomes: [Outcome]) async -> [InsertAnswer] {
    let now = now
    return await insertAll(outcomes, size: OutcomeRow.size) {
      database, outcome throws(SQLiteFailure) in
      try database.rows(OutcomeRow.insert, OutcomeRow.values(outcome, recordedAt: now)) { _ in true
      }
      return database.changes == 1 ? .inserted : .duplicate
    }
  }

  package func find(_ jobs: [JobID]) async -> [FindAnswer] {
    guard !jobs.isEmpty else { return [] }
    // Within the transactions, where it sees what was committed a moment ago.
    let found = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var answers: [FindAnswer] = []
      for job in jobs {
        var answer = FindAnswer.absent
        try database.rows(
          "SELECT \(OutcomeRow.columns) FROM outcomes WHERE id = ?1", [.text(job.text)]
        ) { row throws(SQLiteFailure) in
          answer = .found(try OutcomeRow.read(row, withResult: true, withJob: false))
          return false
        }
        answers.append(answer)
      }
      return answers
    }
    switch found {
    case .success(let answers): return answers
    case .failure(let failure):
      let why = engine.problem(failure).message
      return jobs.map { _ in .unknown(why) }
    }
  }

  package func check() async -> StoreProblem? {
    // Fails when no write goes through at present.
    let answer = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      _ = try database.number("SELECT 1")
    }
    if case .failure(let failure) = answer { return engine.problem(failure) }
    return nil
  }
}
