/// The tables in an embedded file, and the check that a file is one of ours.
enum Schema {
  static let version: Int64 = 1
  /// "Blfy", in the header of the file.
  static let application: Int64 = 0x426C_6679
  /// A file up to so large is read through when it is opened; a larger one would hold up the start.
  private static let checkedBytesMax: Int64 = 32 << 20

  private static let tables = """
    CREATE TABLE queues (
      number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, delivered INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE bindings (
      exchange TEXT NOT NULL, key TEXT NOT NULL, queue TEXT NOT NULL,
      PRIMARY KEY (exchange, key, queue)
    ) WITHOUT ROWID;
    CREATE TABLE messages (
      place INTEGER PRIMARY KEY, deliveries INTEGER NOT NULL, properties BLOB NOT NULL,
      body BLOB NOT NULL
    );
    CREATE TABLE outcomes (
      number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL, reason TEXT NOT NULL,
      kind TEXT, lane TEXT NOT NULL, attempt INTEGER NOT NULL, tries INTEGER NOT NULL,
      losses INTEGER NOT NULL, assignment TEXT, worker TEXT, submitted_at INTEGER,
      started_at INTEGER, finished_at INTEGER NOT NULL, content_type TEXT, result BLOB,
      error_code TEXT, error_message TEXT, error_stderr TEXT, history BLOB, retry_of TEXT,
      requires TEXT NOT NULL, job BLOB, result_chunks INTEGER, result_size INTEGER,
      recorded_at INTEGER NOT NULL
    );
    CREATE INDEX outcomes_dead ON outcomes (number) WHERE job IS NOT NULL;
    CREATE TABLE results (
      job TEXT NOT NULL, assignment TEXT NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL,
      bytes BLOB NOT NULL, UNIQUE (job, assignment, n)
    );
    CREATE INDEX results_at ON results (at);
    CREATE TABLE later (
      id TEXT PRIMARY KEY, what TEXT NOT NULL, job TEXT, attempt INTEGER NOT NULL,
      due INTEGER NOT NULL, exchange TEXT NOT NULL, key TEXT NOT NULL, properties BLOB NOT NULL,
      body BLOB NOT NULL, claimed_until INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE INDEX later_due ON later (due);
    CREATE INDEX later_job ON later (job);
    CREATE TABLE cancels (
      id TEXT PRIMARY KEY, by TEXT NOT NULL, at INTEGER NOT NULL, is_withdrawn INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX cancels_at ON cancels (at);
    CREATE TABLE lanes (
      name TEXT PRIMARY KEY, by TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE schedules (
      name TEXT PRIMARY KEY, cron TEXT NOT NULL, time_zone TEXT NOT NULL, misfire TEXT NOT NULL,
      is_paused INTEGER NOT NULL, since INTEGER NOT NULL, kind TEXT NOT NULL, lane TEXT NOT NULL,
      requires TEXT NOT NULL, job BLOB NOT NULL, last INTEGER, last_job TEXT
    ) WITHOUT ROWID;
    CREATE TABLE firings (
      schedule TEXT NOT NULL, due INTEGER NOT NULL, opened INTEGER NOT NULL,
      is_closed INTEGER NOT NULL, PRIMARY KEY (schedule, due)
    ) WITHOUT ROWID;
    CREATE TABLE alerts (
      number INTEGER PRIMARY KEY, rule TEXT NOT NULL, subject TEXT NOT NULL, is_open INTEGER NOT NULL,
      severity TEXT NOT NULL, summary TEXT NOT NULL, why TEXT NOT NULL, fired_at INTEGER NOT NULL,
      resolved_at INTEGER, jobs_moved INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX alerts_one_open_episode ON alerts (rule, subject) WHERE is_open;
    """

  /// What files of the same version lacked once.
  private static let additions = """
    CREATE TABLE IF NOT EXISTS records (
      collection TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,
      written_at INTEGER NOT NULL, fields BLOB NOT NULL, PRIMARY KEY (collection, id)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS records_written ON records (collection, written_at);
    CREATE INDEX IF NOT EXISTS alerts_resolved ON alerts (resolved_at) WHERE NOT is_open;
    """

  private static let alertColumns = [
    ("why_resolved", "TEXT NOT NULL DEFAULT ''"), ("held_back_by", "TEXT NOT NULL DEFAULT ''"),
    ("released_by", "TEXT NOT NULL DEFAULT ''"), ("coordinator", "TEXT NOT NULL DEFAULT ''"),
    ("acknowledged_by", "TEXT"), ("acknowledged_at", "INTEGER"),
    ("note", "TEXT NOT NULL DEFAULT ''"),
  ]

  /// Makes the tables where there are none; refuses what is not ours, is damaged, or is of a newer
  /// Belfry.
  static func prepare(_ database: Database, at path: String) throws(EmbeddedError) {
    do throws(SQLiteFailure) {
      // Deletes nothing and waits for nothing; what is no database fails here.
      try database.execute("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=4000;")
      let tablesThere = try database.number("SELECT count(*) FROM sqlite_schema") ?? 0
      guard tablesThere > 0 else { return try make(database) }
    } catch {
      throw EmbeddedError(error, at: path)
    }
    try check(database, at: path)
    do throws(SQLiteFailure) { try add(to: database) } catch {
      throw EmbeddedError(error, at: path)
    }
  }

  private static func make(_ database: Database) throws(SQLiteFailure) {
    try database.begin(isSynced: true)
    try database.execute(tables)
    try add(to: database)
    try database.execute("PRAGMA application_id=\(application); PRAGMA user_version=\(version);")
    try database.commit()
  }

  private static func add(to database: Database) throws(SQLiteFailure) {
    try database.execute(additions)
    for (column, type) in alertColumns {
      let isThere = try database.number(
        "SELECT count(*) FROM pragma_table_info('alerts') WHERE name = '\(column)'")
      if isThere == 0 { try database.execute("ALTER TABLE alerts ADD COLUMN \(column) \(type);") }
    }
  }

  private static func check(_ database: Database, at path: String) throws(EmbeddedError) {
    let found: (application: Int64?, version: Int64?)
    let complaint: String
    do throws(SQLiteFailure) {
      found = (
        try database.number("PRAGMA application_id"), try database.number("PRAGMA user_version")
      )
      complaint = try readThrough(database)
    } catch {
      throw EmbeddedError(error, at: path)
    }
    guard found.application == application else {
      throw EmbeddedError(.notOurs, "\(path) is a database, but none of Belfry's")
    }
    guard let there = found.version, there <= version else {
      throw EmbeddedError(
        .newer,
        "\(path) was made by a newer Belfry (schema \(found.version ?? 0), this one knows"
          + " \(version))")
    }
    guard complaint == "ok" else {
      throw EmbeddedError(.damaged, "\(path) is damaged: \(complaint)")
    }
  }

  private static func readThrough(_ database: Database) throws(SQLiteFailure) -> String {
    let pages = try database.number("PRAGMA page_count") ?? 0
    let size = try database.number("PRAGMA page_size") ?? 0
    guard pages * size <= checkedBytesMax else { return "ok" }
    var answer = "no answer"
    try database.rows("PRAGMA quick_check(1)", []) { row in
      answer = row.text(0)
      return false
    }
    return answer
  }
}
