#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The process's limit of open files (RLIMIT_NOFILE), which each connection counts against.
enum FileLimit {
  /// Files that a server needs besides its connections: stores, brokers, logs, reserve.
  static let others = 256

  /// Raises the soft limit to what is wanted, as far as the hard one allows.
  /// - Returns: the limit that holds now; nil when the system does not say.
  static func raise(to wanted: Int) -> Int? {
    var limit = rlimit()
    guard unsafe getrlimit(resource, &limit) == 0 else { return nil }
    let asked = rlim_t(clamping: wanted)
    if limit.rlim_cur < asked, limit.rlim_cur < limit.rlim_max {
      let before = limit.rlim_cur
      limit.rlim_cur = min(asked, limit.rlim_max)
      if unsafe setrlimit(resource, &limit) != 0 { limit.rlim_cur = before }
    }
    return Int(clamping: limit.rlim_cur)
  }

  #if canImport(Glibc)
    private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
  #else
    private static var resource: Int32 { RLIMIT_NOFILE }
  #endif
}
