#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A file that is complete and on the disk under a temporary name, waiting to get its own: after a
/// crash there is the old file or the new one, never half of one.
final class StagedFile {
  let path: String
  private let temporary: String

  /// Writes `text` beside `path` and flushes it. Throws `fileSystem`.
  /// - Parameter owner: nil: who writes.
  init(
    _ text: String, for path: String, mode: mode_t, owner: (user: uid_t, group: gid_t)?
  ) throws(IdentityError) {
    let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).tmp"
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw .fileSystem("cannot create", temporary) }
    // Where that is not allowed (a user namespace, NFS) it stays who writes.
    if let owner { _ = fchown(descriptor, owner.user, owner.group) }
    let written = Self.write(text, to: descriptor, mode: mode)
    let failure = IdentityError.fileSystem("cannot write", temporary)
    guard close(descriptor) == 0, written else {
      unsafe unlink(temporary)
      throw failure
    }
    self.path = path
    self.temporary = temporary
  }

  deinit { unsafe unlink(temporary) }

  /// Gives the file its name. Without `replacing`, one that is there stays and `alreadyExists` is
  /// thrown; link(2) checks and acts in one step, where a look before a rename(2) would race.
  func commit(replacing: Bool) throws(IdentityError) {
    if replacing {
      guard unsafe rename(temporary, path) == 0 else { throw .fileSystem("cannot replace", path) }
    } else if unsafe link(temporary, path) != 0 {
      guard errno != EEXIST else {
        throw IdentityError(.alreadyExists, "\(path) is there already; it was not touched")
      }
      throw .fileSystem("cannot create", path)
    }
  }

  private static func write(_ text: String, to descriptor: Int32, mode: mode_t) -> Bool {
    // The mode that open(2) was given went through the umask.
    guard fchmod(descriptor, mode) == 0 else { return false }
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes[done...].withUnsafeBytes { rest in
        #if canImport(Darwin)
          unsafe Darwin.write(descriptor, rest.baseAddress, rest.count)
        #else
          unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return fsync(descriptor) == 0
  }
}

extension IdentityError {
  /// Reads errno: call it right after what failed.
  static func fileSystem(_ what: String, _ path: String) -> IdentityError {
    let number = errno
    let reason = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
    return IdentityError(
      number == ENOENT ? .notFound : .fileSystem, "\(what) \(path): \(reason)")
  }
}
