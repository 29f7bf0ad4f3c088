package import BelfryCore

/// Chunks of results, and what goes: outcomes that are forgotten or old enough, with their chunks, and
/// chunks that no outcome names.
extension EmbeddedStore {
  /// How long a cancel is heeded.
  private static let cancelsKept = Duration.seconds(7 * 86_400)

  package func insertChunks(_ chunks: [ResultChunk]) async -> [InsertAnswer] {
    let now = SQLValue.int(now.milliseconds)
    return await insertAll(chunks, size: { $0.bytes.size }) {
      database, chunk throws(SQLiteFailure) in
      try database.run(
        "INSERT OR IGNORE INTO results (job, assignment, n, at, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
        .text(chunk.id.job.text), .text(chunk.id.assignment.description), .int(chunk.id.number),
        now, .bytes(chunk.bytes.bytes))
      return database.changes == 1 ? .inserted : .duplicate
    }
  }

  package func chunk(_ id: ChunkID) async -> Result<Payload?, StoreProblem> {
    await look { database throws(SQLiteFailure) in
      var found: Payload?
      try database.rows(
        "SELECT bytes FROM results WHERE job = ?1 AND assignment = ?2 AND n = ?3",
        [.text(id.job.text), .text(id.assignment.description), .int(id.number)]
      ) { row in
        found = Payload(row.bytes(0))
        return false
      }
      return found
    }
  }

  package func forget(_ jobs: [JobID]) async -> StoreProblem? {
    let now = SQLValue.int(now.milliseconds)
    return await write { database throws(SQLiteFailure) in
      for job in jobs {
        try database.run(
          "UPDATE cancels SET is_withdrawn = 1, at = ?1 WHERE id = ?2", now, .text(job.text))
        try database.run(
          """
          DELETE FROM results WHERE job = ?1
            AND assignment = (SELECT assignment FROM outcomes WHERE id = ?1)
          """, .text(job.text))
        try database.run("DELETE FROM outcomes WHERE id = ?1", .text(job.text))
      }
    }
  }

  package func purge(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int? {
    let ours = self.now
    let before = SQLValue.int((min(now, ours) - age).milliseconds)
    let purged = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      try database.run(
        "DELETE FROM cancels WHERE at < ?1", .int((ours - Self.cancelsKept).milliseconds))
      // The oldest come first in the order of the table, near enough: what is read there and is old goes.
      let old = """
        number IN (SELECT number FROM outcomes ORDER BY number LIMIT ?1) AND recorded_at < ?2
        """
      try database.run(
        """
        DELETE FROM results WHERE (job, assignment) IN
          (SELECT id, assignment FROM outcomes WHERE result_chunks > 0 AND \(old))
        """, .int(limit), before)
      try database.run("DELETE FROM outcomes WHERE \(old)", .int(limit), before)
      return database.changes
    }
    return try? purged.get()  // Not answered is nil.
  }

  package func purgeChunks(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int? {
    let before = SQLValue.int((min(now, self.now) - age).milliseconds)
    let purged = await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      try database.run(
        """
        DELETE FROM results WHERE rowid IN
          (SELECT rowid FROM results WHERE at < ?2 AND NOT EXISTS
            (SELECT 1 FROM outcomes WHERE id = results.job AND assignment = results.assignment)
           LIMIT ?1)
        """, .int(limit), before)
      return database.changes
    }
    return try? purged.get()  // Not answered is nil.
  }
}
