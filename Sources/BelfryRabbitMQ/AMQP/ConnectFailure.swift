#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Finds out why a connection failed: rabbitmq-c says only that it did.
///
/// Tries once more by itself and reads the error. It may have passed by then.
enum ConnectFailure {
  static func words(host: String, port: Int, place: String) -> String {
    switch number(host, port) {
    case ECONNREFUSED: "connection refused to \(place)"
    case EHOSTUNREACH, ENETUNREACH: "no way to \(place)"
    case ETIMEDOUT, EINPROGRESS, EAGAIN: "no answer from \(place)"
    case 0: "could not connect to \(place), for a moment"
    case let other: "cannot connect to \(place): \(unsafe String(cString: strerror(other)))"
    }
  }

  /// `errno` of the last address tried; 0 when one took the connection.
  private static func number(_ host: String, _ port: Int) -> Int32 {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = streamType
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else { return EHOSTUNREACH }
    defer { unsafe freeaddrinfo(list) }
    var last = EHOSTUNREACH
    var next = unsafe list
    while let address = unsafe next {
      last = unsafe connectError(address.pointee)
      if last == 0 { return 0 }
      unsafe next = address.pointee.ai_next
    }
    return last
  }

  private static func connectError(_ address: addrinfo) -> Int32 {
    let descriptor = unsafe socket(
      address.ai_family, address.ai_socktype, address.ai_protocol)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var patience = timeval(tv_sec: Limit.closeSeconds, tv_usec: 0)
    _ = unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    return unsafe connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno
  }

  #if canImport(Glibc)
    private static let streamType = Int32(SOCK_STREAM.rawValue)
  #else
    private static let streamType = SOCK_STREAM
  #endif
}
