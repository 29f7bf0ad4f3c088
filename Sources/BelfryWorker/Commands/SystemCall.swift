internal import Glibc

/// A system call that failed: which, and its `errno`.
struct SystemCallError: Error, Equatable {
  let call: String
  let code: Int32

  /// The failure of the call that was just made.
  static func last(_ call: String) -> SystemCallError {
    SystemCallError(call: call, code: errno)
  }

  /// What the system says about the code, such as "No such file or directory".
  var reason: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// A variable of this process's environment.
func environmentValue(_ name: String) -> String? {
  guard let raw = getenv(name) else { return nil }
  return String(cString: raw)
}

/// Makes reads or writes on our end return at once. The other end is a description of its own and
/// keeps blocking, which is what a child expects of its standard streams.
func setNonBlocking(_ descriptor: Int32) {
  let flags = fcntl(descriptor, F_GETFL)
  precondition(flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0, "fcntl: \(errno)")
}

/// What one read or write without waiting came to.
enum TransferResult: Equatable {
  case bytes(Int)
  /// Nothing to read, or no room, at present.
  case wouldBlock
  /// End of file, or the other side is gone.
  case closed
}

func readAvailable(
  _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
) -> TransferResult {
  while true {
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count > 0 { return .bytes(count) }
    if count == 0 { return .closed }
    if errno == EAGAIN { return .wouldBlock }
    if errno != EINTR { return .closed }
  }
}

/// SIGPIPE must be ignored in this process (`ChildReaper.prepareProcess`).
func writeAvailable(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> TransferResult {
  while true {
    let count = write(descriptor, bytes.baseAddress, bytes.count)
    if count >= 0 { return .bytes(count) }
    if errno == EAGAIN { return .wouldBlock }
    if errno != EINTR { return .closed }
  }
}
