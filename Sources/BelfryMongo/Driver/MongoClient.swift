internal import CMongoC

/// One client of the pool, lent for one closure. Every call blocks, within the URL's time limits.
@safe struct MongoClient: ~Copyable {
  private let client: OpaquePointer

  init(borrowing client: OpaquePointer) { unsafe self.client = client }

  /// Runs a command on the primary; returns the server's answer. Concerns stand in the command.
  func command(_ database: String, _ command: [UInt8]) throws(MongoFailure) -> BSONDocument {
    var error = bson_error_t()
    let loan = BSONLoan()
    let (isDone, reply) = unsafe BSONLoan().receive { reply in
      unsafe loan.lend(command) { command in
        unsafe mongoc_client_command_simple(client, database, command, nil, reply, &error)
      }
    }
    guard isDone else { throw MongoFailure(error) }
    let document: BSONDocument
    do { document = try BSONDocument(reply) } catch {
      throw MongoFailure(cause: .other, message: "an answer that is no document: \(error.message)")
    }
    if let failure = Self.partialFailure(document) { throw failure }
    return document
  }

  /// Finds documents on the primary, majority; hands over each one's bytes.
  func find(
    _ database: String, _ collection: String, filter: [UInt8], options: [UInt8],
    _ body: ([UInt8]) -> Void
  ) throws(MongoFailure) {
    let handle = unsafe mongoc_client_get_collection(client, database, collection)
    defer { unsafe mongoc_collection_destroy(handle) }
    let cursor = unsafe BSONLoan().lend(filter) { filter in
      unsafe BSONLoan().lend(options) { options in
        unsafe mongoc_collection_find_with_opts(handle, filter, options, nil)
      }
    }
    defer { unsafe mongoc_cursor_destroy(cursor) }
    var document: OpaquePointer?
    while unsafe mongoc_cursor_next(cursor, &document) {
      if let document = unsafe document { unsafe body(BSONLoan.copy(document)) }
    }
    var error = bson_error_t()
    if unsafe mongoc_cursor_error(cursor, &error) { throw MongoFailure(error) }
  }

  /// Inserts a batch in one unordered bulk; says what the server said of each.
  func insert(_ database: String, _ collection: String, _ documents: [[UInt8]]) -> BulkReply {
    let handle = unsafe mongoc_client_get_collection(client, database, collection)
    defer { unsafe mongoc_collection_destroy(handle) }
    let loan = BSONLoan()
    let bulk = unsafe loan.lend(Self.bulkOptions) { options in
      unsafe mongoc_collection_create_bulk_operation_with_opts(handle, options)
    }
    defer { unsafe mongoc_bulk_operation_destroy(bulk) }
    var result = BulkReply()
    var error = bson_error_t()
    var sent: [Int] = []
    for (index, document) in documents.enumerated() {
      let isTaken = unsafe loan.lend(document) { document in
        unsafe mongoc_bulk_operation_insert_with_opts(bulk, document, nil, &error)
      }
      if isTaken {
        sent.append(index)
      } else {
        result.errors[index] = .refusedByDriver(MongoFailure(error).message)
      }
    }
    guard !sent.isEmpty else { return result }
    let (server, reply) = unsafe loan.receive {
      unsafe mongoc_bulk_operation_execute(bulk, $0, &error)
    }
    result.read(reply, sent: sent, failure: server == 0 ? MongoFailure(error) : nil)
    return result
  }

  private static let bulkOptions = BSONWriter.document {
    $0.bool("ordered", false)
    $0.writeConcern()
  }

  /// What an answer with `ok: 1` can still hide.
  private static func partialFailure(_ reply: BSONDocument) -> MongoFailure? {
    let first = (try? reply.documents("writeErrors"))?.first  // Not there: not one.
    guard let error = first ?? (try? reply.document("writeConcernError")) else { return nil }
    return MongoFailure(
      serverCode: error["code"]?.int ?? 0, message: error["errmsg"]?.string ?? "write error")
  }
}

/// What became of each document of a bulk.
struct BulkReply {
  enum WriteError: Equatable {
    /// libmongoc did not take the document.
    case refusedByDriver(String)
    case server(code: Int, message: String)
  }

  /// By index in the batch.
  var errors: [Int: WriteError] = [:]
  /// Why all those without an error are unknown; nil: they are inserted.
  var failure: MongoFailure?

  /// `sent` maps the server's indices to the batch's. The server answered the command if there are
  /// errors of single documents or of the write concern; else a failure concerns all.
  fileprivate mutating func read(_ bytes: [UInt8], sent: [Int], failure: MongoFailure?) {
    do throws(BSONError) {
      let reply = try BSONDocument(bytes)
      let writeErrors = try reply.documents("writeErrors")
      for error in writeErrors {
        let index = try error.require("index") { $0.int }
        guard sent.indices.contains(index) else { throw BSONError("an index out of range") }
        errors[sent[index]] = .server(
          code: error["code"]?.int ?? 0, message: error["errmsg"]?.string ?? "")
      }
      let concern = try reply.documents("writeConcernErrors").first
      if let concern {
        self.failure = MongoFailure(
          serverCode: concern["code"]?.int ?? 0,
          message: concern["errmsg"]?.string ?? "the write concern was not met")
      } else if reply["nInserted"]?.int != sent.count - writeErrors.count {
        self.failure =
          failure ?? MongoFailure(cause: .other, message: "the server's answer does not add up")
      }
    } catch {
      self.failure =
        failure ?? MongoFailure(cause: .other, message: "unreadable answer: \(error.message)")
    }
  }
}
