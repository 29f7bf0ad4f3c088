internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import NIOCore

/// `belfry.v1.Cluster`: what operators ask.
struct ClusterService: Sendable {
  let shell: CoreShell
  let store: any ControlStore & RecordStore
  let cluster: String
  let board: AlertBoard
  let attached: AttachedQueues

  func picture() async -> Belfry_V1_HealthUpdate {
    let now = shell.clock.now().wall
    var update = Belfry_V1_HealthUpdate(await shell.picture(), cluster: cluster, at: now)
    for index in update.alerts.indices { board.mark(&update.alerts[index], at: now) }
    return update
  }

  static let reasonMax = 256

  static func check(reason: String) throws(RPCStatus) {
    guard reason.unicodeScalars.count <= reasonMax else {
      throw RPCStatus(.invalidArgument, "a reason has at most \(reasonMax) characters")
    }
  }

  /// Written first, then read back: what this coordinator does is what all others will do.
  func setLane(_ request: Belfry_V1_SetLaneRequest, by: String) async throws -> Belfry_V1_LaneHealth
  {
    guard let lane = Lane(request.name), await shell.lane(lane) != nil else {
      throw RPCStatus(.notFound, "this coordinator serves no lane \"\(request.name)\"")
    }
    try Self.check(reason: request.reason)
    guard let known = await store.pauses() else {
      throw RPCStatus(.unavailable, "the store does not answer")
    }
    // Who paused it first, and since when, stays.
    if request.paused != known.contains(where: { $0.lane == lane }) {
      let pause = LanePause(
        lane: lane, by: by, reason: request.reason, since: shell.clock.now().wall)
      if let problem = await store.setPause(request.paused ? pause : nil, of: lane) {
        throw RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
      }
    }
    guard let pauses = await store.pauses() else {
      throw RPCStatus(.unavailable, "it is written, but the store does not answer: ask again")
    }
    await shell.take(pauses)
    guard let item = await shell.lane(lane) else {
      throw RPCStatus(.internal, "lane \(lane) is gone")
    }
    return Belfry_V1_LaneHealth(item)
  }

  /// The whole picture or what is new to the caller, then changes, until the call ends or the
  /// coordinator leaves.
  func watchHealth(
    _ request: Belfry_V1_WatchHealthRequest, send: (Belfry_V1_HealthUpdate) async throws -> Void
  ) async throws {
    var (cursor, source) = (request.since, request.source)
    for await _ in shell.health.signals() {
      guard let news = shell.health.news(since: cursor, of: source) else { continue }
      (cursor, source) = (news.cursor, news.source)
      try await send(news)
    }
  }
}
