#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Keeps a file for this process alone, for as long as it lives; the kernel lets go of it at kill -9 too.
final class FileLock: Sendable {
  private let descriptor: Int32

  /// - Parameter path: of a file that holds nothing but the process id of who has the lock.
  init(_ path: String) throws(EmbeddedError) {
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("cannot open", path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let isHeld = errno == EWOULDBLOCK
      let failure = Self.failure("cannot lock", path)
      let holder = Self.holder(descriptor)
      close(descriptor)
      guard isHeld else { throw failure }
      throw EmbeddedError(
        .locked, holder.isEmpty ? "another process has it" : "process \(holder) has it")
    }
    self.descriptor = descriptor
    let text = Array("\(getpid())".utf8)
    // Only for a message to whoever comes second: without it the lock holds all the same.
    _ = ftruncate(descriptor, 0)
    _ = unsafe text.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  deinit { close(descriptor) }

  private static func holder(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(descriptor, $0.baseAddress, $0.count, 0)
    }
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter(\.isNumber)
  }

  /// Reads errno: call it right after what failed.
  private static func failure(_ what: String, _ path: String) -> EmbeddedError {
    let reason = unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "unknown error"
    return EmbeddedError(.fileSystem, "\(what) \(path): \(reason)")
  }
}
