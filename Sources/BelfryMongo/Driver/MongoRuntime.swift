internal import CMongoC

/// Starts libmongoc, once a process, and keeps its chatter off stderr.
enum MongoRuntime {
  /// Errors that libmongoc returns are reported by whoever asked. Only what it calls an error of
  /// its own is printed: Debian's build writes a DEBUG line for every failed heartbeat.
  private static let started: Void = {
    mongoc_init()
    unsafe mongoc_log_set_handler(
      { level, domain, message, context in
        guard level.rawValue <= MONGOC_LOG_LEVEL_CRITICAL.rawValue else { return }
        unsafe mongoc_log_default_handler(level, domain, message, context)
      }, nil)
  }()

  static func start() { _ = started }
}
