internal import CGlibc
internal import Glibc

/// A process to start by `posix_spawn`: what it runs, and all that it may inherit.
///
/// It inherits its three standard streams, and a fourth where one is named, and nothing else: every other descriptor is closed in the
/// child even when a library forgot `O_CLOEXEC` (a child that holds a socket keeps a dead
/// connection open). Its signal dispositions are the default ones; those that we ignore would be
/// inherited otherwise.
///
/// Chosen over swift-subprocess 1.0.2, which is as fast (about 1,000 commands a second on 2 cores,
/// both; 0.5 ms of our own CPU a command against 0.3 here) but reaps a child before its caller hears
/// of the exit, when its group's id may be a stranger's already, and serves streams and time-outs
/// on the pool of async functions, where one handler in Swift that burns the CPU would hold them up.
struct SpawnPlan {
  enum Family {
    /// A process group of its own, in our session: killed as one.
    case group
    /// A session of its own with all signals blocked from its first instruction on.
    case shieldedSession
  }

  /// Absolute: nothing is looked up.
  let path: String
  /// With the name it sees as its own in front.
  let words: [String]
  /// `NAME=value` lines.
  let environment: [String]
  var workingDirectory: String?
  var family = Family.group
  /// Descriptors of ours that become 0, 1 and 2, each above 2; nil is /dev/null.
  var input: Int32?
  var output: Int32?
  var errors: Int32?
  /// Becomes 3; nil is closed.
  var progress: Int32?

  /// Starts it; returns when the new program runs, so its process group exists.
  ///
  /// Blocks for the length of an exec (0.3 to 1 ms from a warm disk): only on a thread of our own.
  /// - Throws: ENOENT, EACCES, ENOEXEC, E2BIG (the command's fault); EAGAIN, ENOMEM (this machine's
  ///   at present).
  func start() throws(SystemCallError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, source) in [(Int32(0), input), (1, output), (2, errors)] {
      if let source {
        posix_spawn_file_actions_adddup2(&actions, source, target)
      } else {
        let mode = target == 0 ? O_RDONLY : O_WRONLY
        posix_spawn_file_actions_addopen(&actions, target, "/dev/null", mode, 0)
      }
    }
    if let progress { posix_spawn_file_actions_adddup2(&actions, progress, 3) }
    posix_spawn_file_actions_addclosefrom_np(&actions, progress == nil ? 3 : 4)
    if let workingDirectory {
      posix_spawn_file_actions_addchdir_np(&actions, workingDirectory)
    }

    var attributes = Self.attributes(family)
    defer { posix_spawnattr_destroy(&attributes) }
    let arguments = CStrings(words)
    let variables = CStrings(environment)
    var pid: pid_t = 0
    let code = posix_spawn(
      &pid, path, &actions, &attributes, arguments.pointers, variables.pointers)
    guard code == 0 else { throw SystemCallError(call: "start \(path)", code: code) }
    return pid
  }

  private static func attributes(_ family: Family) -> posix_spawnattr_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    var flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    switch family {
    case .group:
      posix_spawnattr_setpgroup(&attributes, 0)
      posix_spawnattr_setsigmask(&attributes, &none)
      flags |= POSIX_SPAWN_SETPGROUP
    case .shieldedSession:
      posix_spawnattr_setsigmask(&attributes, &all)
      flags |= POSIX_SPAWN_SETSID
    }
    posix_spawnattr_setflags(&attributes, Int16(flags))
    return attributes
  }
}

/// A null-terminated array of C strings, freed with it.
private final class CStrings {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    count = strings.count
    pointers = .allocate(capacity: count + 1)
    for (index, string) in strings.enumerated() {
      (pointers + index).initialize(to: strdup(string))
    }
    (pointers + count).initialize(to: nil)
  }

  deinit {
    for index in 0..<count { free(pointers[index]) }
    pointers.deallocate()
  }
}
