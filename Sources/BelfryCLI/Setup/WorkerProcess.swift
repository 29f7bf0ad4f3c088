internal import BelfryCore
internal import BelfryWorker
internal import Foundation
internal import Logging
internal import Synchronization

/// The worker of a state folder, as other processes of this machine meet it: who holds the lock of `worker`
/// there, a file with one sentence on how it is.
///
/// The kernel names the holder, and forgets it when it dies: a file with a process id could be stale, and the
/// id another process's by now. A POSIX lock, since `flock` does not say who has it.
final class WorkerProcess: Sendable {
  private let file: Int32
  private let said = Mutex("")

  private static func path(_ folder: String) -> String { folder + "/worker" }

  /// Keeps the lock until this process ends. Nil: nobody can ask this worker how it is, and the log says why.
  static func claim(_ folder: String, _ logger: Logger) -> WorkerProcess? {
    let file = open(path(folder), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    var lock = Self.lock
    if file >= 0, fcntl(file, F_SETLK, &lock) == 0 { return WorkerProcess(file) }
    let problem =
      file < 0
      ? String(cString: strerror(errno))
      : "another process runs a worker with the same state folder"
    close(file)
    logger.warning(
      "belfry worker status and drain do not see this worker",
      metadata: ["file": "\(path(folder))", "why": "\(problem)"])
    return nil
  }

  private init(_ file: Int32) { self.file = file }

  /// Written when it is another than before, to the system's cache alone.
  func tell(_ report: NodeReport) {
    said.withLock { said in
      guard said != report.sentence else { return }
      said = report.sentence
      let bytes = Array(said.utf8)
      ftruncate(file, 0)
      bytes.withUnsafeBytes { _ = pwrite(file, $0.baseAddress, $0.count, 0) }
    }
  }

  /// The process that runs a worker with this state folder; nil: none does.
  static func holder(_ folder: String) throws -> pid_t? {
    let file = open(path(folder), O_RDWR | O_CLOEXEC)
    if file < 0, errno == ENOENT { return nil }
    guard file >= 0 else {
      throw UserError(
        .badFile, "nobody can tell whether a worker runs here",
        why: "\(path(folder)): \(String(cString: strerror(errno)))",
        next: ["do it as root, or as the user that runs the worker"])
    }
    defer { close(file) }
    var lock = Self.lock
    guard fcntl(file, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
    // Else it would be a whole group of processes that is told to leave.
    guard lock.l_pid > 0 else {
      throw UserError(
        .notPossible, "the worker of \(folder) is not in sight of this process",
        why: "it runs in another container or on another machine", next: ["do it there"])
    }
    return lock.l_pid
  }

  /// What the worker last said of itself.
  static func sentence(_ folder: String) -> String {
    (try? String(contentsOfFile: path(folder), encoding: .utf8)) ?? ""
  }

  /// The whole file.
  private static var lock: flock {
    flock(
      l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
  }
}
