internal import Glibc
internal import Synchronization

/// How a child process ended.
enum ChildExit: Equatable, Sendable {
  case exited(Int32)
  case signaled(Int32)
  /// Somebody else in this process waited for it: how it ended is gone.
  case unknown
}

/// A child process that the reaper looks after.
protocol WatchedChild: AnyObject, Sendable {
  /// It has ended and its id still belongs to it: the last moment at which its process group may be
  /// signalled without a chance of meeting a stranger. On the reaper's thread; must not block.
  func exited(_ status: ChildExit)
  /// Its id is free again.
  func reaped(_ status: ChildExit)
}

/// Waits for all children of this process that are given to it: one thread, however many there are.
///
/// Waiting is a matter of the process, so there is one reaper in it. It asks for any child that has
/// ended, *without* reaping it (`WNOWAIT`), and reaps only what it was given: children of other
/// libraries stay theirs. Chosen over a thread a child (memory, and a switch a job), over SIGCHLD
/// (one handler in a process, signals merge) and over pidfd (a further descriptor for each command,
/// and none for the orphans that process 1 of a container inherits).
final class ChildReaper: Sendable {
  static let shared = ChildReaper()

  private struct State {
    var isRunning = false
    var watched: [pid_t: any WatchedChild] = [:]
  }

  private let state = Mutex(State())
  private let arrivals = WakeCount()

  /// Starts the thread and sets up the process, once.
  ///
  /// Of the process: SIGCHLD is not ignored (the kernel would reap by itself and the status would be
  /// lost), SIGPIPE is (a child that closes its standard input must not kill us), and descriptors 0
  /// to 2 are open (else a pipe could land there and be mistaken for a standard stream).
  func start() throws(SystemCallError) {
    let isFirst = state.withLock { state in
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard isFirst else { return }
    signal(SIGCHLD, SIG_DFL)
    signal(SIGPIPE, SIG_IGN)
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) == -1 {
      _ = open("/dev/null", O_RDWR)
    }
    do {
      try WorkThread.start(named: "belfry-reaper") { self.run() }
    } catch {
      state.withLock { $0.isRunning = false }
      throw error
    }
  }

  /// Looks after a child that was just spawned. Told late is fine: it stays a zombie until then.
  func watch(_ pid: pid_t, _ child: any WatchedChild) {
    state.withLock { $0.watched[pid] = child }
    arrivals.wake()
  }

  /// How many children are looked after.
  var watchedCount: Int { state.withLock { $0.watched.count } }

  private func run() {
    var strangers = Strangers()
    while true {
      while watchedCount == 0 { arrivals.sleep() }
      var info = siginfo_t()
      if waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0 {
        let pid = info._sifields._sigchld.si_pid
        if settle(pid, info.exitStatus) {
          strangers.forget()
          continue
        }
        strangers.met(pid)
      } else if errno == EINTR {
        continue
      } else {
        strangers.met(0)
      }
      sweep()
      strangers.pause()
    }
  }

  /// Asks for each watched child by itself: a zombie of somebody else stands before them.
  private func sweep() {
    for pid in state.withLock({ Array($0.watched.keys) }) {
      var info = siginfo_t()
      if waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 {
        if errno == ECHILD { _ = settle(pid, .unknown) }
      } else if info._sifields._sigchld.si_pid == pid {
        _ = settle(pid, info.exitStatus)
      }
    }
  }

  /// - Returns: whether it was ours.
  private func settle(_ pid: pid_t, _ status: ChildExit) -> Bool {
    guard let child = state.withLock({ $0.watched.removeValue(forKey: pid) }) else { return false }
    child.exited(status)
    while waitpid(pid, nil, 0) == -1 && errno == EINTR {}
    child.reaped(status)
    return true
  }
}

/// Children that have ended and are not (yet) ours: just spawned and about to be given to us,
/// another library's, or, when this process is number 1 of a container, orphans.
private struct Strangers {
  private var pid: pid_t = 0
  private var misses = 0
  private var since = ContinuousClock.now

  mutating func forget() {
    pid = 0
    misses = 0
  }

  mutating func met(_ pid: pid_t) {
    if pid != self.pid {
      self.pid = pid
      since = .now
    }
    misses += 1
    // Process 1 inherits every orphan and nobody else reaps those; 50 ms leave room for the
    // hand-over of one of ours, which takes microseconds.
    if getpid() == 1, pid > 0, since.duration(to: .now) > .milliseconds(50) {
      waitpid(pid, nil, WNOHANG)
    }
  }

  /// 50 µs the first time, for one that is being handed over; at most 10 ms, so as not to spin while
  /// another library leaves its child unreaped.
  func pause() {
    usleep(min(10_000, 50 << min(UInt32(misses), 8)))
  }
}

extension siginfo_t {
  fileprivate var exitStatus: ChildExit {
    let status = _sifields._sigchld.si_status
    return si_code == Int32(CLD_EXITED) ? .exited(status) : .signaled(status)
  }
}
