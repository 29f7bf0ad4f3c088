internal import BelfryAPI
package import BelfryCore
package import Logging

/// Cares for records that nobody asks for: writes of ephemeral nodes that they are in session here,
/// forgets those that no coordinator has had for ten minutes, and removes what has had its time. The audit
/// log stays.
package struct RecordKeeping: Sendable {
  static let every = NodeRecord.seenEvery
  /// Rounds between two looks at what has had its time.
  static let purgeEvery = 30

  let store: any RecordStore
  package let changes: NodeChanges
  let logger: Logger

  package init(store: any RecordStore, changes: NodeChanges, logger: Logger) {
    self.store = store
    self.changes = changes
    self.logger = logger
  }

  /// - Parameter inSession: names of those that are in session here.
  /// - Parameter now: of the cluster's clock: what has had its time everywhere is removed, not what this
  ///   machine's clock says.
  func run(
    now: @Sendable () -> WallTime, _ inSession: @Sendable () async -> Set<String>
  ) async throws {
    var count = 0
    while true {
      try await Task.sleep(for: Self.every)
      await round(inSession: await inSession(), at: ProcessClock.now().wall)
      if count.isMultiple(of: Self.purgeEvery) { await purge(at: now()) }
      count += 1
    }
  }

  /// Each change is decided on the record as it is in the store then; where that does not answer, the next
  /// round comes.
  package func round(inSession: Set<String>, at now: WallTime) async {
    for node in changes.directory.nodes where node.isEphemeral && node.state == .member {
      if inSession.contains(node.name.text) {
        _ = try? await changes.change(node.name, at: now) { node in
          guard var node, node.isSeenToBeWritten(at: now) else { return nil }
          node.seen = now
          return node
        }
      } else if node.isAway(at: now) {
        let forgotten = try? await changes.change(node.name, at: now) { node in
          guard var node, node.isAway(at: now) else { return nil }
          node.state = .removed
          return node
        }
        if forgotten != nil {
          await changes.dropControl(of: node.name)
          logger.notice(
            "an ephemeral node is gone, and forgotten", metadata: ["node": "\(node.name)"])
        }
      }
    }
  }

  package func purge(at now: WallTime) async {
    var count = 0
    for collection in [StoredRecord.Collection.nodes, .tokens, .silences] {
      // Not answered: in an hour again.
      guard case .success(let records) = await store.allRecords(collection) else { continue }
      for record in records where Self.isToBePurged(record, at: now) {
        if await store.remove(record) == true { count += 1 }
      }
    }
    if count > 0 {
      logger.info(
        "records of removed nodes, old tokens and silences were removed",
        metadata: ["count": "\(count)"])
    }
  }

  private static func isToBePurged(_ record: StoredRecord, at now: WallTime) -> Bool {
    NodeRecord(record)?.isToBePurged(at: now) ?? TokenRecord(record)?.isToBePurged(at: now)
      ?? Silence(record).map { !$0.isShown(at: now) } ?? false
  }
}
