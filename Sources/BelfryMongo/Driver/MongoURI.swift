internal import BelfryCore
internal import CMongoC

/// A store's URL, parsed, with Belfry's limits and promises put in.
///
/// Limits are defaults that the URL may change. What the protocol rests on is not: writes are
/// majority and journaled, reads are majority and from the primary.
@safe struct MongoURI: ~Copyable {
  let pointer: OpaquePointer

  static let serverSelectionMilliseconds: Int32 = 5_000
  static let socketMilliseconds: Int32 = 10_000
  static let writeConcernMilliseconds: Int64 = 10_000

  init(_ text: String, password: String? = nil, appName: String) throws(StoreProblem) {
    MongoRuntime.start()
    var error = bson_error_t()
    guard let uri = unsafe mongoc_uri_new_with_error(text, &error) else {
      throw StoreProblem(
        isPermanent: true,
        message: "the store's URL is not one of MongoDB's: \(MongoFailure(error).message)."
          + " It looks like mongodb://host:27017/belfry?replicaSet=rs0")
    }
    if let unknown = URLText(text)?.unknownOptions.first {
      unsafe mongoc_uri_destroy(uri)
      throw StoreProblem(
        isPermanent: true, message: "the store's URL has an option that is none: \(unknown)")
    }
    unsafe pointer = uri
    if let password { unsafe mongoc_uri_set_password(uri, password) }
    setDefaults(appName: appName)
    setPromises()
  }

  deinit { unsafe mongoc_uri_destroy(pointer) }

  /// The database in the URL, else `belfry`.
  var database: String {
    guard let name = unsafe mongoc_uri_get_database(pointer) else { return "belfry" }
    return unsafe String(cString: name)
  }

  /// The servers that the URL names, `host:port`.
  var hosts: [String] {
    var hosts: [String] = []
    var next = unsafe mongoc_uri_get_hosts(pointer)
    while let host = unsafe next {
      var name = unsafe host.pointee.host_and_port
      let text = unsafe withUnsafeBytes(of: &name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      hosts.append(text)
      unsafe next = UnsafePointer(host.pointee.next)
    }
    return hosts
  }

  var userName: String? {
    guard let name = unsafe mongoc_uri_get_username(pointer) else { return nil }
    return unsafe String(cString: name)
  }

  private func setDefaults(appName: String) {
    setDefault("serverselectiontimeoutms", Self.serverSelectionMilliseconds)
    setDefault("connecttimeoutms", Self.serverSelectionMilliseconds)
    setDefault("sockettimeoutms", Self.socketMilliseconds)
    // A retry doubles the time limits, and whoever asks for an insert repeats it when unknown.
    setDefault("retrywrites", false)
    setDefault("retryreads", false)
    // One host in the URL: still find the others of its replica set, as newer drivers do.
    setDefault("directconnection", false)
    if unsafe !mongoc_uri_has_option(pointer, "appname") {
      unsafe mongoc_uri_set_appname(pointer, appName)
    }
  }

  private func setPromises() {
    let write = unsafe mongoc_write_concern_new()
    unsafe mongoc_write_concern_set_wmajority(write, Int32(Self.writeConcernMilliseconds))
    unsafe mongoc_write_concern_set_journal(write, true)
    unsafe mongoc_uri_set_write_concern(pointer, write)
    unsafe mongoc_write_concern_destroy(write)
    let read = unsafe mongoc_read_concern_new()
    unsafe mongoc_read_concern_set_level(read, "majority")
    unsafe mongoc_uri_set_read_concern(pointer, read)
    unsafe mongoc_read_concern_destroy(read)
    let preference = unsafe mongoc_read_prefs_new(MONGOC_READ_PRIMARY)
    unsafe mongoc_uri_set_read_prefs_t(pointer, preference)
    unsafe mongoc_read_prefs_destroy(preference)
  }

  private func setDefault(_ option: String, _ value: Int32) {
    guard unsafe !mongoc_uri_has_option(pointer, option) else { return }
    unsafe mongoc_uri_set_option_as_int32(pointer, option, value)
  }

  private func setDefault(_ option: String, _ value: Bool) {
    guard unsafe !mongoc_uri_has_option(pointer, option) else { return }
    unsafe mongoc_uri_set_option_as_bool(pointer, option, value)
  }
}
