internal import CSQLite

/// A value that is bound to a statement.
enum SQLValue {
  case int(Int64)
  case text(String)
  case bytes([UInt8])
  case null

  static func int(_ value: Int) -> SQLValue { .int(Int64(value)) }
  static func text(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
  static func bytes(_ value: [UInt8]?) -> SQLValue { value.map { .bytes($0) } ?? .null }
  static func int(_ value: Int64?) -> SQLValue { value.map { .int($0) } ?? .null }
}

/// A prepared statement, and after `step` the row it stands on. Confined to its database's thread.
@safe final class Statement {
  private let handle: OpaquePointer
  private let database: OpaquePointer

  /// - Parameter database: borrowed; it outlives the statement.
  init(_ sql: String, borrowing database: OpaquePointer) throws(SQLiteFailure) {
    var prepared: OpaquePointer?
    // SQLITE_OK and a statement, or an error and none; an empty text gives neither.
    let status = unsafe sqlite3_prepare_v3(
      database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
    guard status == SQLITE_OK, let prepared = unsafe prepared else {
      throw unsafe SQLiteFailure(of: database, status)
    }
    unsafe handle = prepared
    unsafe self.database = database
  }

  deinit { unsafe sqlite3_finalize(handle) }

  /// Values for `?1`, `?2` and so on; they are copied.
  func bind(_ values: [SQLValue]) throws(SQLiteFailure) {
    for (index, value) in values.enumerated() {
      let place = Int32(index + 1)
      let status =
        switch value {
        case .int(let value): unsafe sqlite3_bind_int64(handle, place, value)
        case .null: unsafe sqlite3_bind_null(handle, place)
        case .text(let text): bind(text, place)
        case .bytes(let bytes): bind(bytes, place)
        }
      guard status == SQLITE_OK else { throw unsafe SQLiteFailure(of: database, status) }
    }
  }

  private func bind(_ text: String, _ place: Int32) -> Int32 {
    // With its length: a text may hold a zero.
    unsafe text.withCString { start in
      unsafe sqlite3_bind_text64(
        handle, place, start, UInt64(text.utf8.count), belfry_sqlite_transient(),
        UInt8(SQLITE_UTF8))
    }
  }

  private func bind(_ bytes: [UInt8], _ place: Int32) -> Int32 {
    guard !bytes.isEmpty else { return unsafe sqlite3_bind_zeroblob(handle, place, 0) }
    return unsafe bytes.withUnsafeBytes { bytes in
      unsafe sqlite3_bind_blob64(
        handle, place, bytes.baseAddress, UInt64(bytes.count), belfry_sqlite_transient())
    }
  }

  /// True: it stands on a row. False: done.
  func step() throws(SQLiteFailure) -> Bool {
    switch unsafe sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let status: throw unsafe SQLiteFailure(of: database, status)
    }
  }

  /// Makes it ready for the next run, and lets go of what was bound.
  func reset() {
    // Repeats the error of the last step, which was thrown.
    unsafe sqlite3_reset(handle)
    unsafe sqlite3_clear_bindings(handle)
  }

  // MARK: columns, from 0

  func isNull(_ column: Int32) -> Bool {
    unsafe sqlite3_column_type(handle, column) == SQLITE_NULL
  }

  func int(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  func optionalInt(_ column: Int32) -> Int64? { isNull(column) ? nil : int(column) }

  func text(_ column: Int32) -> String {
    guard let start = unsafe sqlite3_column_text(handle, column) else { return "" }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe String(
      decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  func bytes(_ column: Int32) -> [UInt8] {
    guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  }

  func optionalBytes(_ column: Int32) -> [UInt8]? { isNull(column) ? nil : bytes(column) }
}

extension SQLiteFailure {
  /// The last error of a connection.
  init(of database: OpaquePointer, _ status: Int32) {
    let message = unsafe sqlite3_errmsg(database).map { unsafe String(cString: $0) } ?? "no message"
    self.init(code: status, message: message)
  }
}
