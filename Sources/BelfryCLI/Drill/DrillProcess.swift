internal import Foundation

/// A process that a drill started, and may hurt.
///
/// In a group of its own, so that Ctrl-C at the terminal reaches the drill, which then ends it, or lets
/// a command that starts something again finish. Its end is asked of the system, by its number:
/// Foundation's `Process` waits for all that inherits from it, and a command that starts a server leaves
/// one behind.
final class DrillProcess {
  let name: String
  private let output: String
  private let pid: pid_t
  /// As `waitpid` says it; nil while it runs.
  private var waitStatus: Int32?

  /// - Parameter output: gets its standard output and error.
  init(_ name: String, _ program: String, _ arguments: [String], output: URL) throws {
    self.name = name
    self.output = output.path
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(
      &actions, 1, output.path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    for descriptor in try Self.otherDescriptors() {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The drill itself may ignore signals, to wait for them otherwise.
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for signal in [SIGINT, SIGTERM] { sigaddset(&defaults, signal) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
    let words = Self.strings([program] + arguments)
    let variables = Self.strings(
      ProcessInfo.processInfo.environment.sorted { $0.key < $1.key }.map { "\($0)=\($1)" })
    defer { for text in words + variables { free(text) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, program, &actions, &attributes, words, variables)
    guard code == 0 else {
      throw UserError(
        .drillFailed, "cannot start \(program)", why: String(cString: strerror(code)),
        next: ["belfry doctor"])
    }
    self.pid = pid
  }

  /// Whoever waits for this process by a pipe must not wait for what a command leaves behind. Of those that
  /// are gone by then nothing comes: glibc closes what is there.
  private static func otherDescriptors() throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
      .filter { $0 > 2 }.sorted()
  }

  /// As C wants them, with a nil behind; each is to be freed.
  private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    texts.map { strdup($0) } + [nil]
  }

  var isRunning: Bool {
    guard waitStatus == nil else { return false }
    var status: Int32 = 0
    // 0: it runs; else it is ours and has ended.
    if waitpid(pid, &status, WNOHANG) == pid { waitStatus = status }
    return waitStatus == nil
  }

  func signal(_ signal: Int32) {
    if isRunning { kill(pid, signal) }
  }

  /// Waits until it has ended; by then it is killed.
  func end(within limit: Duration) async {
    let deadline = ContinuousClock.now + limit
    while isRunning, ContinuousClock.now < deadline {
      // Cancelled: what is left is to kill it.
      guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { break }
    }
    signal(SIGKILL)
    var status: Int32 = 0
    if waitStatus == nil, waitpid(pid, &status, 0) == pid { waitStatus = status }
  }

  /// As a shell says it: 128 and the number for a signal. Meaningful once it has ended.
  var status: Int32 {
    guard let status = waitStatus else { return -1 }
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
  }

  /// The end of what it wrote, for messages.
  var lastWords: String {
    // Unreadable: nothing is known.
    let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
    return String(text.suffix(600)).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
