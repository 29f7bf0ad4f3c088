package import BelfryCore

extension EmbeddedStore: RecordStore {
  private static let columns = "id, version, written_at, fields"

  package func create(_ record: StoredRecord) async -> Bool? {
    await change { database throws(SQLiteFailure) in
      try database.run(
        """
        INSERT OR IGNORE INTO records (collection, id, version, written_at, fields)
        VALUES (?1, ?2, ?3, ?4, ?5)
        """,
        .text(record.collection.rawValue), .text(record.id), .int(record.version),
        .int(record.writtenAt.milliseconds), .bytes(Self.pack(record.fields)))
    }
  }

  package func replace(_ record: StoredRecord) async -> Bool? {
    await change { database throws(SQLiteFailure) in
      try database.run(
        """
        UPDATE records SET version = ?3, written_at = ?4, fields = ?5
        WHERE collection = ?1 AND id = ?2 AND version = ?3 - 1
        """,
        .text(record.collection.rawValue), .text(record.id), .int(record.version),
        .int(record.writtenAt.milliseconds), .bytes(Self.pack(record.fields)))
    }
  }

  package func remove(_ record: StoredRecord) async -> Bool? {
    await change { database throws(SQLiteFailure) in
      try database.run(
        "DELETE FROM records WHERE collection = ?1 AND id = ?2 AND version = ?3",
        .text(record.collection.rawValue), .text(record.id), .int(record.version))
    }
  }

  /// True when one row was written.
  private func change(
    _ body: @escaping @Sendable (Database) throws(SQLiteFailure) -> Void
  ) async -> Bool? {
    let answer = await engine.perform(isSynced: true) { database throws(SQLiteFailure) in
      try body(database)
      return database.changes == 1
    }
    return try? answer.get()  // Not answered is nil.
  }

  package func record(
    _ collection: StoredRecord.Collection, _ id: String
  ) async -> Result<StoredRecord?, StoreProblem> {
    await read(
      collection, "WHERE collection = ?1 AND id = ?2",
      [.text(collection.rawValue), .text(id)]
    ).map(\.first)
  }

  package func records(
    _ collection: StoredRecord.Collection, since: WallTime?, before: String?, limit: Int
  ) async -> Result<[StoredRecord], StoreProblem> {
    let values: [SQLValue] = [
      .text(collection.rawValue), .int(since?.milliseconds ?? Int64.min), .int(limit),
    ]
    return await read(
      collection,
      """
      WHERE collection = ?1 AND written_at >= ?2 \(before == nil ? "" : "AND id < ?4")
      ORDER BY id DESC LIMIT ?3
      """, values + (before.map { [.text($0)] } ?? []))
  }

  private func read(
    _ collection: StoredRecord.Collection, _ which: String, _ values: [SQLValue]
  ) async -> Result<[StoredRecord], StoreProblem> {
    await engine.perform(isSynced: false) { database throws(SQLiteFailure) in
      var records: [StoredRecord] = []
      try database.rows("SELECT \(Self.columns) FROM records \(which)", values) {
        row throws(SQLiteFailure) in
        records.append(
          StoredRecord(
            collection, id: row.text(0), version: Int(clamping: row.int(1)),
            writtenAt: WallTime(milliseconds: row.int(2)), fields: try Self.unpack(row.bytes(3))))
        return true
      }
      return records
    }.mapError(engine.problem)
  }

  private static func pack(_ fields: [String: String]) -> [UInt8] {
    var packer = Packer()
    packer.int(fields.count)
    for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
      packer.text(name)
      packer.text(value)
    }
    return packer.bytes
  }

  private static func unpack(_ bytes: [UInt8]) throws(SQLiteFailure) -> [String: String] {
    var unpacker = Unpacker(bytes)
    var fields: [String: String] = [:]
    // Each takes at least sixteen bytes, so a damaged count ends in an error, not in a long loop.
    for _ in 0..<(max(0, try unpacker.int())) { fields[try unpacker.text()] = try unpacker.text() }
    return fields
  }
}
