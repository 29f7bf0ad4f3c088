internal import Glibc
internal import Synchronization

/// A worker's end of its keeper: starts it, tells it which process groups run, and starts another
/// when it dies, which it then tells everything again.
///
/// One for a worker. It goes when this object goes, and kills what still runs.
package final class KeeperHandle: Sendable {
  /// The variable by which the keeper knows the worker's commands.
  static let markName = "BELFRY_KEEPER"
  /// This process's own program, even when its file was replaced meanwhile.
  package static let ownExecutable = "/proc/self/exe"
  /// A keeper that dies younger than this is not replaced at once: it would only die again.
  private static let restartAfter = Duration.seconds(1)
  /// What waits for a keeper that does not read (it is stopped). Beyond that it is replaced.
  private static let pendingBytesMax = 1 << 20

  private struct State {
    var keeper: KeeperProcess?
    var startedAt = ContinuousClock.now
    var groups: Set<pid_t> = []
    /// What did not fit into the pipe yet.
    var pending: [UInt8] = []
    var isStarting = false
    var isClosed = false

    /// Whether the caller is to start a keeper now; nobody else is told so until it has.
    mutating func claimStart() -> Bool {
      guard keeper == nil, !isStarting, !isClosed, startedAt.duration(to: .now) > restartAfter
      else { return false }
      isStarting = true
      startedAt = .now
      return true
    }
  }

  /// What makes this program a keeper, when it is all that it is given.
  package static let arguments = ["keeper"]

  /// `BELFRY_KEEPER=<mark>`, to be the first variable of every command.
  let environmentLine: String
  private let mark: String
  private let executable: String
  private let arguments: [String]
  private let state = Mutex(State())

  /// Starts the keeper.
  /// - Parameters:
  ///   - executable: absolute; a program that calls `Keeper.main()` when it is given `arguments`.
  ///   - arguments: behind its name.
  package init(
    executable: String = KeeperHandle.ownExecutable, arguments: [String] = KeeperHandle.arguments
  ) throws(CommandError) {
    self.executable = executable
    self.arguments = arguments
    var random = SystemRandomNumberGenerator()
    let digits = [random.next(), random.next()].map { (part: UInt64) in
      let text = String(part, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    mark = digits.joined()
    environmentLine = "\(Self.markName)=\(mark)"
    do {
      try ChildReaper.shared.start()
      try startKeeper()
    } catch {
      throw .system(call: error.call, code: error.code)
    }
  }

  deinit {
    close()
  }

  /// The keeper's process id; nil while there is none. For the log: a worker without a keeper works
  /// on, and tries again when it starts a command.
  package var pid: Int32? { state.withLock { $0.keeper?.pid } }

  /// The worker ends in order: what still runs is killed, and the keeper ends.
  package func close() {
    state.withLock { state in
      state.isClosed = true
      // Also from here, since there may be no keeper at this moment. What is in the set is not
      // reaped, so the ids are theirs.
      for group in state.groups { kill(-group, SIGKILL) }
      state.keeper?.closeLine()
    }
  }

  /// A command was started as the leader of this group.
  func started(_ group: pid_t) {
    let isMissing = state.withLock { state in
      state.groups.insert(group)
      say("+\(group)\n", &state)
      return state.claimStart()
    }
    // None is running because it could not be started, or died young: once more. That it fails
    // again changes nothing for the command.
    if isMissing { try? startKeeper() }
  }

  /// The group is gone. To be called while its id cannot be somebody else's: before the reaping.
  func ended(_ group: pid_t) {
    state.withLock { state in
      state.groups.remove(group)
      say("-\(group)\n", &state)
    }
  }

  private func startKeeper() throws(SystemCallError) {
    let keeper = KeeperProcess(owner: self)
    defer { state.withLock { $0.isStarting = false } }
    let pid = try keeper.start(executable, [executable] + arguments)
    state.withLock { state in
      state.keeper = keeper
      state.pending = []
      say("=\(getsid(0)) \(mark)\n", &state)
      for group in state.groups { say("+\(group)\n", &state) }
      if state.isClosed { keeper.closeLine() }
    }
    ChildReaper.shared.watch(pid, keeper)
  }

  private func say(_ line: String, _ state: inout State) {
    guard let keeper = state.keeper, !state.isClosed else { return }
    state.pending.append(contentsOf: line.utf8)
    let count = keeper.write(state.pending)
    state.pending.removeFirst(count)
    // It does not read: stopped, or worse. The one that follows is told everything.
    if state.pending.count > Self.pendingBytesMax { keeper.kill() }
  }

  fileprivate func died(_ keeper: KeeperProcess) {
    let isToBeReplaced = state.withLock { state in
      guard state.keeper === keeper else { return false }
      state.keeper = nil
      return state.claimStart()
    }
    // `started` tries again later.
    if isToBeReplaced { try? startKeeper() }
  }
}

/// One keeper, and the pipe to it. Closing the pipe while it lives makes it kill every group.
private final class KeeperProcess: WatchedChild {
  private struct State {
    /// nil before it is started and when it has ended.
    var pid: pid_t?
    var line: Int32?
  }

  private weak let owner: KeeperHandle?
  private let state = Mutex(State())

  init(owner: KeeperHandle) {
    self.owner = owner
  }

  deinit {
    closeLine()
  }

  var pid: pid_t? { state.withLock { $0.pid } }

  func start(_ executable: String, _ words: [String]) throws(SystemCallError) -> pid_t {
    let pipe = try Pipe()
    setNonBlocking(pipe.writer.raw)
    // The one variable without which its program might not start.
    let libraries = environmentValue("LD_LIBRARY_PATH").map { ["LD_LIBRARY_PATH=\($0)"] } ?? []
    var plan = SpawnPlan(path: executable, words: words, environment: libraries)
    plan.family = .shieldedSession
    plan.input = pipe.reader.raw
    let pid = try plan.start()
    pipe.reader.close()
    let line = pipe.writer.release()
    state.withLock { $0 = State(pid: pid, line: line) }
    return pid
  }

  /// - Returns: how many bytes were taken.
  func write(_ bytes: [UInt8]) -> Int {
    state.withLock { state in
      guard let line = state.line else { return 0 }
      let written = bytes.withUnsafeBytes { writeAvailable(line, $0) }
      if case .bytes(let count) = written { return count }
      return 0
    }
  }

  func closeLine() {
    state.withLock { state in
      if let line = state.line { Glibc.close(line) }
      state.line = nil
    }
  }

  func kill() {
    state.withLock { state in
      if let pid = state.pid { _ = Glibc.kill(pid, SIGKILL) }
    }
  }

  func exited(_ status: ChildExit) {
    state.withLock { $0.pid = nil }
  }

  func reaped(_ status: ChildExit) {
    closeLine()
    owner?.died(self)
  }
}
