internal import BelfryCore

extension MongoStore {
  /// What a document may hold in MongoDB, in bytes. Asked here: libmongoc would drop the whole batch.
  static let documentBytesMax = 16 << 20
  /// Of one bulk, so that a batch of large results is not in memory twice.
  static let bulkBytesMax = 16 << 20
  static let bulkCountMax = 1_000

  /// Inserts items in bulks of bounded size, one answer each, in order.
  func insertAll<Item: Sendable>(
    _ items: [Item], into collection: String, encode: @escaping @Sendable (Item) -> [UInt8]
  ) async -> [InsertAnswer] {
    guard !items.isEmpty else { return [] }
    let batch = await call { [database] client throws(MongoFailure) in
      var batch = InsertBatch(count: items.count)
      for (index, item) in items.enumerated() where batch.failure == nil {
        batch.add(encode(item), at: index)
        if batch.isFull { batch.flush(client, database, collection) }
      }
      batch.flush(client, database, collection)
      return batch
    }
    switch batch {
    case .success(let batch): return batch.answers(failure: text)
    case .failure(let failure): return items.map { _ in .unknown(text(failure)) }
    }
  }
}

/// Gathers documents for the next bulk, and the answers of those before it.
private struct InsertBatch: Sendable {
  /// The first failure ends the batch: what was not sent is as unknown as what was.
  private(set) var failure: MongoFailure?
  private var known: [InsertAnswer?]
  private var documents: [[UInt8]] = []
  private var places: [Int] = []
  private var size = 0

  init(count: Int) { known = Array(repeating: nil, count: count) }

  var isFull: Bool {
    size >= MongoStore.bulkBytesMax || documents.count >= MongoStore.bulkCountMax
  }

  mutating func add(_ document: [UInt8], at index: Int) {
    guard document.count <= MongoStore.documentBytesMax else {
      known[index] = .refused(
        "the document has \(document.count) bytes, MongoDB takes \(MongoStore.documentBytesMax)")
      return
    }
    documents.append(document)
    places.append(index)
    size += document.count
  }

  mutating func flush(
    _ client: borrowing MongoClient, _ database: String, _ collection: String
  ) {
    guard failure == nil, !documents.isEmpty else { return }
    let reply = client.insert(database, collection, documents)
    failure = reply.failure
    for (index, place) in places.enumerated() {
      if let error = reply.errors[index] {
        known[place] = Self.answer(error)
      } else if reply.failure == nil {
        known[place] = .inserted
      }
    }
    documents.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    size = 0
  }

  func answers(failure text: (MongoFailure) -> String) -> [InsertAnswer] {
    let unknown = InsertAnswer.unknown(failure.map(text) ?? "it was not sent")
    return known.map { $0 ?? unknown }
  }

  private static func answer(_ error: BulkReply.WriteError) -> InsertAnswer {
    switch error {
    case .refusedByDriver(let message): .refused(message)
    case .server(code: 11000, _): .duplicate
    case .server(let code, let message):
      refusals.contains(code) ? .refused(message) : .unknown("\(message) (code \(code))")
    }
  }

  /// Codes that say that this document will never go in: BadValue, FailedToParse, Overflow (too
  /// deep), InvalidBSON, DocumentValidationFailure, BSONObjectTooLarge, KeyTooLong.
  private static let refusals: Set<Int> = [2, 9, 15, 22, 121, 10334, 17280]
}
