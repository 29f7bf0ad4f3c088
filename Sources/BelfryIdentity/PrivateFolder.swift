#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A folder of certificates and keys. It has mode 0700 where it is made here; each file in it is
/// written whole or not at all, keys with mode 0600.
struct PrivateFolder: Sendable {
  let path: String
  /// What root writes into somebody else's folder is that one's: a service that runs as another user
  /// finds there what root has put for it.
  private let isItsOwners: Bool

  init(_ path: String, isItsOwners: Bool = false) {
    self.isItsOwners = isItsOwners
    let kept = path.lastIndex { $0 != "/" }.map { path[...$0] }
    self.path = kept.map(String.init) ?? path
  }

  func path(of file: String) -> String { "\(path)/\(file)" }

  /// Makes the folder where there is none, and the files in it. Without `replacing`, all or none:
  /// throws `alreadyExists` when one is there. A crash amid a replacement can leave new files beside
  /// old ones; each is whole, and reading them says that they do not match.
  func write(
    _ files: [(path: String, text: String, mode: mode_t)], replacing: Bool
  ) throws(IdentityError) {
    try make()
    let owner = owner
    // All are on the disk before the first gets its name.
    let staged = try files.map { (file) throws(IdentityError) in
      try StagedFile(file.text, for: file.path, mode: file.mode, owner: owner)
    }
    var done: [StagedFile] = []
    do {
      for file in staged {
        try file.commit(replacing: replacing)
        done.append(file)
      }
    } catch {
      if !replacing { done.forEach { unsafe unlink($0.path) } }
      throw error
    }
    try flush()
  }

  /// Nil: who writes. Of a link nothing is known: who made it would be given what lies behind it.
  private var owner: (user: uid_t, group: gid_t)? {
    var folder = stat()
    guard isItsOwners, geteuid() == 0, unsafe lstat(path, &folder) == 0,
      folder.st_mode & S_IFMT == S_IFDIR
    else { return nil }
    return (folder.st_uid, folder.st_gid)
  }

  /// Makes the folder, and those above it as the umask has it. One that is there keeps its mode.
  private func make() throws(IdentityError) {
    var isFolder = false
    var above = path.startIndex
    while !isFolder {
      let slash = path[above...].dropFirst().firstIndex(of: "/") ?? path.endIndex
      isFolder = slash == path.endIndex
      let part = String(path[..<slash])
      let made = unsafe mkdir(part, isFolder ? 0o700 : 0o777) == 0
      guard made || errno == EEXIST else { throw .fileSystem("cannot make the folder", part) }
      above = slash
    }
  }

  /// Throws `fileSystem` where nothing can be written, such as in a volume that is mounted read-only.
  func checkIsWritable() throws(IdentityError) {
    guard unsafe access(path, W_OK) == 0 else { throw .fileSystem("cannot write in", path) }
  }

  private func flush() throws(IdentityError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .fileSystem("cannot open the folder", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .fileSystem("cannot flush the folder", path) }
  }

  /// Best effort: what cannot be removed is met again.
  func remove(_ path: String) { unsafe unlink(path) }

  /// Nil when there is no such file.
  func readIfThere(_ path: String) throws(IdentityError) -> String? {
    do {
      return try Self.read(path)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  /// The whole of a small text file. Throws `notFound`, `fileSystem`; over 1 MiB, `badCertificate`.
  static func read(_ path: String) throws(IdentityError) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .fileSystem("cannot open", path) }
    defer { close(descriptor) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        #if canImport(Darwin)
          unsafe Darwin.read(descriptor, bytes.baseAddress, bytes.count)
        #else
          unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .fileSystem("cannot read", path) }
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += buffer[..<count]
      guard text.count <= 1 << 20 else {
        throw IdentityError(.badCertificate, "\(path) is over 1 MiB: no certificate, no key")
      }
    }
  }
}
