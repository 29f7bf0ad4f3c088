internal import BelfryCore

/// Records as documents of `tokens`, `nodes` and `audit`: their named texts beside each other, as people
/// look for them, and three fields of the store's own.
enum RecordDocument {
  private static let own: Set<String> = ["_id", "version", "writtenAt"]

  static func write(_ record: StoredRecord) -> [UInt8] {
    BSONWriter.document { write(record, to: &$0) }
  }

  private static func write(_ record: StoredRecord, to writer: inout BSONWriter) {
    writer.string("_id", record.id)
    writer.int("version", record.version)
    writer.date("writtenAt", record.writtenAt)
    for (name, value) in record.fields.sorted(by: { $0.key < $1.key }) {
      precondition(!own.contains(name), "a record's field is called \(name)")
      writer.string(name, value)
    }
  }

  static func read(
    _ collection: StoredRecord.Collection, _ document: BSONDocument
  ) throws(BSONError) -> StoredRecord {
    StoredRecord(
      collection, id: try document.require("_id") { $0.string },
      version: try document.require("version") { $0.int },
      writtenAt: try document.require("writtenAt") { $0.wallTime },
      fields: document.texts.filter { !own.contains($0.key) })
  }

  /// The whole document in the place of the one that was read: no operator, so no text in it is one.
  static func replace(_ record: StoredRecord) -> [UInt8] {
    BSONWriter.document {
      $0.string("update", record.collection.rawValue)
      $0.array("updates", CollectionOfOne(())) { update, _ in
        update.document("q") {
          $0.string("_id", record.id)
          $0.int("version", record.version - 1)
        }
        update.document("u") { write(record, to: &$0) }
      }
      $0.writeConcern()
    }
  }

  static func delete(_ record: StoredRecord) -> [UInt8] {
    BSONWriter.document {
      $0.string("delete", record.collection.rawValue)
      $0.array("deletes", CollectionOfOne(())) { delete, _ in
        delete.document("q") {
          $0.string("_id", record.id)
          $0.int("version", record.version)
        }
        delete.int("limit", 1)
      }
      $0.writeConcern()
    }
  }

  static func one(_ id: String) -> [UInt8] { BSONWriter.document { $0.string("_id", id) } }

  static func written(since: WallTime?, before: String?) -> [UInt8] {
    BSONWriter.document {
      if let since { $0.document("writtenAt") { $0.date("$gte", since) } }
      if let before { $0.document("_id") { $0.string("$lt", before) } }
    }
  }
}
