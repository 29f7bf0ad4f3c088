internal import CSQLite

/// What SQLite answered when it did not do what it was asked.
struct SQLiteFailure: Error, Sendable, Equatable {
  enum Cause: Sendable {
    /// No room on the disk, or the file may not grow.
    case full
    /// The file's contents contradict themselves; waiting will not mend it.
    case damaged
    /// No database at all.
    case notADatabase
    /// Another process holds the file.
    case busy
    case other
  }

  let cause: Cause
  let message: String

  init(cause: Cause, message: String) {
    self.cause = cause
    self.message = message
  }

  /// - Parameter code: a result code; its low byte is the primary one.
  init(code: Int32, message: String) {
    cause =
      switch code & 0xFF {
      case SQLITE_FULL: .full
      case SQLITE_CORRUPT: .damaged
      case SQLITE_NOTADB: .notADatabase
      case SQLITE_BUSY, SQLITE_LOCKED: .busy
      default: .other
      }
    self.message = "\(message) (SQLite \(code))"
  }

  static let closed = SQLiteFailure(cause: .other, message: "the store is closed")
}
