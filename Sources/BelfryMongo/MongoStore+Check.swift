package import BelfryCore

extension MongoStore {
  /// The layout of the collections that this program knows.
  static let schemaVersion = 1

  /// Also makes the indexes, without which alerts are not raised once: call it before the rest.
  package func check() async -> StoreProblem? {
    let problem = await call { [self] client throws(MongoFailure) in
      checkServer(client) ?? checkData(client)
    }
    switch problem {
    case .success(let problem): return problem
    case .failure(let failure): return self.problem(failure)
    }
  }

  /// The primary's clock: `$$NOW` is the same.
  package func time() async -> WallTime? {
    let reply = await call { client throws(MongoFailure) in
      try client.command("admin", ServerHello.command)["localTime"]?.wallTime
    }
    // Without an answer the time is as unknown as without a field.
    return (try? reply.get()) ?? nil
  }

  private func checkServer(_ client: borrowing MongoClient) -> StoreProblem? {
    do {
      let hello = ServerHello(try client.command("admin", ServerHello.command))
      return Self.problem(hello, at: address)
    } catch {
      return error.cause == .unreachable ? explainUnreachable(error) : problem(error)
    }
  }

  /// Nil for a server that can keep the promise.
  private static func problem(_ hello: ServerHello, at address: String) -> StoreProblem? {
    if hello.isUninitiated {
      return StoreProblem(
        isPermanent: false,
        message: "MongoDB at \(address) belongs to a replica set that is not initiated, or is just"
          + " starting. If it stays so, run rs.initiate() once.")
    }
    guard hello.setName != nil || hello.isRouter else {
      return StoreProblem(
        isPermanent: true,
        message: "MongoDB at \(address) is a standalone server: Belfry needs a replica set, because"
          + " only there a write can be confirmed by a majority. Start mongod with --replSet rs0"
          + " and run rs.initiate() once.")
    }
    guard !hello.isTooOld else {
      return StoreProblem(
        isPermanent: true, message: "MongoDB at \(address) is too old: Belfry needs 5.0 or newer.")
    }
    return nil
  }

  private func explainUnreachable(_ failure: MongoFailure) -> StoreProblem {
    var seen: [String] = []
    for (host, answer) in direct.hello() {
      switch answer {
      case .failure(let failure): seen.append(failure.message)
      case .success(let reply):
        let hello = ServerHello(reply)
        if let problem = Self.problem(hello, at: host) { return problem }
        seen.append(
          "\(host): \(hello.isPrimary ? "primary" : "no primary")"
            + " of replica set \(hello.setName ?? "?")")
      }
    }
    let what = seen.isEmpty ? failure.message : seen.joined(separator: "; ")
    return StoreProblem(
      isPermanent: false,
      message: "no MongoDB that takes writes answered at \(address) (\(what))."
        + " Is mongod running there, and does the URL name its replica set?")
  }

  private func checkData(_ client: borrowing MongoClient) -> StoreProblem? {
    do {
      try client.find(
        database, "outcomes", filter: BSONWriter.document { _ in },
        options: Self.readOptions(count: 1) { $0.int("limit", 1) }
      ) { _ in }
      guard use == .everything else { return nil }
      if let problem = try checkVersion(client) { return problem }
      for index in Self.indexes { _ = try client.command(database, index.command) }
      return nil
    } catch {
      return problem(error)
    }
  }

  private func checkVersion(_ client: borrowing MongoClient) throws(MongoFailure) -> StoreProblem? {
    var stored: BSONValue?
    let filter = BSONWriter.document { $0.string("_id", "schema") }
    try client.find(database, "meta", filter: filter, options: Self.readOptions(count: 1)) {
      bytes in
      stored = (try? BSONDocument(bytes))?["v"]  // Unreadable is no version that we know.
    }
    if let stored {
      guard let version = stored.int, version <= Self.schemaVersion else {
        return StoreProblem(
          isPermanent: true,
          message: "database \(database) of MongoDB at \(address) was made by a newer Belfry"
            + " (schema \(stored.int.map { "\($0)" } ?? "unreadable"), this one knows"
            + " \(Self.schemaVersion)). Use that release, or another database.")
      }
      return nil
    }
    let reply = client.insert(
      database, "meta",
      [
        BSONWriter.document {
          $0.string("_id", "schema")
          $0.int("v", Self.schemaVersion)
        }
      ])
    if let failure = reply.failure { throw failure }
    return nil  // A duplicate: another process was quicker, and is met again at its next check.
  }

  struct Index: Sendable {
    let collection: String
    let name: String
    let command: [UInt8]
  }

  static let indexes = [
    index("later", "due", keys: ["due"]),
    index("later", "job", keys: ["job"]),
    index("cancels", "at", keys: ["at"]),
    index("nodes", "writtenAt", keys: ["writtenAt"]),
    // With all that retention asks for, so that it reads keys, and no chunk.
    index("results", "at", keys: ["at", "_id"]),
    // Of the four states only "succeeded" is not before "s": what succeeds costs no second index.
    index("outcomes", "not-succeeded", keys: ["finishedAt"]) {
      $0.document("partialFilterExpression") { $0.document("state") { $0.string("$lt", "s") } }
    },
    index("alerts", "one-open-episode", keys: ["rule", "subject"]) {
      $0.bool("unique", true)
      $0.document("partialFilterExpression") { $0.bool("open", true) }
    },
    index("alerts", "resolved", keys: ["resolvedAt"]) {
      $0.document("partialFilterExpression") { $0.bool("open", false) }
    },
  ]

  private static func index(
    _ collection: String, _ name: String, keys: [String],
    _ more: @escaping (inout BSONWriter) -> Void = { _ in }
  ) -> Index {
    let command = BSONWriter.document {
      $0.string("createIndexes", collection)
      $0.array("indexes", CollectionOfOne(name)) { index, name in
        index.document("key") { for key in keys { $0.int(key, 1) } }
        index.string("name", name)
        more(&index)
      }
      $0.writeConcern()
    }
    return Index(collection: collection, name: name, command: command)
  }

  func problem(_ failure: MongoFailure) -> StoreProblem {
    let isPermanent = failure.cause == .authentication || failure.cause == .unauthorized
    return StoreProblem(isPermanent: isPermanent, message: text(failure))
  }
}
