package import BelfryCore

/// What is there of the store, for people who look.
extension MongoStore {
  package struct CollectionStatus: Sendable, Equatable {
    package var name: String
    /// By the collection's own count, not by reading it; nil: it is not there yet.
    package var documents: Int?
    package var bytes: Int
    package var indexes: [String]
    /// Those that Belfry needs and that are not there.
    package var missing: [String]
  }

  /// All collections of Belfry, by name. Makes nothing.
  package func status() async -> Result<[CollectionStatus], StoreProblem> {
    let read = await call(isSearch: true) { [self] client throws(MongoFailure) in
      var found: [CollectionStatus] = []
      for name in Self.collections { found.append(try status(of: name, client)) }
      return found
    }
    return read.mapError { self.problem($0) }
  }

  private static let collections =
    (["outcomes", "results", "later", "cancels", "lanes", "schedules", "firings", "alerts", "meta"]
    + StoredRecord.Collection.allCases.map(\.rawValue)).sorted()

  private func status(
    of name: String, _ client: borrowing MongoClient
  ) throws(MongoFailure) -> CollectionStatus {
    let wanted = Self.indexes.filter { $0.collection == name }.map(\.name)
    var status = CollectionStatus(name: name, bytes: 0, indexes: [], missing: wanted)
    let list: BSONDocument
    do {
      list = try client.command(database, BSONWriter.document { $0.string("listIndexes", name) })
    } catch {
      guard error.code == Self.noSuchNamespace else { throw error }
      return status
    }
    // Unreadable: none is known.
    let read = try? list.document("cursor")?.documents("firstBatch")
    status.indexes = (read ?? []).compactMap { $0["name"]?.string }
    status.missing = wanted.filter { !status.indexes.contains($0) }
    let stats = try client.command(database, BSONWriter.document { $0.string("collStats", name) })
    status.documents = stats["count"]?.int
    status.bytes = stats["size"]?.int ?? 0
    return status
  }

  private static let noSuchNamespace = 26
}
