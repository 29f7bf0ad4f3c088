package import BelfryCore

/// What goes: outcomes that are forgotten or old enough, and chunks of results that no outcome names.
/// An outcome goes before its chunks, never the other way round.
extension MongoStore {
  package func forget(_ jobs: [JobID]) async -> StoreProblem? {
    guard !jobs.isEmpty else { return nil }
    let filter = BSONWriter.document {
      $0.document("_id") { $0.strings("$in", jobs.map(\.text)) }
      $0.document("result.chunks") { $0.int("$gt", 0) }
    }
    let chunked = await read(
      "outcomes", filter, batch: jobs.count,
      options: { $0.document("projection") { $0.int("assignment", 1) } }
    ) { $0.compactMap(Self.resultName) }
    switch chunked {
    case .failure(let problem): return problem
    case .success(let results):
      // The cancels first: an id without an outcome that is still in `cancels` could never run again.
      var commands = [
        ControlQueries.withdraw(jobs), ControlQueries.deleteOutcomes(jobs.map(\.text)),
      ]
      if !results.isEmpty { commands.append(ChunkDocument.delete(results)) }
      return await perform(commands)
    }
  }

  /// The oldest come first in the order of the collection, near enough: what is read there and is old goes.
  package func purge(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int? {
    let before = now - age
    let old = await read(
      "outcomes", ControlQueries.everything, batch: limit, isSearch: true,
      options: {
        $0.document("sort") { $0.int("$natural", 1) }
        $0.int("limit", limit)
        $0.document("projection") {
          for field in ["recordedAt", "assignment", "result.chunks"] { $0.int(field, 1) }
        }
      }
    ) { documents in
      documents.filter { document in
        guard let seconds = document["recordedAt"]?.timestampSeconds else { return false }
        return WallTime(milliseconds: seconds * 1_000) < before
      }
    }
    guard let old = old.success else { return nil }
    guard await perform([ControlQueries.dropOldCancels]) == nil else { return nil }
    let ids = old.compactMap { $0["_id"]?.string }
    guard !ids.isEmpty else { return 0 }
    let removed = await call { [database] client throws(MongoFailure) in
      try client.command(database, ControlQueries.deleteOutcomes(ids, olderThan: age))["n"]?.int
    }
    guard let count = removed.success ?? nil else { return nil }
    let results = old.filter { $0.holdsChunks }.compactMap(Self.resultName)
    // Where the server does not think all of them old, its own are left to `purgeChunks`.
    if count == ids.count, !results.isEmpty {
      guard await perform([ChunkDocument.delete(results)]) == nil else { return nil }
    }
    return count
  }

  package func purgeChunks(olderThan age: Duration, at now: WallTime, limit: Int) async -> Int? {
    let old = await read(
      "results", ChunkDocument.old(before: now - age), batch: limit, isSearch: true,
      options: {
        $0.document("sort") { $0.int("at", 1) }
        $0.int("limit", limit)
        $0.document("projection") { for field in ["_id", "at"] { $0.int(field, 1) } }
      }
    ) { $0.compactMap { try? ChunkDocument.id($0) } }
    guard let old = old.success else { return nil }
    guard !old.isEmpty else { return 0 }
    let jobs = Array(Set(old.map(\.job))).sorted()
    let named = await read(
      "outcomes",
      BSONWriter.document { $0.document("_id") { $0.strings("$in", jobs.map(\.text)) } },
      batch: jobs.count, isSearch: true,
      options: { $0.document("projection") { $0.int("assignment", 1) } }
    ) { Set($0.compactMap(Self.resultName)) }
    guard let named = named.success else { return nil }
    let orphans = Set(old.map { ResultName(job: $0.job, assignment: $0.assignment) })
      .subtracting(named)
    guard !orphans.isEmpty else { return 0 }
    let removed = await call { [database] client throws(MongoFailure) in
      try client.command(database, ChunkDocument.delete(Array(orphans), olderThan: age))["n"]?.int
    }
    return removed.success ?? nil
  }

  /// Of an outcome's document, id and assignment.
  private static func resultName(_ document: BSONDocument) -> ResultName? {
    guard let job = document["_id"]?.string.flatMap({ JobID($0) }),
      let assignment = document["assignment"]?.string.flatMap({ AssignmentID($0) })
    else { return nil }
    return ResultName(job: job, assignment: assignment)
  }
}

extension BSONDocument {
  fileprivate var holdsChunks: Bool {
    // Unreadable holds none that we could name.
    ((try? document("result")) ?? nil)?["chunks"]?.int ?? 0 > 0
  }
}
