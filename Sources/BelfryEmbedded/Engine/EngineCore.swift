internal import BelfryCore

/// What the writing thread owns: the connection, and the broker above it.
///
/// A transaction that fails is undone as a whole, and what the broker knows is forgotten with it: its
/// links lose their connections, as if the broker had gone away, and come back once a write goes
/// through again.
final class EngineCore {
  /// How often a write is tried while none goes through.
  private static let retryEvery = Duration.milliseconds(500)

  let database: Database
  let broker: Broker
  private let path: String
  /// Why the last transaction failed; nil while all is well.
  private var failure: SQLiteFailure?

  private init(_ database: Database, _ broker: Broker, path: String) {
    self.database = database
    self.broker = broker
    self.path = path
  }

  static func open(
    _ path: String, named name: String, pagesMax: Int?
  ) throws(EmbeddedError) -> sending EngineCore {
    let database: Database
    do { database = try Database(path: path) } catch { throw EmbeddedError(error, at: name) }
    try Schema.prepare(database, at: name)
    do throws(SQLiteFailure) {
      if let pagesMax { try database.execute("PRAGMA max_page_count=\(pagesMax)") }
      // Whoever had claimed them is gone: the file is ours alone.
      try database.run("UPDATE later SET claimed_until = 0 WHERE claimed_until > 0")
      let broker = Broker(database)
      try broker.load()
      return EngineCore(database, broker, path: name)
    } catch {
      throw EmbeddedError(error, at: name)
    }
  }

  /// Runs all of them in one transaction; how long to wait for more before the next look, nil: for ever.
  func take(_ works: [Work]) -> Duration? {
    if failure != nil { recover() }
    if let failure {
      for work in works { work.finish(self, failure) }
    } else if !works.isEmpty {
      commit(works)
    }
    broker.flush()
    return failure == nil ? nil : Self.retryEvery
  }

  private func commit(_ works: [Work]) {
    do throws(SQLiteFailure) {
      try database.begin(isSynced: works.contains { $0.isSynced(self) })
      for work in works { try work.run(self) }
      try broker.saveMarks()
      try database.commit()
    } catch {
      // What was said in it has not happened.
      broker.forgetEvents()
      for work in works { work.finish(self, error) }
      return fall(error)
    }
    for work in works { work.finish(self, nil) }
    serve()
  }

  private func serve() {
    do { try broker.serve() } catch { fall(error) }
  }

  private func fall(_ failure: SQLiteFailure) {
    database.rollback()
    self.failure = failure
    broker.goDown(EmbeddedError(failure, at: path).description)
  }

  /// A write that does not go through leaves all as it is.
  private func recover() {
    do throws(SQLiteFailure) {
      try database.begin(isSynced: true)
      try database.run("UPDATE queues SET delivered = delivered")
      try broker.load()
      try database.commit()
      failure = nil
      try broker.goUp()
    } catch {
      fall(error)
    }
  }
}
