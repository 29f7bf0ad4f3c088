import BelfryCore
import BelfryEmbedded
import BelfryMongo
import BelfryTestKit
import Foundation

/// The implementations that keep the contract of the ports `OutcomeStore` and `ControlStore`.
enum StoreUnderTest: String, CaseIterable, Sendable {
  case memory, embeddedFile, embeddedMemory, mongodb

  /// Opens a store of its own: no other test sees its data. `other` is a second object on the same
  /// data, as another process has it.
  func open(claim: Duration = .seconds(600)) async throws -> (
    store: any ClusterStore, other: any ClusterStore
  ) {
    switch self {
    case .memory:
      let store = InMemoryStore(claim: claim, now: wallNow)
      return (store, store)
    case .embeddedFile, .embeddedMemory:
      let place = self == .embeddedFile ? try EmbeddedPlace.fresh() : .memory
      let engine = try EmbeddedEngine(place, claim: claim)
      // Another process has no access: it is refused. Another object is all there can be.
      return (EmbeddedStore(engine: engine), EmbeddedStore(engine: engine))
    case .mongodb:
      let url = try TestMongo.url(database: TestMongo.freshName())
      let store = try MongoStore(url: url, claim: claim)
      if let problem = await store.check() { throw problem }
      return (store, try MongoStore(url: url, claim: claim))
    }
  }
}

/// Files for the embedded engine, in folders of their own that go when the process ends.
enum EmbeddedPlace {
  static func fresh() throws -> EmbeddedEngine.Place { .file(try freshFile()) }

  static func freshFile() throws -> String {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("belfry-embedded-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder.appendingPathComponent("belfry.sqlite").path
  }
}

/// The MongoDB that scripts/with-services starts around the tests.
enum TestMongo {
  struct Missing: Error, CustomStringConvertible {
    let variable: String
    var description: String {
      "\(variable) is not set: run the tests with `scripts/with-services swift test`"
    }
  }

  static func url(database: String, options: [String] = []) throws -> String {
    insert(database, options, into: try variable("BELFRY_TEST_MONGODB_URL"))
  }

  static func insert(_ database: String, _ options: [String], into url: String) -> String {
    let parts = url.split(separator: "?", maxSplits: 1)
    var base = String(parts[0])
    while base.hasSuffix("/") { base.removeLast() }
    let all = parts.dropFirst().map(String.init) + options
    return "\(base)/\(database)?\(all.joined(separator: "&"))"
  }

  static func freshName() -> String {
    "test-" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(20)
  }

  static func variable(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty
    else { throw Missing(variable: name) }
    return value
  }
}

@Sendable func wallNow() -> WallTime {
  WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
}

/// Asks again and again until `condition` holds; false when it never did within `limit`.
func eventually(
  within limit: Duration, _ condition: () async throws -> Bool
) async rethrows -> Bool {
  let deadline = ContinuousClock.now + limit
  while ContinuousClock.now < deadline {
    if try await condition() { return true }
    try? await Task.sleep(for: .milliseconds(20))  // Cut short only when the test is cancelled.
  }
  return false
}
