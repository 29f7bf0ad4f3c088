package import BelfryCore
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A queue and a store in one file, or in memory: what `EmbeddedQueue` and `EmbeddedStore` share.
///
/// One thread owns the connection that writes. It commits in groups: all that has come while one
/// transaction was on its way to the disk is the next one, so a synced write is shared by everybody who
/// waits for one. What people look for is read by a second thread, beside that.
///
/// A file belongs to one process at a time: opening it twice is refused.
package final class EmbeddedEngine: Sendable {
  package enum Place: Sendable {
    /// In a folder that is there. It and its two companions (`-wal`, `-shm`) have mode 0600.
    case file(String)
    /// Gone with the process.
    case memory
  }

  private let writer: WorkThread<Work>
  /// Nil in memory, where a second connection would see nothing.
  private let reader: WorkThread<Look>?
  /// Nil in memory, and once it is closed.
  private let lock: Mutex<FileLock?>
  /// For messages.
  package let path: String
  let claim: Duration
  let now: @Sendable () -> WallTime

  /// Opens the file, or makes it.
  ///
  /// - Parameters:
  ///   - claim: how long an owed publish belongs to who claimed it; 10 s, less in tests.
  ///   - pagesMax: how many pages of 4 KiB the file may have; nil: as many as the disk.
  ///   - now: the store's clock, which judges what is due.
  package init(
    _ place: Place, claim: Duration = .seconds(10), pagesMax: Int? = nil,
    now: @escaping @Sendable () -> WallTime = EmbeddedEngine.clock
  ) throws(EmbeddedError) {
    self.claim = claim
    self.now = now
    switch place {
    case .memory:
      path = "memory"
      lock = Mutex(nil)
      writer = try Self.openWriter(":memory:", named: path, pagesMax)
      reader = nil
    case .file(let path):
      self.path = path
      let held = try FileLock(path + ".lock")
      lock = Mutex(held)
      try Self.makeFile(path)
      writer = try Self.openWriter(path, named: path, pagesMax)
      reader = try Self.openReader(path)
    }
  }

  /// Finishes what was begun and lets go of the file. What is asked for later is answered as unknown.
  package func close() async {
    await reader?.close()
    await writer.close()
    lock.withLock { $0 = nil }
  }

  // MARK: work

  /// Runs `body` within the next transaction. It may be run, and then undone: only what is answered has
  /// happened.
  /// - Parameter isSynced: it writes what somebody is told is safe.
  func perform<Answer: Sendable>(
    isSynced: Bool, _ body: @escaping @Sendable (Database) throws(SQLiteFailure) -> Answer
  ) async -> Result<Answer, SQLiteFailure> {
    await withCheckedContinuation { continuation in
      let answer = Slot<Answer>()
      let work = Work(isSynced: { _ in isSynced }) { core throws(SQLiteFailure) in
        answer.value = try body(core.database)
      } finish: { _, failure in
        guard failure == nil, let value = answer.value else {
          return continuation.resume(returning: .failure(failure ?? .closed))
        }
        continuation.resume(returning: .success(value))
      }
      if !writer.put(work) { continuation.resume(returning: .failure(.closed)) }
    }
  }

  /// Reads beside the transactions: what was committed before.
  func look<Answer: Sendable>(
    _ body: @escaping @Sendable (Database) throws(SQLiteFailure) -> Answer
  ) async -> Result<Answer, SQLiteFailure> {
    guard let reader else { return await perform(isSynced: false, body) }
    return await withCheckedContinuation { continuation in
      let look = Look { database in
        continuation.resume(
          returning: Result { () throws(SQLiteFailure) in try body(database) })
      }
      if !reader.put(look) { continuation.resume(returning: .failure(.closed)) }
    }
  }

  /// Hands over a broker's work; false when the engine is closed.
  @discardableResult
  func put(_ work: Work) -> Bool { writer.put(work) }

  func problem(_ failure: SQLiteFailure) -> StoreProblem {
    EmbeddedError(failure, at: path).problem
  }

  // MARK: opening

  private static func openWriter(
    _ path: String, named name: String, _ pagesMax: Int?
  ) throws(EmbeddedError) -> WorkThread<Work> {
    let core = try EngineCore.open(path, named: name, pagesMax: pagesMax)
    return WorkThread { core.take($0) }
  }

  private static func openReader(_ path: String) throws(EmbeddedError) -> WorkThread<Look> {
    let database: Database
    do { database = try Database(path: path, readOnly: true) } catch {
      throw EmbeddedError(error, at: path)
    }
    return WorkThread { looks in
      for look in looks { look.run(database) }
      return nil
    }
  }

  /// SQLite would make it as the umask has it.
  private static func makeFile(_ path: String) throws(EmbeddedError) {
    let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "unknown error"
      throw EmbeddedError(.fileSystem, "cannot open \(path): \(reason)")
    }
    Glibc.close(descriptor)
  }

  package static let clock: @Sendable () -> WallTime = {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

/// Something to be done within a transaction.
struct Work: Sendable {
  /// Asked before the transaction begins.
  let isSynced: @Sendable (EngineCore) -> Bool
  let run: @Sendable (EngineCore) throws(SQLiteFailure) -> Void
  /// After the commit, or with the reason why there was none.
  let finish: @Sendable (EngineCore, SQLiteFailure?) -> Void

  init(
    isSynced: @escaping @Sendable (EngineCore) -> Bool,
    run: @escaping @Sendable (EngineCore) throws(SQLiteFailure) -> Void,
    finish: @escaping @Sendable (EngineCore, SQLiteFailure?) -> Void = { _, _ in }
  ) {
    self.isSynced = isSynced
    self.run = run
    self.finish = finish
  }
}

/// Something to be read.
struct Look: Sendable {
  let run: @Sendable (Database) -> Void
}

/// Carries an answer from a transaction to its end, on one thread.
private final class Slot<Answer>: @unchecked Sendable {
  var value: Answer?
}
