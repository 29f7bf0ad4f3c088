internal import BelfryAPI
internal import BelfryCore
internal import Logging

/// What people told any coordinator, read from the store: once before the first job, then every second.
/// And the store's own housekeeping: outcomes that are old enough go.
struct ControlPolling: Sendable {
  static let every = Duration.seconds(1)
  static let purgeEvery = Duration.seconds(60)
  static let purgePortion = 1_000
  /// Chunks that no outcome names are kept for at least so long: a worker that has kept them and cannot
  /// reach the store may still record the outcome that does.
  static let chunksKeptMin = Duration.seconds(7 * 86_400)

  let store: any ControlStore & RecordStore
  let shell: CoreShell
  let attached: AttachedQueues
  let outcomesKept: Duration
  let logger: Logger

  /// Reads all there is; returns once the store has answered.
  func begin() async throws -> CancelMark? {
    while true {
      if let news = await store.cancels(since: nil), let pauses = await store.pauses(),
        let controls = await controls(), let purges = await purges(),
        let attachments = await attachments()
      {
        shell.post([
          .cancelsRead(news.cancelled), .pausesRead(pauses), .controlsRead(controls),
          .purgesRead(purges), .attachmentsRead(attached.use(attachments)),
        ])
        return news.mark
      }
      try await Task.sleep(for: Self.every)
    }
  }

  func poll(from mark: CancelMark?) async throws {
    var mark = mark
    while true {
      try await Task.sleep(for: Self.every)
      var inputs: [Input] = []
      if let news = await store.cancels(since: mark) {
        mark = news.mark
        if !news.cancelled.isEmpty { inputs.append(.cancelsRead(news.cancelled)) }
        if !news.withdrawn.isEmpty { inputs.append(.forgotten(news.withdrawn)) }
      }
      shell.post(inputs)
      let changes = await shell.peoplesChanges
      var lists: [Input] = []
      if let pauses = await store.pauses() { lists.append(.pausesRead(pauses)) }
      if let controls = await controls() { lists.append(.controlsRead(controls)) }
      if let purges = await purges() { lists.append(.purgesRead(purges)) }
      let attachments = await attachments()
      await shell.take(readAt: changes) { [lists, attached] in
        lists + (attachments.map { [.attachmentsRead(attached.use($0))] } ?? [])
      }
    }
  }

  /// Nil: not answered.
  private func controls() async -> [NodeControl]? {
    await records(.controls)?.compactMap(NodeControl.init)
  }

  private func purges() async -> [LanePurge]? { await records(.purges)?.compactMap(LanePurge.init) }

  private func attachments() async -> [QueueAttachment]? {
    await records(.attachments)?.compactMap(QueueAttachment.init)
  }

  /// All of them, and read as what coordinators need, not as what people search.
  private func records(_ collection: StoredRecord.Collection) async -> [StoredRecord]? {
    let ever = WallTime(milliseconds: 0)
    guard case .success(let records) = await store.allRecords(collection, since: ever) else {
      return nil
    }
    return records
  }

  func purge() async throws {
    while true {
      try await Task.sleep(for: Self.purgeEvery)
      var total = 0
      // This machine's own clock, not the store's as elsewhere: nothing is removed that only one of the two
      // calls old, and the store asks its own.
      while let count = await store.purge(
        olderThan: outcomesKept, at: ProcessClock.now().wall, limit: Self.purgePortion), count > 0
      { total += count }
      let chunksKept = max(outcomesKept, Self.chunksKeptMin)
      while let count = await store.purgeChunks(
        olderThan: chunksKept, at: ProcessClock.now().wall, limit: Self.purgePortion), count > 0
      {}
      if total > 0 {
        logger.info("outcomes were removed after their time", metadata: ["count": "\(total)"])
      }
    }
  }
}
