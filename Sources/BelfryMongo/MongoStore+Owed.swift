package import BelfryCore

extension MongoStore {
  package func owe(_ items: [OwedPublish]) async -> [InsertAnswer] {
    await insertAll(items, into: "later") { OwedDocument.encode($0) }.map { answer in
      answer == .duplicate ? .unknown("a publish is owed under this id already") : answer
    }
  }

  /// Claims in three steps, whatever the number: which are due, mark those still free with a token
  /// that nobody else has, read what carries it. Two that claim at once each get what they marked.
  /// A document that cannot be read stays claimed, and is met again when the claim is over.
  package func claimOwed(limit: Int, claimant: String) async -> [OwedPublish] {
    guard limit > 0 else { return [] }
    let token = "\(claimant)/\(randomToken())"
    let claimed = await call { [database, claim] client throws(MongoFailure) in
      var ids: [String] = []
      try client.find(
        database, "later", filter: OwedQueries.due, options: OwedQueries.dueOptions(limit: limit)
      ) { bytes in
        if let id = try? BSONDocument(bytes)["_id"]?.string { ids.append(id) }  // Ours are texts.
      }
      guard !ids.isEmpty else { return [OwedPublish]() }
      _ = try client.command(database, OwedQueries.mark(ids, token: token, duration: claim))
      var claimed: [OwedPublish] = []
      try client.find(
        database, "later", filter: OwedQueries.marked(ids, token: token),
        options: Self.readOptions(count: ids.count) { OwedQueries.oldestFirst(&$0) }
      ) { bytes in
        if let owed = try? OwedDocument.decode(BSONDocument(bytes)) { claimed.append(owed) }
      }
      return claimed
    }
    // A failure leaves a claim that ends by itself.
    return (try? claimed.get()) ?? []
  }

  package func settleOwed(_ ids: [OwedID]) async {
    guard !ids.isEmpty else { return }
    _ = await call { [database] client throws(MongoFailure) in
      try client.command(database, OwedQueries.delete(ids.map(\.description)))
    }.map { _ in }
  }
}

/// The documents of the queries on `later`. Times are judged by the server's clock, `$$NOW`.
enum OwedQueries {
  /// Due, and not claimed by anybody: a missing field is less than any date.
  static let due = BSONWriter.document { writeDue(&$0) }

  static func dueOptions(limit: Int) -> [UInt8] {
    MongoStore.readOptions(count: limit) {
      oldestFirst(&$0)
      $0.int("limit", limit)
      $0.document("projection") { $0.int("_id", 1) }
    }
  }

  static func oldestFirst(_ writer: inout BSONWriter) {
    writer.document("sort") { $0.int("due", 1) }
  }

  static func mark(_ ids: [String], token: String, duration: Duration) -> [UInt8] {
    BSONWriter.document {
      $0.string("update", "later")
      $0.array("updates", CollectionOfOne(ids)) { update, ids in
        update.document("q") {
          $0.document("_id") { $0.strings("$in", ids) }
          writeDue(&$0)
        }
        update.array("u", CollectionOfOne(token)) { stage, token in
          stage.document("$set") {
            $0.document("claimedUntil") {
              $0.values("$add", 0..<2) { writer, key, index in
                if index == 0 {
                  writer.string(key, "$$NOW")
                } else {
                  writer.int64(key, duration.millisecondsClamped)
                }
              }
            }
            // A text in a pipeline would be a path if it began with a dollar.
            $0.document("claim") { $0.string("$literal", token) }
          }
        }
        update.bool("multi", true)
      }
      $0.writeConcern()
    }
  }

  static func marked(_ ids: [String], token: String) -> [UInt8] {
    BSONWriter.document {
      $0.document("_id") { $0.strings("$in", ids) }
      $0.string("claim", token)
    }
  }

  static func delete(_ ids: [String]) -> [UInt8] {
    BSONWriter.document {
      $0.string("delete", "later")
      $0.array("deletes", CollectionOfOne(ids)) { delete, ids in
        delete.document("q") { $0.document("_id") { $0.strings("$in", ids) } }
        delete.int("limit", 0)
      }
      $0.writeConcern()
    }
  }

  private static func writeDue(_ writer: inout BSONWriter) {
    writer.document("$expr") {
      $0.array("$and", ["$due", "$claimedUntil"]) {
        $0.strings("$lte", [$1, "$$NOW"])
      }
    }
  }
}
