internal import Glibc

/// Finds the commands of a dead worker that its keeper was never told of, and kills them.
///
/// Between the birth of a command and the line that announces it a worker may die, and a command may
/// have moved a child of its own to another process group. Both are recognised by the mark in their
/// environment and by the worker's session. A process that left the session did so on purpose, as
/// daemons do, and is let be. Needs /proc; where there is none, nothing is found.
struct KeeperSweep {
  /// The mark stands at the front of the environment; this much of it is read.
  private static let environmentBytesMax = 4096
  private static let roundsMax = 100

  let session: Int32
  let mark: String

  /// Looks until nothing was found twice running: a process that forks while we look may be missed
  /// once, and one that is in the middle of its exec shows no environment for an instant.
  func run() {
    var quietRounds = 0
    for _ in 0..<Self.roundsMax where quietRounds < 2 {
      let found = marked()
      for pid in found { kill(pid, SIGKILL) }
      quietRounds = found.isEmpty ? quietRounds + 1 : 0
      usleep(10_000)
    }
  }

  /// The processes of the session that carry the mark. A zombie has no environment any more.
  private func marked() -> [pid_t] {
    guard let directory = opendir("/proc") else { return [] }
    defer { closedir(directory) }
    var found: [pid_t] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let pid = pid_t(name), pid > 1, pid != getpid(), getsid(pid) == session else {
        continue
      }
      if carriesMark(pid) { found.append(pid) }
    }
    return found
  }

  private func carriesMark(_ pid: pid_t) -> Bool {
    let raw = open("/proc/\(pid)/environ", O_RDONLY | O_CLOEXEC)
    guard raw >= 0 else { return false }
    let file = Descriptor(takingOwnership: raw)
    var bytes = [UInt8](repeating: 0, count: Self.environmentBytesMax)
    let count = bytes.withUnsafeMutableBytes { buffer in
      if case .bytes(let count) = readAvailable(file.raw, into: buffer) { count } else { 0 }
    }
    let wanted = Array("\(KeeperHandle.markName)=\(mark)".utf8)
    return bytes[..<count].split(separator: 0).contains { $0.elementsEqual(wanted) }
  }
}
