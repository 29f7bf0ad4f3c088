internal import CSQLite

/// One connection to SQLite, with the statements that were prepared on it. Confined to one thread at a
/// time.
@safe final class Database {
  private let handle: OpaquePointer
  private var statements: [String: Statement] = [:]
  private var isSynced: Bool?

  /// - Parameter path: of a file, which is made when it is not there; `:memory:` is none.
  init(path: String, readOnly: Bool = false) throws(SQLiteFailure) {
    var opened: OpaquePointer?
    let access = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    // Without a mutex of its own: one thread at a time has it.
    let status = unsafe sqlite3_open_v2(path, &opened, access | SQLITE_OPEN_NOMUTEX, nil)
    guard let opened = unsafe opened else { fatalError("no memory for a connection to SQLite") }
    guard status == SQLITE_OK else {
      let failure = unsafe SQLiteFailure(of: opened, status)
      unsafe sqlite3_close_v2(opened)
      throw failure
    }
    unsafe handle = opened
    unsafe sqlite3_extended_result_codes(opened, 1)
    // Somebody may look into the file with SQLite's own shell, and hold it for a moment.
    unsafe sqlite3_busy_timeout(opened, 5_000)
  }

  deinit {
    statements = [:]
    unsafe sqlite3_close_v2(handle)
  }

  /// Runs a statement that brings no rows, or whose rows nobody wants.
  func run(_ sql: String, _ values: SQLValue...) throws(SQLiteFailure) {
    try rows(sql, values) { _ in false }
  }

  /// Rows that the last insert, update or delete has changed.
  var changes: Int { Int(unsafe sqlite3_changes64(handle)) }

  /// Calls `body` for each row until it says that it wants no more.
  /// - Parameter isKept: false for a text that will hardly come again.
  func rows(
    _ sql: String, _ values: [SQLValue], isKept: Bool = true,
    _ body: (Statement) throws(SQLiteFailure) -> Bool
  ) throws(SQLiteFailure) {
    let statement = try isKept ? kept(sql) : unsafe Statement(sql, borrowing: handle)
    defer { statement.reset() }
    try statement.bind(values)
    while try statement.step() {
      guard try body(statement) else { return }
    }
  }

  /// The first column of the first row.
  func number(_ sql: String, _ values: SQLValue...) throws(SQLiteFailure) -> Int64? {
    var found: Int64?
    try rows(sql, values) { row in
      found = row.optionalInt(0)
      return false
    }
    return found
  }

  private func kept(_ sql: String) throws(SQLiteFailure) -> Statement {
    if let statement = statements[sql] { return statement }
    let statement = unsafe try Statement(sql, borrowing: handle)
    statements[sql] = statement
    return statement
  }

  /// Several statements at once: schema and settings.
  func execute(_ sql: String) throws(SQLiteFailure) {
    let status = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
    guard status == SQLITE_OK else { throw unsafe SQLiteFailure(of: handle, status) }
  }

  // MARK: transactions

  /// - Parameter isSynced: the commit returns when all is on the disk; else it only comes whole or not
  ///   at all.
  func begin(isSynced: Bool) throws(SQLiteFailure) {
    if self.isSynced != isSynced {
      try execute(isSynced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL")
      self.isSynced = isSynced
    }
    try run("BEGIN")
  }

  func commit() throws(SQLiteFailure) { try run("COMMIT") }

  /// Undoes what was not committed; after some failures SQLite has done so itself.
  func rollback() {
    guard unsafe sqlite3_get_autocommit(handle) == 0 else { return }
    try? run("ROLLBACK")  // Nothing is left to be done about a failure: the next BEGIN tells.
  }
}
