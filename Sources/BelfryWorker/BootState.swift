internal import BelfryAPI
package import BelfryCore
internal import Glibc

/// Gives each start of a node its boot id. The last one is kept in the state folder, and the next
/// one's time part is above it, whatever the wall clock did meanwhile: boot ids of a node are ordered.
package enum BootState {
  package struct StateError: Error, CustomStringConvertible {
    package let description: String
  }

  package static func next(in folder: String) throws -> BootID {
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
      throw failure("cannot make the state folder", folder)
    }
    let path = folder + "/boot"
    let last = read(path)
    let now = UInt64(clamping: ProcessClock.now().wall.milliseconds)
    let above = last.map { ($0.high >> 16) + 1 } ?? 0
    var random = SystemRandomNumberGenerator()
    let boot = BootID(milliseconds: max(now, above), random: (random.next(), random.next()))
    try write(boot, path)
    return boot
  }

  /// Nil when there is none yet, or it cannot be read: then the clock alone orders.
  private static func read(_ path: String) -> BootID? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, 32) }
    guard count == 32 else { return nil }
    return BootID(String(decoding: bytes, as: UTF8.self))
  }

  private static func write(_ boot: BootID, _ path: String) throws {
    let staged = path + ".new"
    let file = open(staged, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("cannot write", staged) }
    let text = Array(boot.description.utf8)
    let count = text.withUnsafeBytes { Glibc.write(file, $0.baseAddress, text.count) }
    let synced = fsync(file)
    close(file)
    guard count == text.count, synced == 0, rename(staged, path) == 0 else {
      throw failure("cannot keep the boot id in", path)
    }
  }

  private static func failure(_ what: String, _ path: String) -> StateError {
    StateError(description: "\(what) \(path): \(String(cString: strerror(errno)))")
  }
}
