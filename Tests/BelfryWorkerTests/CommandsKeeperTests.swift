import Foundation
import Testing

@testable import BelfryWorker

@Suite struct CommandsKeeperTests {
  @Test(
    arguments: [
      ("", []), ("+10\n+20\n", [10, 20]), ("+10\n+20\n-10\n", [20]), ("+10\n-10\n+10\n", [10]),
      ("+10", []), ("-10\n", []), ("+0\n+1\n+-5\n+x\n+\n*7\n\n+7\n", [7]),
      ("+99999999999\n+8\n", [8]), (String(repeating: "9", count: 5000) + "\n+8\n", [8]),
    ] as [(String, Set<Int32>)])
  func ledgerHoldsWhatRuns(text: String, groups: Set<Int32>) {
    var whole = KeeperLedger()
    whole.feed(text.utf8)
    #expect(whole.groups == groups)
    var torn = KeeperLedger()
    for byte in text.utf8 { torn.feed([byte]) }
    #expect(torn == whole)
  }

  @Test func ledgerReadsTheMark() {
    var ledger = KeeperLedger()
    ledger.feed("=12 0123456789abcdef\n=13 short\n=x 0123456789abcdef0\n".utf8)
    #expect(ledger.session == 12)
    #expect(ledger.mark == "0123456789abcdef")
  }

  @Test func keeperStandsApart() async throws {
    let keeper = try KeeperHandle(executable: Commands.belfry)
    let pid = try #require(keeper.pid)
    // That it leaves our folder is the last that it does at its start.
    let isShielded = try await Commands.eventually {
      try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd") == "/"
    }
    #expect(isShielded)
    func entries(_ folder: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/\(folder)").sorted()
    }
    #expect(try entries("fd") == ["0", "1", "2"])
    // A thread of a runtime's would wait on a descriptor that the keeper has closed, and burn a core.
    #expect(try entries("task").count == 1)
    #expect(getsid(pid) == pid)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1] { kill(pid, signal) }
    #expect(Commands.isAlive(pid))
    keeper.close()
    #expect(await Commands.eventually { Commands.state(of: pid) == nil })
    #expect(keeper.pid == nil)
  }

  /// The worker dies as `kill -9` kills it; two generations of its commands go with it.
  @Test(.timeLimit(.minutes(1))) func commandsDieWithTheirWorker() async throws {
    let result = try #require(
      await #expect(
        processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
      ) {
        let log = LogSink()
        let engine = try CommandEngine(keeper: KeeperHandle(executable: Commands.belfry))
        // Without an environment: the mark in it must not be needed.
        let script =
          "trap '' HUP TERM; echo $$ >&2; env -i sleep 300 & echo $! >&2; exec env -i sleep 300"
        let handler = try Commands.handler(["sh", "-c", script], engine: engine)
        async let first = handler.run(Commands.invocation(), log: log.add)
        async let second = handler.run(Commands.invocation(), log: log.add)
        _ = await Commands.eventually { log.texts.count == 4 }
        // In one write: nothing of it is lost in a buffer.
        FileHandle.standardOutput.write(Data("pids \(log.texts.joined(separator: " "))\n".utf8))
        kill(getpid(), SIGKILL)
        _ = await (first, second)
      })
    let pids = try pids(in: result, count: 4)
    #expect(await Commands.eventually { !pids.contains(where: Commands.isAlive) })
  }

  /// The worker dies while it starts commands, some of which nobody was told of yet.
  @Test(.timeLimit(.minutes(2)), arguments: 0..<5)
  func commandsDieEvenIfJustBorn(round: Int) async throws {
    let result = try #require(
      await #expect(
        processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
      ) {
        let keeper = try KeeperHandle(executable: Commands.belfry)
        let mark = Data("mark \(keeper.environmentLine)\n".utf8)
        FileHandle.standardOutput.write(mark)
        let engine = try CommandEngine(keeper: keeper)
        let handler = try Commands.handler(["sleep", "300"], engine: engine)
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<100 {
            group.addTask { _ = await handler.run(Commands.invocation()) { _ in } }
          }
          _ = await Commands.eventually { ChildReaper.shared.watchedCount > 20 }
          usleep(UInt32.random(in: 0...2000))
          kill(getpid(), SIGKILL)
        }
      })
    let output = String(decoding: result.standardOutputContent, as: UTF8.self)
    let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("mark ") })
    let mark = String(line.dropFirst("mark ".count))
    #expect(await Commands.eventually { Commands.processes(with: mark).isEmpty })
  }

  /// The keeper dies, then the worker: what was started before the new keeper came is known to it.
  @Test(.timeLimit(.minutes(1))) func aDeadKeeperIsReplacedAndToldAll() async throws {
    let result = await #expect(
      processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
    ) {
      let log = LogSink()
      let keeper = try KeeperHandle(executable: Commands.belfry)
      let engine = try CommandEngine(keeper: keeper)
      let script = "echo $$ >&2; exec env -i sleep 300"
      let handler = try Commands.handler(["sh", "-c", script], engine: engine)
      async let running = handler.run(Commands.invocation(), log: log.add)
      _ = await Commands.eventually { log.texts.count == 1 }
      let first = try #require(keeper.pid)
      // Older than a second, else it waits for the next start of a command.
      try await Task.sleep(for: .milliseconds(1100))
      kill(first, SIGKILL)
      _ = await Commands.eventually { keeper.pid != nil && keeper.pid != first }
      let command = try #require(log.texts.first.flatMap { Int32($0) })
      #expect(Commands.isAlive(command))
      FileHandle.standardOutput.write(Data("pids \(command)\n".utf8))
      kill(getpid(), SIGKILL)
      _ = await running
    }
    let pids = try pids(in: #require(result), count: 1)
    #expect(await Commands.eventually { !pids.contains(where: Commands.isAlive) })
  }

  @Test(.timeLimit(.minutes(1))) func closingEndsWhatRuns() async throws {
    let log = LogSink()
    let keeper = try KeeperHandle(executable: Commands.belfry)
    let engine = try CommandEngine(keeper: keeper)
    let handler = try Commands.handler(["sh", "-c", "echo up >&2; sleep 300"], engine: engine)
    let task = Task { await handler.run(Commands.invocation(), log: log.add) }
    #expect(await Commands.eventually { log.texts.count == 1 })
    keeper.close()
    #expect(await task.value.ending == .killed(signal: SIGKILL))
    await engine.shutdown()
  }

  private func pids(in result: ExitTest.Result, count: Int) throws -> [Int32] {
    let output = String(decoding: result.standardOutputContent, as: UTF8.self)
    let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("pids ") })
    let pids = line.split(separator: " ").compactMap { Int32($0) }
    try #require(pids.count == count)
    return pids
  }

  @Test func aKeeperThatCannotBeStartedIsSaid() throws {
    #expect(throws: CommandError.system(call: "start /no/such/belfry", code: ENOENT)) {
      try KeeperHandle(executable: "/no/such/belfry")
    }
  }
}
