package import BelfryCore

extension MongoStore: RecordStore {
  package func create(_ record: StoredRecord) async -> Bool? {
    let answer = await insertAll([record], into: record.collection.rawValue) {
      RecordDocument.write($0)
    }[0]
    switch answer {
    case .inserted: return true
    case .duplicate: return false
    case .unknown, .refused: return nil
    }
  }

  package func replace(_ record: StoredRecord) async -> Bool? {
    let replaced = await call { [database] client throws(MongoFailure) in
      try client.command(database, RecordDocument.replace(record))["n"]?.int == 1
    }
    return try? replaced.get()  // Not answered is nil.
  }

  package func remove(_ record: StoredRecord) async -> Bool? {
    let removed = await call { [database] client throws(MongoFailure) in
      try client.command(database, RecordDocument.delete(record))["n"]?.int == 1
    }
    return try? removed.get()  // Not answered is nil.
  }

  /// Strangers may cause it: so it does not take the threads of outcomes.
  package func record(
    _ collection: StoredRecord.Collection, _ id: String
  ) async -> Result<StoredRecord?, StoreProblem> {
    await read(collection, RecordDocument.one(id), limit: 1, isSearch: true).map(\.first)
  }

  /// What was written since is little, and asked for by coordinators alone: who is thrown out must not
  /// wait for what people search. All there is may be much.
  package func records(
    _ collection: StoredRecord.Collection, since: WallTime?, before: String?, limit: Int
  ) async -> Result<[StoredRecord], StoreProblem> {
    await read(
      collection, RecordDocument.written(since: since, before: before), limit: limit,
      isSearch: since == nil)
  }

  private func read(
    _ collection: StoredRecord.Collection, _ filter: [UInt8], limit: Int, isSearch: Bool
  ) async -> Result<[StoredRecord], StoreProblem> {
    await read(
      collection.rawValue, filter, batch: limit, isSearch: isSearch,
      options: {
        $0.document("sort") { $0.int("_id", -1) }
        $0.int("limit", limit)
      }
    ) { documents in
      documents.compactMap { document in
        if let record = try? RecordDocument.read(collection, document) { return record }
        // Damaged: it has an id, else it is none of ours, and nothing that makes it a member.
        guard let id = document["_id"]?.string else { return nil }
        return StoredRecord(
          collection, id: id, version: 0, writtenAt: WallTime(milliseconds: 0), fields: [:])
      }
    }
  }
}
