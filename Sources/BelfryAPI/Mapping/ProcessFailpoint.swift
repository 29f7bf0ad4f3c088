#if DEBUG
  internal import Glibc
  internal import Synchronization

  /// Breaks this process on purpose at a named place, in debug builds only: `BELFRY_FAILPOINT` says
  /// where and how, `C5.confirmed:kill`, or `C5.confirmed@3:stop` for the third time it gets there.
  ///
  /// `kill` is SIGKILL, `stop` SIGSTOP, and `hang` holds the thread that came there for ever.
  /// `scripts/crash --failpoints` drives it.
  package enum ProcessFailpoint {
    private enum Action: String {
      case kill, stop, hang
    }

    private static let armed = read()
    private static let passed = Atomic<Int>(0)

    /// Names a place that the process has come to.
    package static func pass(_ name: String) {
      guard let armed, armed.name == name,
        passed.add(1, ordering: .relaxed).newValue == armed.at
      else { return }
      // What drives this reads it; the log may not be written any more.
      let line = Array("failpoint \(name)\n".utf8)
      _ = write(STDERR_FILENO, line, line.count)
      switch armed.action {
      case .kill: _ = Glibc.kill(getpid(), SIGKILL)
      case .stop: _ = Glibc.kill(getpid(), SIGSTOP)
      case .hang: while true { pause() }
      }
    }

    private static func read() -> (name: String, at: Int, action: Action)? {
      guard let value = getenv("BELFRY_FAILPOINT") else { return nil }
      let parts = String(cString: value).split(separator: ":")
      guard parts.count == 2, let action = Action(rawValue: String(parts[1])) else { return nil }
      let place = parts[0].split(separator: "@")
      guard let name = place.first else { return nil }
      return (String(name), place.count > 1 ? Int(place[1]) ?? 1 : 1, action)
    }
  }
#endif
