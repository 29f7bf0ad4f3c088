internal import Glibc

/// Finds the commands of a dead worker that its keeper was never told of, and kills them.
///
/// Between the birth of a command and the line that announces it a worker may die, and a command may
/// have moved a child of its own to another process group. Both are recognised by the mark in their
/// environment and by the worker's session. A process that left the session did so on purpose, as
/// daemons do, and is let be. Needs /proc; where there is none, nothing is found.
struct KeeperSweep {
  private enum Finding {
    case stranger
    case marked
    /// It shows no environment: it has none, is dead already, or is in the middle of its exec.
    case undecided
  }

  /// The mark stands at the front of the environment; this much of it is read.
  private static let environmentBytesMax = 4096
  /// 10 s and more: as long as an exec may take on a machine that has far too much to do.
  private static let roundsMax = 1_000
  private static let pauseMicroseconds: UInt32 = 10_000

  let session: Int32
  let mark: String

  /// Looks until two rounds running found nothing to kill and nothing undecided: who forks while we
  /// look may be missed once. The pipe's end of file comes only when each child that was being born
  /// has got as far as its exec (until then it holds a copy of the pipe), so none appears later.
  func run() {
    var quietRounds = 0
    for _ in 0..<Self.roundsMax where quietRounds < 2 {
      quietRounds = killMarked() ? quietRounds + 1 : 0
      usleep(Self.pauseMicroseconds)
    }
  }

  /// - Returns: whether all is quiet.
  private func killMarked() -> Bool {
    guard let directory = opendir("/proc") else { return true }
    defer { closedir(directory) }
    var isQuiet = true
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let pid = pid_t(name), pid > 1, pid != getpid(), getsid(pid) == session else {
        continue
      }
      switch look(at: pid) {
      case .stranger: continue
      case .undecided: isQuiet = false
      case .marked:
        isQuiet = false
        kill(pid, SIGKILL)
      }
    }
    return isQuiet
  }

  private func look(at pid: pid_t) -> Finding {
    let raw = open("/proc/\(pid)/environ", O_RDONLY | O_CLOEXEC)
    guard raw >= 0 else { return .stranger }
    let file = Descriptor(takingOwnership: raw)
    var bytes = [UInt8](repeating: 0, count: Self.environmentBytesMax)
    let result = bytes.withUnsafeMutableBytes { readAvailable(file.raw, into: $0) }
    guard case .bytes(let count) = result else { return .undecided }
    let wanted = Array("\(KeeperHandle.markName)=\(mark)".utf8)
    let isMarked = bytes[..<count].split(separator: 0).contains { $0.elementsEqual(wanted) }
    return isMarked ? .marked : .stranger
  }
}
