internal import Glibc

/// The process behind `belfry keeper`, which no help lists: kills a worker's commands when the worker is
/// gone, kill -9 included.
///
/// It reads the lines of `KeeperLedger` from standard input, a pipe whose only other end the worker
/// holds. However the worker ends, the kernel closes that end, and the keeper kills what is left. A
/// parent-death signal would not do: it follows the thread that made the child, and a grandchild
/// does not have it.
package enum Keeper {
  /// Serves one worker, and ends with it. To be called before anything has made a thread.
  package static func main() -> Never {
    shield()
    var ledger = KeeperLedger()
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(0, &buffer, buffer.count)
      if count > 0 {
        ledger.feed(buffer[..<count])
      } else if count == 0 || errno != EINTR {
        break
      }
    }
    for group in ledger.groups.sorted() { kill(-group, SIGKILL) }
    if let session = ledger.session, let mark = ledger.mark {
      KeeperSweep(session: session, mark: mark).run()
    }
    exit(0)
  }

  /// Nothing but SIGKILL and end of file ends it; it holds no descriptor but its standard streams,
  /// no terminal and no folder. (A worker starts it so; this is for one that is started otherwise.)
  private static func shield() {
    for ignored in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2] {
      signal(ignored, SIG_IGN)
    }
    setsid()
    closefrom(3)
    _ = chdir("/")
  }
}
