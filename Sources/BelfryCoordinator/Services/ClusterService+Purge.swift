internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC

extension ClusterService {
  /// Depths are measured every two seconds, and other coordinators follow within about one: so long the lane
  /// must be seen empty.
  private static let isEmptyAfter = Duration.seconds(5)
  private static let waitDefault = Duration.seconds(30)

  /// The purge stands in the store while this call waits: all coordinators heed it, and should this one die,
  /// it ends by itself.
  func purge(
    _ request: Belfry_V1_PurgeLaneRequest, by who: String
  ) async throws -> Belfry_V1_PurgeLaneReply {
    guard let lane = Lane(request.name), let before = await shell.lane(lane) else {
      throw RPCStatus(.notFound, "this coordinator serves no lane \"\(request.name)\"")
    }
    var reply = Belfry_V1_PurgeLaneReply()
    reply.found = UInt64(clamping: before.waitingInAll)
    reply.left = reply.found
    if request.dryRun { return reply }
    let asked = Duration.milliseconds(Int64(clamping: request.waitMs))
    let wait = min(request.waitMs == 0 ? Self.waitDefault : asked, LanePurge.lastsMax)
    let now = shell.clock.now().wall
    let purge = LanePurge(lane: lane, by: who, since: now, ends: now + wait)
    let record = try await begin(purge, at: now)
    let countBefore = await shell.purged(lane)
    do {
      try await takePurges()
      reply.left = try await untilEmpty(lane, within: wait)
    } catch {
      await end(record)
      throw error
    }
    reply.cancelled = UInt64(clamping: await shell.purged(lane) - countBefore)
    await end(record)
    return reply
  }

  /// One at a time; one that has had its time, and was left behind, is replaced.
  private func begin(_ purge: LanePurge, at now: WallTime) async throws -> StoredRecord {
    if let old = try answer(await store.record(.purges, purge.lane.text)) {
      if let held = LanePurge(old), now < held.ends {
        throw RPCStatus(
          .failedPrecondition, "lane \(purge.lane) is being emptied by \(held.by) already")
      }
      var next = purge.stored
      next.version = old.version + 1
      return try await written(next, await store.replace(next))
    }
    return try await written(purge.stored, await store.create(purge.stored))
  }

  private func written(_ record: StoredRecord, _ answer: Bool?) async throws -> StoredRecord {
    switch answer {
    case true?: return record
    case false?:
      throw RPCStatus(.failedPrecondition, "lane \(record.id) is being emptied by somebody already")
    case nil:
      // It may be written all the same.
      _ = await store.remove(record)
      throw MembershipService.silence
    }
  }

  /// What still waits: 0, or what did when the time was over.
  private func untilEmpty(_ lane: Lane, within wait: Duration) async throws -> UInt64 {
    let began = ContinuousClock.now
    var emptySince: ContinuousClock.Instant?
    while true {
      let left = await shell.lane(lane)?.waitingInAll ?? 0
      let now = ContinuousClock.now
      emptySince = left > 0 ? nil : emptySince ?? now
      if let emptySince, now - emptySince >= Self.isEmptyAfter { return 0 }
      if now - began >= wait { return UInt64(clamping: left) }
      try await Task.sleep(for: .milliseconds(250))
    }
  }

  /// Best effort: where the store does not answer, it ends by its time.
  private func end(_ record: StoredRecord) async {
    _ = await store.remove(record)
    try? await takePurges()
  }

  private func takePurges() async throws {
    let records = try answer(await store.allRecords(.purges))
    await shell.take(records.compactMap(LanePurge.init))
  }
}

extension HealthPicture.LaneItem {
  /// In the broker, parked there, and here.
  fileprivate var waitingInAll: Int { ready + waiting + parked }
}
