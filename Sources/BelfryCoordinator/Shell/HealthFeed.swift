internal import BelfryAPI
internal import Synchronization

/// The cluster's health for all who watch it. The picture is made once for all of them, and what has
/// changed is kept for a while: whoever is slow, or comes back, is told what it missed, as one change.
/// While nobody watches it rests, and costs nothing.
final class HealthFeed: Sendable {
  private struct State {
    /// Whole. Its cursor is the last change's.
    var picture: Belfry_V1_HealthUpdate?
    /// The oldest first; their cursors have no gap.
    var changes: [Belfry_V1_HealthUpdate] = []
    /// Nobody watched for a while, and the picture is as old.
    var isResting = true
    var nextWatcher: UInt64 = 0
    var watchers: [UInt64: AsyncStream<Void>.Continuation] = [:]

    mutating func keep(_ change: Belfry_V1_HealthUpdate) {
      changes.append(change)
      var items = changes.reduce(0) { $0 + $1.itemsCount }
      let itemsMax = max(HealthFeed.itemsKept, picture?.itemsCount ?? 0)
      while items > itemsMax || changes.count > HealthFeed.changesKept {
        items -= changes.removeFirst().itemsCount
      }
    }
  }

  /// So many changes are kept, with 1,000 items or as many as the picture has: a longer way is no
  /// shorter than the whole.
  static let changesKept = 100
  static let itemsKept = 1_000
  static let pauseMax = Duration.seconds(2)
  /// What one item costs for one watcher, about.
  private static let itemTakes = Duration.microseconds(1)

  /// Whose cursors these are: another coordinator, and this one after a restart, counts its own.
  private let source: String
  /// Between two pictures; what changes meanwhile is told as one change.
  private let pause: Duration
  private let state = Mutex(State())
  private let wanted = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  init(source: String, pause: Duration = .milliseconds(200)) {
    self.source = source
    self.pause = pause
  }

  /// Called at every change; next to free while nobody watches.
  func changed() {
    if state.withLock({ !$0.watchers.isEmpty }) { wanted.continuation.yield() }
  }

  /// Makes a picture whenever one is wanted, until it is cancelled.
  func run(_ look: () async -> Belfry_V1_HealthUpdate) async throws {
    for await _ in wanted.stream {
      let told = tell(await look())
      try await Task.sleep(for: pause(afterTelling: told))
    }
  }

  /// Where much is told to many, no more than a tenth of the time goes into it.
  /// - Parameter items: of all watchers together.
  func pause(afterTelling items: Int) -> Duration {
    min(max(pause, Self.itemTakes * items * 10), Self.pauseMax)
  }

  /// - Returns: to how many of how many items; their product.
  private func tell(_ look: Belfry_V1_HealthUpdate) -> Int {
    var picture = look
    picture.source = source
    var change: Belfry_V1_HealthUpdate?
    if let known = state.withLock(\.picture) {
      change = look.changes(since: known)
      picture.cursor = known.cursor + (change == nil ? 0 : 1)
    } else {
      picture.cursor = 1
    }
    change?.source = source
    change?.cursor = picture.cursor
    let watchers = state.withLock { state in
      defer { state.isResting = state.watchers.isEmpty }
      state.picture = picture
      if let change { state.keep(change) }
      return change != nil || state.isResting ? Array(state.watchers.values) : []
    }
    for watcher in watchers { watcher.yield() }
    return watchers.count * (change?.itemsCount ?? 0)
  }

  /// What is new to one that has seen so much of this source: all, when it is too much or another's.
  /// Nil: nothing yet; a signal will come.
  func news(since cursor: UInt64, of source: String) -> Belfry_V1_HealthUpdate? {
    let (picture, missed) = state.withLock { state in
      let missed = (state.picture?.cursor ?? 0).subtractingReportingOverflow(cursor)
      let isKnown =
        source == self.source && !missed.overflow && missed.partialValue <= state.changes.count
      return (
        state.isResting ? nil : state.picture,
        isKnown ? Array(state.changes.suffix(Int(missed.partialValue))) : nil
      )
    }
    guard let picture else { return nil }
    guard let missed else { return picture }
    guard var news = missed.first else { return nil }
    for change in missed.dropFirst() { news.apply(change) }
    return news
  }

  /// One signal at once, then one a change, coalesced; it ends with the reader.
  func signals() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      defer { state.nextWatcher += 1 }
      state.watchers[state.nextWatcher] = continuation
      return state.nextWatcher
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { state in
        state.watchers[id] = nil
        if state.watchers.isEmpty { state.isResting = true }
      }
    }
    continuation.yield()
    wanted.continuation.yield()
    return stream
  }

  /// Ends all watchers: the coordinator leaves.
  func finish() {
    let watchers = state.withLock { state in
      defer { state.watchers = [:] }
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.finish() }
  }
}
