internal import Synchronization

/// Starts commands, one after the other, on a thread of its own: a start blocks for the length of an
/// exec, which must hold up neither the streams of those that run nor an async function's thread.
final class CommandSpawner: Sendable {
  private struct State {
    var queue: [CommandRun] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let wake = WakeCount()
  private let keeper: KeeperHandle?
  private let inbox: CommandInbox

  init(keeper: KeeperHandle?, inbox: CommandInbox) {
    self.keeper = keeper
    self.inbox = inbox
  }

  func submit(_ run: CommandRun) {
    let isTaken = state.withLock { state in
      if !state.isClosed { state.queue.append(run) }
      return !state.isClosed
    }
    if isTaken { wake.wake() } else { run.finish(unstarted: .stopped) }
  }

  /// What waits ends as stopped, and the reactor is told that nothing more comes.
  func close() {
    state.withLock { $0.isClosed = true }
    wake.wake()
  }

  /// The thread's body; returns after `close`.
  func run() {
    while true {
      wake.sleep()
      let (batch, isClosed) = state.withLock { state in
        defer { state.queue = [] }
        return (state.queue, state.isClosed)
      }
      for run in batch {
        if isClosed || run.isStopRequested { run.finish(unstarted: .stopped) } else { start(run) }
      }
      if isClosed { return inbox.post(.close) }
    }
  }

  private func start(_ run: CommandRun) {
    do {
      let child = try ChildProcess(starting: run, keeper: keeper, inbox: inbox)
      // In this order: the reactor hears of the start before the reaper can tell of the end.
      inbox.post(.started(child))
      ChildReaper.shared.watch(child.pid, child)
    } catch {
      run.finish(
        unstarted: .notStarted(code: error.code, reason: "\(error.call): \(error.reason)"))
    }
  }
}
