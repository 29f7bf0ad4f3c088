internal import Synchronization

/// Runs commands for the handlers of a worker: one thread starts them, one serves their streams and
/// deadlines, one reaps, however many run at once.
///
/// `shutdown` ends it. Who drops it without, ends it too, but does not see the end.
package final class CommandEngine: Sendable {
  private let spawner: CommandSpawner
  private let inbox: CommandInbox
  private let end = End()

  /// - Parameter keeper: kills what runs when this process dies; nil for none, in tests.
  package init(keeper: KeeperHandle?) throws(CommandError) {
    do throws(SystemCallError) {
      try ChildReaper.shared.start()
      let inbox = try CommandInbox()
      let spawner = CommandSpawner(keeper: keeper, inbox: inbox)
      try WorkThread.start(named: "belfry-command") { [end] in
        CommandReactor(inbox).run()
        end.reached()
      }
      do throws(SystemCallError) {
        try WorkThread.start(named: "belfry-spawn") { spawner.run() }
      } catch {
        inbox.post(.close)
        throw error
      }
      self.inbox = inbox
      self.spawner = spawner
    } catch {
      throw .system(call: error.call, code: error.code)
    }
  }

  deinit {
    spawner.close()
  }

  /// Stops what runs, refuses what comes, and returns when all of it is gone: at the latest after
  /// the grace and the time that a process gets to die of SIGKILL.
  package func shutdown() async {
    spawner.close()
    await end.wait()
  }

  func run(_ run: CommandRun) async -> CommandResult {
    await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        run.awaited(by: waiter)
        spawner.submit(run)
      }
    } onCancel: {
      run.requestStop()
      inbox.post(.stop(run))
    }
  }

  /// Whether the reactor has returned, and who waits for it.
  private final class End: Sendable {
    private struct State {
      var isReached = false
      var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func reached() {
      let waiters = state.withLock { state in
        state.isReached = true
        defer { state.waiters = [] }
        return state.waiters
      }
      for waiter in waiters { waiter.resume() }
    }

    func wait() async {
      await withCheckedContinuation { waiter in
        let isReached = state.withLock { state in
          if !state.isReached { state.waiters.append(waiter) }
          return state.isReached
        }
        if isReached { waiter.resume() }
      }
    }
  }
}
