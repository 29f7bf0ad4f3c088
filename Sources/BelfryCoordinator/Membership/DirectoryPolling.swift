internal import BelfryAPI
package import BelfryCore
package import Logging

/// Reads nodes' records into the directory: all before the first call is served, then what was
/// written since, twice a second.
package struct DirectoryPolling: Sendable {
  static let every = Duration.milliseconds(500)
  /// A record's time is by the clock of who wrote it: so far back each poll reads again.
  static let overlap = Duration.seconds(60)
  /// And now and then all, for a clock that is further off than that.
  static let wholeEvery = 60

  let store: any RecordStore
  let directory: NodeDirectory
  let logger: Logger

  package init(store: any RecordStore, directory: NodeDirectory, logger: Logger) {
    self.store = store
    self.directory = directory
    self.logger = logger
  }

  /// Returns once the store has answered.
  func begin() async throws {
    while await read(since: nil) != nil { try await Task.sleep(for: Self.every) }
  }

  func poll() async throws {
    var count = 0
    var said = ""
    while true {
      try await Task.sleep(for: Self.every)
      count += 1
      let isWhole = count.isMultiple(of: Self.wholeEvery)
      let problem = await read(since: isWhole ? nil : since(at: ProcessClock.now().wall))
      if let problem, said.isEmpty {
        logger.warning(
          "nodes' records cannot be read: who is thrown out elsewhere is not refused here yet",
          metadata: ["why": "\(problem.message)"])
      } else if problem == nil, !said.isEmpty {
        logger.info("nodes' records are read again")
      }
      said = problem?.message ?? ""
    }
  }

  /// What was written from here on is read: by a clock that goes ahead we must not be led past what the
  /// others write.
  package func since(at now: WallTime) -> WallTime { min(directory.newest, now) - Self.overlap }

  /// Nil: the store has answered.
  private func read(since: WallTime?) async -> StoreProblem? {
    switch await store.allRecords(.nodes, since: since) {
    case .success(let records):
      directory.take(records, at: ProcessClock.now().wall)
      return nil
    case .failure(let problem): return problem
    }
  }
}
