package import BelfryCore
internal import Synchronization

/// The store on MongoDB: outcomes, owed publishes and alert episodes, majority and journaled.
///
/// Calls block a thread of the store's own, never the caller's. Time limits: 5 s to find a primary,
/// 10 s for its answer (a URL may set `serverSelectionTimeoutMS` and `socketTimeoutMS`); nothing is
/// retried here, since whoever gets *unknown* repeats the step by its id. One object serves a whole
/// process and finds the primary again by itself, for as long as it lives.
package final class MongoStore: OutcomeStore {
  /// What this process needs of the store, and so what `check` asks for.
  package enum Use: Sendable {
    /// A coordinator: all collections, indexes, the schema's version.
    case everything
    /// A worker: to find and insert outcomes, which its user may be limited to.
    case outcomesOnly
  }

  /// The servers in the URL, `host:port`, for messages.
  package let address: String
  package let database: String

  let use: Use
  let claim: Duration
  let direct: DirectURL
  /// Tokens of alert writes whose answer did not come, so that a repeated one knows its own work.
  let unsureAlerts = Mutex(UnsureAlerts())
  private let pool: MongoPool
  private let threads: CallThreads
  /// For what people look for, which may read much: it must not hold up outcomes.
  private let lookThreads: CallThreads

  /// Reads the URL; connects only when first used. Throws when the URL is none.
  ///
  /// - Parameters:
  ///   - url: `mongodb://host:27017/belfry?replicaSet=rs0`; without a database, `belfry`.
  ///   - password: goes before one in the URL.
  ///   - appName: what MongoDB's own logs call us.
  ///   - claim: how long an owed publish belongs to who claimed it; 10 s, less in tests.
  package init(
    url: String, password: String? = nil, appName: String = "belfry", use: Use = .everything,
    claim: Duration = .seconds(10)
  ) throws(StoreProblem) {
    let uri = try MongoURI(url, password: password, appName: appName)
    let hosts = uri.hosts
    address = hosts.joined(separator: ", ")
    database = uri.database
    direct = DirectURL(url: url, password: password, hosts: hosts)
    self.use = use
    self.claim = claim
    pool = try MongoPool(uri)
    threads = CallThreads(max: 4, patience: .seconds(10))
    lookThreads = CallThreads(max: 2, patience: .seconds(20))
  }

  deinit {
    lookThreads.close { [threads, pool] in threads.close { pool.destroy() } }
  }

  /// Ends the store's threads and connections; calls under way are finished first, later ones
  /// answered with unknown.
  package func close() async {
    await withCheckedContinuation { continuation in
      let isFirst = lookThreads.close { [threads, pool] in
        threads.close {
          pool.destroy()
          continuation.resume()
        }
      }
      if !isFirst { continuation.resume() }
    }
  }

  /// Runs `body` with a connection, on a thread of the store's own.
  /// - Parameter isSearch: it may read much, and is kept apart from what jobs wait for.
  func call<Answer: Sendable>(
    isSearch: Bool = false,
    _ body: @escaping @Sendable (borrowing MongoClient) throws(MongoFailure) -> Answer
  ) async -> Result<Answer, MongoFailure> {
    let answer = await (isSearch ? lookThreads : threads).run { [pool] in
      pool.withClient { client in
        Result { () throws(MongoFailure) in try body(client) }
      }
    }
    switch answer {
    case .success(let result): return result
    case .failure(.late):
      return .failure(
        MongoFailure(cause: .other, message: "no thread of the store was free in time"))
    case .failure(.closed):
      return .failure(MongoFailure(cause: .other, message: "the store is closed"))
    }
  }

  /// A failure as people read it: who, what, and where to look.
  func text(_ failure: MongoFailure) -> String {
    switch failure.cause {
    case .unreachable: "no primary found at \(address): \(failure.message)"
    case .network: "the connection to MongoDB at \(address) failed: \(failure.message)"
    case .authentication: "MongoDB at \(address) did not accept the user: \(failure.message)"
    case .unauthorized: "MongoDB at \(address) forbids it: \(failure.message)"
    case .other:
      failure.code == 0
        ? "MongoDB at \(address): \(failure.message)"
        : "MongoDB at \(address): \(failure.message) (code \(failure.code))"
    }
  }
}
