package import BelfryCore

extension MongoStore {
  package func insert(_ outcomes: [Outcome]) async -> [InsertAnswer] {
    await insertAll(outcomes, into: "outcomes") { OutcomeDocument.encode($0) }
  }

  package func insertChunks(_ chunks: [ResultChunk]) async -> [InsertAnswer] {
    await insertAll(chunks, into: "results") { ChunkDocument.encode($0) }
  }

  package func chunk(_ id: ChunkID) async -> Result<Payload?, StoreProblem> {
    await read("results", ChunkDocument.filter(id), batch: 1, isSearch: true) { documents in
      documents.first?["bytes"]?.binary.map { Payload($0) }
    }
  }

  package func find(_ jobs: [JobID]) async -> [FindAnswer] {
    guard !jobs.isEmpty else { return [] }
    let found = await call { [database] client throws(MongoFailure) in
      var found = FoundOutcomes()
      let filter = BSONWriter.document(capacity: jobs.count * 50) {
        $0.document("_id") { $0.strings("$in", jobs.map(\.text)) }
      }
      do throws(MongoFailure) {
        try client.find(
          database, "outcomes", filter: filter,
          options: Self.readOptions(count: jobs.count) {
            $0.document("projection") { $0.int("job", 0) }
          }
        ) { found.add($0) }
      } catch { found.failure = error }
      return found
    }
    switch found {
    case .success(let found): return jobs.map { found.answer($0, failure: text) }
    case .failure(let failure): return jobs.map { _ in .unknown(text(failure)) }
    }
  }

  /// Majority; ended by the server before the connection's time limit ends it for us.
  static func readOptions(count: Int, _ more: (inout BSONWriter) -> Void = { _ in }) -> [UInt8] {
    BSONWriter.document {
      $0.readConcern()
      $0.int("maxTimeMS", 9_000)
      $0.int("batchSize", max(count, 2))
      more(&$0)
    }
  }
}

/// What one query brought, by job.
private struct FoundOutcomes: Sendable {
  var outcomes: [JobID: FindAnswer] = [:]
  var failure: MongoFailure?

  mutating func add(_ bytes: [UInt8]) {
    do throws(BSONError) {
      let document = try BSONDocument(bytes)
      let id = try document.require("_id") { $0.string.flatMap { JobID($0) } }
      do throws(BSONError) {
        outcomes[id] = .found(try OutcomeDocument.decode(document))
      } catch {
        outcomes[id] = .unknown("the recorded outcome of \(id) cannot be read: \(error.message)")
      }
    } catch {
      failure = MongoFailure(cause: .other, message: "an unreadable outcome: \(error.message)")
    }
  }

  /// Absent is said only when the whole query was answered.
  func answer(_ job: JobID, failure text: (MongoFailure) -> String) -> FindAnswer {
    outcomes[job] ?? failure.map { .unknown(text($0)) } ?? .absent
  }
}
