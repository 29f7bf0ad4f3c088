internal import BelfryAPI
internal import BelfryCore

/// Writes this coordinator's record and reads those of all, every second, best effort; removes what
/// nobody has written for ten minutes. In one loop, a read behind each write. While workers miss a
/// coordinator, it looks for that one's record more often.
actor RosterKeeping {
  private static let roundsMax = 3

  private let store: any RecordStore
  private let shell: CoreShell
  /// Of our record as it was last written or read; nil: it has to be read.
  private var version: Int?
  private var hasLeft = false

  init(store: any RecordStore, shell: CoreShell) {
    self.store = store
    self.shell = shell
  }

  func run() async throws {
    var isDue = shell.clock.now().monotonic
    while true {
      let now = shell.clock.now().monotonic
      if await shell.isServing, now >= isDue {
        isDue = max(isDue, now - CoordinatorRoster.lookEvery) + CoordinatorRoster.writeEvery
        await write()
        let took = shell.clock.now().monotonic - now
        if CoordinatorRoster.isWorthReading(afterWriteOf: took) { await read() }
      } else if await shell.missesCoordinator {
        await read()
      }
      try await Task.sleep(for: CoordinatorRoster.lookEvery)
    }
  }

  /// Planned: the others are not to miss us.
  func leave() async {
    hasLeft = true
    await write()
  }

  /// What is written is made anew each time: another call may have written meanwhile.
  private func write() async {
    for _ in 0..<Self.roundsMax {
      var record = await shell.record
      if hasLeft { record.state = .left }
      guard let current = version else {
        guard await findVersion(of: record) else { return }
        continue
      }
      let next = record.stored(version: current + 1, at: shell.clock.now().wall)
      let written = await store.replace(next)
      version = written == true ? next.version : nil
      if written != false { return }
    }
  }

  /// False: the store did not answer.
  private func findVersion(of record: CoordinatorRecord) async -> Bool {
    switch await store.record(.coordinators, record.name.text) {
    case .failure: return false
    case .success(let stored?): version = stored.version
    case .success(nil):
      // If another was quicker the next round reads what it wrote.
      let first = record.stored(version: 1, at: shell.clock.now().wall)
      guard let created = await store.create(first) else { return false }
      version = created ? 1 : nil
    }
    return true
  }

  private func read() async {
    let begin = WallTime(milliseconds: 0)
    guard case .success(let records) = await store.allRecords(.coordinators, since: begin) else {
      return
    }
    shell.post(.coordinatorsRead(records))
    let now = shell.clock.now().wall
    for record in records where CoordinatorRecord.isToBePurged(record, at: now) {
      _ = await store.remove(record)
    }
  }
}
