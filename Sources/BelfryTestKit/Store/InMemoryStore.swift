package import BelfryCore
internal import Synchronization

/// A store that really works and keeps everything in memory, for tests of what sits above the port.
///
/// Switches make it behave like a store in trouble: `isDown` (nothing gets through), `hold` (calls
/// wait until `release`), `loseAnswers` (applied, but the answer does not come).
package final class InMemoryStore: ClusterStore {
  let state = Mutex(State())
  private let now: @Sendable () -> WallTime
  private let claim: Duration

  /// What one document may hold, in bytes: MongoDB's limit.
  private static let documentBytesMax = 16 << 20

  /// - Parameters:
  ///   - claim: how long an owed publish belongs to who claimed it.
  ///   - now: the store's clock, which judges what is due.
  package init(claim: Duration = .seconds(10), now: @escaping @Sendable () -> WallTime) {
    self.claim = claim
    self.now = now
  }

  // MARK: Outcomes

  package func insert(_ outcomes: [Outcome]) async -> [InsertAnswer] {
    let now = now()
    return await apply(outcomes, size: Self.size) { state, outcome in
      guard state.outcomes[outcome.id] == nil else { return .duplicate }
      state.outcomes[outcome.id] = outcome
      state.recorded[outcome.id] = now
      state.order.append(outcome.id)
      return .inserted
    }
  }

  package func insertChunks(_ chunks: [ResultChunk]) async -> [InsertAnswer] {
    let now = now()
    return await apply(chunks, size: { $0.bytes.size }) { state, chunk in
      guard state.chunks[chunk.id] == nil else { return .duplicate }
      state.chunks[chunk.id] = (chunk.bytes, now)
      return .inserted
    }
  }

  package func chunk(_ id: ChunkID) async -> Result<Payload?, StoreProblem> {
    await read { $0.chunks[id]?.bytes }
  }

  package func find(_ jobs: [JobID]) async -> [FindAnswer] {
    await waitWhileHeld()
    return state.withLock { state in
      jobs.map { job in
        if state.isDown { return .unknown(Self.down) }
        return state.outcomes[job].map { .found($0.without(job: true)) } ?? .absent
      }
    }
  }

  // MARK: Owed publishes

  package func owe(_ items: [OwedPublish]) async -> [InsertAnswer] {
    await apply(items, size: { $0.message.body.size }) { state, item in
      guard state.owed[item.id] == nil else { return .unknown("owed under this id already") }
      state.owed[item.id] = Owed(publish: item, claimedUntil: nil)
      return .inserted
    }
  }

  package func claimOwed(limit: Int, claimant: String) async -> [OwedPublish] {
    await waitWhileHeld()
    let now = now()
    return state.withLock { state in
      guard !state.isDown, limit > 0 else { return [] }
      let due = state.owed.values
        .filter { $0.publish.due <= now && $0.claimedUntil.map { $0 <= now } ?? true }
        .map(\.publish)
        .sorted { ($0.due, $0.id.boot, $0.id.number) < ($1.due, $1.id.boot, $1.id.number) }
        .prefix(limit)
      for publish in due { state.owed[publish.id]?.claimedUntil = now + claim }
      return Array(due)
    }
  }

  package func settleOwed(_ ids: [OwedID]) async {
    await waitWhileHeld()
    state.withLock { state in
      guard !state.isDown else { return }
      for id in ids { state.owed[id] = nil }
    }
  }

  package func check() async -> StoreProblem? {
    await waitWhileHeld()
    return state.withLock { state in
      state.isDown ? StoreProblem(isPermanent: false, message: Self.down) : nil
    }
  }

  // MARK: Control

  static let problem = StoreProblem(isPermanent: false, message: down)

  package func addCancel(_ job: JobID, by: String) async -> StoreProblem? {
    let now = now()
    return await change { state in
      state.cancels[job] = (false, now)
      for (id, owed) in state.owed where owed.publish.job == job && owed.publish.what == .job {
        state.owed[id]?.publish.due = now
      }
    }
  }

  package func cancels(since mark: CancelMark?) async -> CancelNews? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      var news = CancelNews(mark: mark)
      for (job, entry) in state.cancels.sorted(by: { $0.key < $1.key }) {
        if let mark, entry.at < mark.time { continue }
        if entry.isWithdrawn { news.withdrawn.append(job) } else { news.cancelled.append(job) }
        news.mark = CancelMark(time: max(news.mark?.time ?? entry.at, entry.at))
      }
      return news
    }
  }

  package func pauses() async -> [LanePause]? {
    await waitWhileHeld()
    return state.withLock { $0.isDown ? nil : $0.pauses.values.sorted { $0.lane < $1.lane } }
  }

  package func setPause(_ pause: LanePause?, of lane: Lane) async -> StoreProblem? {
    await change { $0.pauses[lane] = pause }
  }

  package func search(
    _ filter: OutcomeFilter, limit: Int
  ) async -> Result<[Outcome], StoreProblem> {
    await read { state in
      state.newestFirst.filter(filter.matches).prefix(limit).map {
        $0.without(job: true, result: true)
      }
    }
  }

  package func dead(_ filter: OutcomeFilter, limit: Int) async -> Result<[Outcome], StoreProblem> {
    await read { state in
      Array(state.newestFirst.filter { $0.job != nil && filter.matches($0) }.prefix(limit))
    }
  }

  package func delayed(
    _ filter: OutcomeFilter, limit: Int
  ) async -> Result<[DelayedJob], StoreProblem> {
    await read { state in
      let jobs = state.owed.values.compactMap { owed in DelayedJob(owed.publish) }
      return Array(
        jobs.filter { filter.matches($0.id, $0.kind, $0.lane, []) }
          .sorted { ($0.due, $0.id) < ($1.due, $1.id) }.prefix(limit))
    }
  }

  package func forget(_ jobs: [JobID]) async -> StoreProblem? {
    let now = now()
    return await change { state in
      state.remove(Set(jobs))
      for job in jobs where state.cancels[job] != nil { state.cancels[job] = (true, now) }
    }
  }

  package func purge(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int? {
    let before = min(now, self.now()) - age
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      let old = state.order.filter { state.recorded[$0].map { $0 < before } ?? false }
        .prefix(limit)
      state.remove(Set(old))
      return old.count
    }
  }

  package func purgeChunks(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int? {
    let before = min(now, self.now()) - age
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      let orphans = state.chunks.filter { id, chunk in
        chunk.at < before && state.outcomes[id.job]?.assignment != id.assignment
      }
      for id in orphans.keys.prefix(limit) { state.chunks[id] = nil }
      return min(orphans.count, limit)
    }
  }

  // MARK: Schedules

  package func putSchedule(_ schedule: Schedule) async -> StoreProblem? {
    await change { state in
      var schedule = schedule
      schedule.last = state.schedules[schedule.name]?.last
      schedule.lastJob = state.schedules[schedule.name]?.lastJob
      state.schedules[schedule.name] = schedule
    }
  }

  package func schedules() async -> Result<[Schedule], StoreProblem> {
    await read { $0.schedules.values.sorted { $0.name < $1.name } }
  }

  package func removeSchedule(_ name: String) async -> Result<Bool, StoreProblem> {
    await waitWhileHeld()
    return state.withLock { state in
      state.isDown
        ? .failure(Self.problem) : .success(state.schedules.removeValue(forKey: name) != nil)
    }
  }

  package func openFiring(
    _ name: String, due: WallTime, at now: WallTime
  ) async -> InsertAnswer {
    await apply([Firing(name: name, due: due)], size: { _ in 0 }) { state, firing in
      guard state.firings[firing] == nil else { return .duplicate }
      state.firings[firing] = now
      return .inserted
    }[0]
  }

  package func closeFiring(
    _ name: String, due: WallTime, job: JobID?, at now: WallTime
  ) async -> StoreProblem? {
    await change { state in
      state.firings[Firing(name: name, due: due)] = .some(nil)
      guard state.schedules[name].map({ $0.last ?? due <= due }) ?? false else { return }
      state.schedules[name]?.last = due
      if let job { state.schedules[name]?.lastJob = job }
    }
  }

  package func staleFirings(at now: WallTime) async -> [(name: String, due: WallTime)]? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      return state.firings.filter { $0.value.map { now - $0 >= .seconds(10) } ?? false }.keys
        .sorted { ($0.name, $0.due) < ($1.name, $1.due) }.map { ($0.name, $0.due) }
    }
  }

  // MARK: Records

  package func create(_ record: StoredRecord) async -> Bool? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      let key = RecordKey(record)
      guard state.records[key] == nil else { return false }
      state.records[key] = record
      return true
    }
  }

  package func replace(_ record: StoredRecord) async -> Bool? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      let key = RecordKey(record)
      guard let old = state.records[key], old.version + 1 == record.version else { return false }
      state.records[key] = record
      return true
    }
  }

  package func remove(_ record: StoredRecord) async -> Bool? {
    await waitWhileHeld()
    return state.withLock { state in
      guard !state.isDown else { return nil }
      let key = RecordKey(record)
      guard state.records[key]?.version == record.version else { return false }
      state.records[key] = nil
      return true
    }
  }

  package func record(
    _ collection: StoredRecord.Collection, _ id: String
  ) async -> Result<StoredRecord?, StoreProblem> {
    await read { $0.records[RecordKey(collection: collection, id: id)] }
  }

  package func records(
    _ collection: StoredRecord.Collection, since: WallTime?, before: String?, limit: Int
  ) async -> Result<[StoredRecord], StoreProblem> {
    await read { state in
      let found = state.records.values.filter { record in
        record.collection == collection && since.map { record.writtenAt >= $0 } ?? true
          && before.map { record.id < $0 } ?? true
      }
      return Array(found.sorted { $0.id > $1.id }.prefix(limit))
    }
  }

  private func change(_ body: (inout State) -> Void) async -> StoreProblem? {
    await waitWhileHeld()
    return state.withLock { state in
      if state.isDown { return Self.problem }
      body(&state)
      return nil
    }
  }

  private func read<Answer: Sendable>(
    _ body: (State) -> Answer
  ) async -> Result<Answer, StoreProblem> {
    await waitWhileHeld()
    return state.withLock { $0.isDown ? .failure(Self.problem) : .success(body($0)) }
  }

  // MARK: Switches

  /// While true nothing gets through: *unknown*, and nothing is applied.
  package var isDown: Bool {
    get { state.withLock { $0.isDown } }
    set { state.withLock { $0.isDown = newValue } }
  }

  /// The next `count` documents are written, and answered with *unknown*.
  package func loseAnswers(_ count: Int) {
    state.withLock { $0.answersToLose = count }
  }

  /// Makes every call wait, before it does anything, until `release`.
  package func hold() {
    state.withLock { $0.held = $0.held ?? [] }
  }

  package func release() {
    let waiting = state.withLock { state in
      defer { state.held = nil }
      return state.held ?? []
    }
    for continuation in waiting { continuation.resume() }
  }

  /// How many calls wait to be released.
  package var heldCount: Int { state.withLock { $0.held?.count ?? 0 } }

  // MARK: What it holds

  /// In the order of their ids.
  package var outcomes: [Outcome] {
    state.withLock { $0.outcomes.values.sorted { $0.id < $1.id } }
  }

  package var chunkCount: Int { state.withLock { $0.chunks.count } }

  package var owedCount: Int { state.withLock { $0.owed.count } }

  /// All episodes, in the order in which they were opened.
  package var alerts: [Alert] { state.withLock { $0.alerts } }

  // MARK: Private

  struct Owed {
    var publish: OwedPublish
    var claimedUntil: WallTime?
  }

  struct Firing: Hashable {
    var name: String
    var due: WallTime
  }

  struct RecordKey: Hashable {
    let collection: StoredRecord.Collection
    let id: String

    init(_ record: StoredRecord) { self.init(collection: record.collection, id: record.id) }

    init(collection: StoredRecord.Collection, id: String) {
      self.collection = collection
      self.id = id
    }
  }

  struct State {
    var isDown = false
    var answersToLose = 0
    /// Nil: nothing is held up.
    var held: [CheckedContinuation<Void, Never>]?
    var outcomes: [JobID: Outcome] = [:]
    var owed: [OwedID: Owed] = [:]
    var alerts: [Alert] = []
    var releasers: [AlertID: String] = [:]
    /// With the order in which outcomes came.
    var order: [JobID] = []
    var recorded: [JobID: WallTime] = [:]
    var chunks: [ChunkID: (bytes: Payload, at: WallTime)] = [:]
    var cancels: [JobID: (isWithdrawn: Bool, at: WallTime)] = [:]
    var pauses: [Lane: LanePause] = [:]
    var schedules: [String: Schedule] = [:]
    var records: [RecordKey: StoredRecord] = [:]
    /// When each was opened; nil once it is closed.
    var firings: [Firing: WallTime?] = [:]
  }

  private static let down = "the store is down"

  private static func size(_ outcome: Outcome) -> Int {
    (outcome.result?.bytes.size ?? 0) + (outcome.error?.stderr.utf8.count ?? 0)
  }

  private func apply<Item: Sendable>(
    _ items: [Item], size: (Item) -> Int, _ body: (inout State, Item) -> InsertAnswer
  ) async -> [InsertAnswer] {
    await waitWhileHeld()
    return state.withLock { state in
      items.map { item in
        if state.isDown { return .unknown(Self.down) }
        if size(item) > Self.documentBytesMax { return .refused("the document is too large") }
        let answer = body(&state, item)
        guard state.answersToLose > 0 else { return answer }
        state.answersToLose -= 1
        return .unknown("the answer was lost")
      }
    }
  }

  func waitWhileHeld() async {
    await withCheckedContinuation { continuation in
      let isHeld = state.withLock { state in
        guard state.held != nil else { return false }
        state.held?.append(continuation)
        return true
      }
      if !isHeld { continuation.resume() }
    }
  }
}

extension InMemoryStore.State {
  fileprivate var newestFirst: [Outcome] { order.reversed().compactMap { outcomes[$0] } }

  fileprivate mutating func remove(_ jobs: Set<JobID>) {
    for job in jobs {
      let assignment = outcomes.removeValue(forKey: job)?.assignment
      recorded[job] = nil
      chunks = chunks.filter { $0.key.job != job || $0.key.assignment != assignment }
    }
    order.removeAll { jobs.contains($0) }
  }
}

extension Outcome {
  fileprivate func without(job isWithoutJob: Bool = false, result isWithoutResult: Bool = false)
    -> Outcome
  {
    var copy = self
    if isWithoutJob { copy.job = nil }
    if isWithoutResult { copy.result = nil }
    return copy
  }
}
