internal import CGlibc
internal import Foundation
internal import NIOCore
internal import NIOPosix

/// Runs a command for each alert, which finds it on its standard input as one JSON object: the one of
/// the webhook's `alerts`. Exit 0 is a delivery, 65 means never, anything else is tried again. It has
/// 30 s.
///
/// By `posix_spawn`, not by Foundation's `Process`, which waits by `select`: that ends the whole program
/// once a descriptor is above 1,023, and a coordinator has one a connection.
struct CommandTransport: SinkTransport {
  static let timeout = Duration.seconds(30)
  private static let lookEvery = TimeAmount.milliseconds(10)

  let batchMax = 1
  let words: [String]
  let group: any EventLoopGroup

  func deliver(_ alerts: [SinkAlert]) async throws -> SinkVerdict {
    guard let alert = alerts.first else { return .delivered }
    let pid = try await NIOThreadPool.singleton.runIfActive { try start(alert.json) }
    let status = try await end(of: pid).get()
    switch status {
    case 0: return .delivered
    case 65: return .refused(why: "\(words[0]) exited with 65")
    default: return .again(why: "\(words[0]) ended with status \(status)", after: nil)
    }
  }

  /// Its exit status, or 128 and the signal that ended it. No thread waits for it: commands that hang
  /// would leave none to the spools.
  private func end(of pid: pid_t) -> EventLoopFuture<Int32> {
    let loop = group.next()
    let promise = loop.makePromise(of: Int32.self)
    let end = ContinuousClock.now + Self.timeout
    loop.scheduleRepeatedTask(initialDelay: Self.lookEvery, delay: Self.lookEvery) { [words] task in
      var status: Int32 = 0
      let reaped = waitpid(pid, &status, WNOHANG)
      if reaped == pid {
        let signal = status & 0x7F
        promise.succeed(signal == 0 ? (status >> 8) & 0xFF : 128 + signal)
        task.cancel()
      } else if reaped < 0, errno != EINTR {
        promise.fail(HTTPFailure(description: "\(words[0]): it was lost"))
        task.cancel()
      } else if ContinuousClock.now >= end {
        kill(-pid, SIGKILL)
      }
    }
    return promise.futureResult
  }

  /// It leads a process group, so that its children end with it, and inherits nothing but its streams.
  private func start(_ text: String) throws -> pid_t {
    let input = try Self.unnamedFile(text)
    defer { close(input) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    for stream: Int32 in 1...2 {
      posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0)
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var (all, none) = (sigset_t(), sigset_t())
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
    let arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, words[0], &actions, &attributes, arguments, environ)
    guard code == 0 else {
      throw HTTPFailure(description: "\(words[0]): \(String(cString: strerror(code)))")
    }
    return pid
  }

  /// Not a pipe: a command that ends without reading would have us write to nobody, which is a signal.
  private static func unnamedFile(_ text: String) throws -> Int32 {
    let url = FileManager.default.temporaryDirectory.appending(path: "belfry-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }  // It stays open where it is read.
    try Data(text.utf8).write(to: url)
    let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw HTTPFailure(description: "\(url.path) cannot be read") }
    return descriptor
  }
}
