internal import BelfryCore
internal import CMongoC

/// A pool of connections to one replica set. libmongoc's monitors keep looking for its primary.
@safe final class MongoPool: @unchecked Sendable {
  private let pool: OpaquePointer

  /// For a URL with `mongodb+srv` this asks the DNS, and so blocks.
  init(_ uri: borrowing MongoURI) throws(StoreProblem) {
    var error = bson_error_t()
    guard let pool = unsafe mongoc_client_pool_new_with_error(uri.pointer, &error) else {
      throw StoreProblem(
        isPermanent: false,
        message: "cannot use the store's URL: \(MongoFailure(error).message)")
    }
    unsafe self.pool = pool
    unsafe mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2)
  }

  /// Lends a client to `body`; blocks for as long as `body` does.
  func withClient<Answer>(_ body: (borrowing MongoClient) -> Answer) -> Answer {
    guard let client = unsafe mongoc_client_pool_pop(pool) else {
      fatalError("libmongoc made no client")  // It waits while all are out, and else allocates.
    }
    defer { unsafe mongoc_client_pool_push(pool, client) }
    return unsafe body(MongoClient(borrowing: client))
  }

  /// Closes all connections and ends the monitors, which takes up to half a second. Once, last.
  func destroy() { unsafe mongoc_client_pool_destroy(pool) }
}
