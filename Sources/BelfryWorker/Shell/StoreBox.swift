internal import BelfryAPI
internal import BelfryCore
internal import Logging
internal import Synchronization

/// The worker's store, which may become known only by a coordinator's welcome.
final class StoreBox: Sendable {
  private let store: Mutex<(any OutcomeStore)?>

  init(_ store: (any OutcomeStore)?) { self.store = Mutex(store) }

  func use(
    _ url: String, _ make: @Sendable (String) throws -> any OutcomeStore, _ logger: Logger
  ) {
    guard store.withLock({ $0 }) == nil else { return }
    do {
      let made = try make(url)
      store.withLock { $0 = made }
      logger.info("outcomes go to the store that the coordinator named")
    } catch {
      // Outcomes then stay unknown and are kept: nothing is lost, and the operator is told.
      logger.error(
        "the store that the coordinator named cannot be opened", metadata: ["why": "\(error)"])
    }
  }

  func insert(_ outcomes: [Outcome]) async -> [InsertAnswer] {
    guard let store = store.withLock({ $0 }) else {
      return outcomes.map { _ in .unknown("no store is open") }
    }
    return await store.insert(outcomes)
  }

  func tell(_ clock: ClusterClock) async {
    guard let store = store.withLock({ $0 }) else { return }
    await clock.follow { await store.time() }
  }

  func insertChunks(_ chunks: [ResultChunk]) async -> [InsertAnswer] {
    guard let store = store.withLock({ $0 }) else {
      return chunks.map { _ in .unknown("no store is open") }
    }
    return await store.insertChunks(chunks)
  }

  func find(_ jobs: [JobID]) async -> [FindAnswer] {
    guard let store = store.withLock({ $0 }) else {
      return jobs.map { _ in .unknown("no store is open") }
    }
    return await store.find(jobs)
  }
}
