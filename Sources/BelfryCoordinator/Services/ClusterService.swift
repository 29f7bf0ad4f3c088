internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import NIOCore

/// `belfry.v1.Cluster`: what operators ask.
struct ClusterService: Sendable {
  let shell: CoreShell
  let cluster: String

  /// Pause between two updates to one watcher: changes in between are sent as one.
  static let pause = TimeAmount.milliseconds(200)

  func picture() async -> Belfry_V1_HealthUpdate {
    let now = ProcessClock.now().wall
    return Belfry_V1_HealthUpdate(await shell.picture(), cluster: cluster, at: now)
  }

  /// First the whole picture, then changes, until the call ends or the coordinator leaves.
  func watchHealth(
    on loop: any EventLoop, send: (Belfry_V1_HealthUpdate) async throws -> Void
  ) async throws {
    var known = await picture()
    var cursor: UInt64 = 1
    known.cursor = cursor
    try await send(known)
    for await _ in shell.health.changes() {
      let current = await picture()
      if var update = current.changes(since: known) {
        cursor += 1
        update.cursor = cursor
        try await send(update)
        known = current
      }
      try await loop.scheduleTask(in: Self.pause) {}.futureResult.get()
    }
  }
}
