import BelfryCore
import Foundation
import Testing

@testable import BelfryWorker

/// Commands that misbehave: too much output, no end, children left behind.
@Suite struct CommandsLimitsTests {
  @Test func aResultMayBeAsLongAsTheLimit() async throws {
    let full = try await Commands.shell("head -c 1048576 /dev/zero") {
      $0.resultBytesMax = 1 << 20
    }
    #expect(full.ending == .succeeded)
    #expect(full.output.size == 1 << 20)
    let over = try await Commands.shell("head -c 1048577 /dev/zero") {
      $0.resultBytesMax = 1 << 20
    }
    #expect(over.ending == .resultTooLarge(bytesMax: 1 << 20))
    #expect(over.verdict == .neverAgain)
    #expect(over.reason == "result-too-large")
    #expect(over.output.size == 0)
  }

  @Test(.timeLimit(.minutes(1))) func aHundredMegabytesCostNothing() async throws {
    await #expect(processExitsWith: .success) {
      func residentPeak() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
      }
      _ = try await Commands.shell("head -c 1000000 /dev/zero")
      let before = residentPeak()
      let log = LogSink()
      let script = "echo $$ >&2; head -c 100000000 /dev/zero; echo late >&2; sleep 300"
      let result = try await Commands.shell(script, log: log) { $0.resultBytesMax = 1 << 20 }
      #expect(result.ending == .resultTooLarge(bytesMax: 1 << 20))
      #expect(result.duration < .seconds(5))
      #expect(residentPeak() - before < 8 << 10, "kilobytes of memory")
      #expect(log.texts.count == 1)
    }
  }

  @Test func timeOutKillsWhatIgnoresTheRequest() async throws {
    let log = LogSink()
    let result = try await Commands.shell(
      "trap '' TERM; echo $$ >&2; while :; do sleep 1; done",
      Commands.invocation(timeout: .milliseconds(300)), log: log
    ) { $0.grace = .milliseconds(300) }
    #expect(result.ending == .timedOut(after: .milliseconds(300)))
    #expect(result.reason == "timeout")
    #expect(result.duration >= .milliseconds(600))
    #expect(result.duration < .seconds(20))
    let failure = result.failure(
      startedAt: WallTime(milliseconds: 0), finishedAt: WallTime(milliseconds: 1))
    #expect(failure?.isTimeout == true)
    let pid = try #require(log.texts.first.flatMap { Int32($0) })
    #expect(!Commands.isAlive(pid))
  }

  @Test func timeOutAsksFirst() async throws {
    let log = LogSink()
    let result = try await Commands.shell(
      "trap 'echo bye >&2; exit 0' TERM; echo up >&2; while :; do sleep 0.05; done",
      Commands.invocation(timeout: .milliseconds(500)), log: log
    ) { $0.grace = .seconds(60) }
    #expect(result.ending == .timedOut(after: .milliseconds(500)))
    #expect(log.texts.first == "up" && log.texts.last == "bye")
    #expect(result.duration < .seconds(30))
  }

  @Test(.timeLimit(.minutes(1))) func whatIsLeftBehindInTheGroupIsKilled() async throws {
    let log = LogSink()
    let result = try await Commands.shell(
      "sleep 300 & echo $! >&2; (trap '' TERM HUP; sleep 300) & echo $! >&2; echo done", log: log)
    #expect(result.ending == .succeeded)
    #expect(result.output.bytes == Array("done\n".utf8))
    #expect(result.duration < .seconds(30))
    let pids = log.texts.compactMap { Int32($0) }
    #expect(pids.count == 2)
    #expect(await Commands.eventually { !pids.contains(where: Commands.isAlive) })
  }

  @Test(.timeLimit(.minutes(1))) func whatLeftTheGroupDoesNotHoldTheJob() async throws {
    let log = LogSink()
    let result = try await Commands.shell(
      "setsid sh -c 'trap \"\" PIPE; echo $$ >&2; while :; do echo x; sleep 0.01; done' & sleep 0.3; echo done",
      log: log)
    #expect(result.ending == .succeeded)
    #expect(result.duration < .seconds(30))
    let pid = try #require(log.texts.first.flatMap { Int32($0) })
    #expect(Commands.isAlive(pid))
    kill(pid, SIGKILL)
  }

  @Test func allThatWasWrittenBeforeTheEndCounts() async throws {
    // The pipe is full of what nobody has read when the command ends.
    for _ in 0..<30 {
      let result = try await Commands.shell("head -c 65536 /dev/zero")
      #expect(result.output.size == 65536)
    }
  }

  @Test func aCommandThatClosesItsOutputStillRuns() async throws {
    let result = try await Commands.shell("exec 1>&- 2>&-; sleep 0.3; exit 4")
    #expect(result.ending == .exited(4))
    #expect(result.duration >= .milliseconds(300))
  }

  @Test func aCancelledTaskStartsNothing() async throws {
    let engine = try CommandEngine(keeper: nil)
    let marker = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    let handler = try Commands.handler(["touch", marker], engine: engine)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return await handler.run(Commands.invocation()) { _ in }
    }
    task.cancel()
    #expect(await task.value.ending == .stopped)
    #expect(!FileManager.default.fileExists(atPath: marker))
    await engine.shutdown()
  }

  @Test func shutdownStopsAllAndRefusesMore() async throws {
    let log = LogSink()
    let engine = try CommandEngine(keeper: nil)
    let handler = try Commands.handler(["sh", "-c", "echo $$ >&2; sleep 300"], engine: engine)
    await withTaskGroup(of: CommandResult.self) { group in
      for _ in 0..<5 {
        group.addTask { await handler.run(Commands.invocation(timeout: nil), log: log.add) }
      }
      #expect(await Commands.eventually { log.texts.count == 5 })
      await engine.shutdown()
      for await result in group { #expect(result.ending == .stopped) }
    }
    for pid in log.texts.compactMap({ Int32($0) }) { #expect(!Commands.isAlive(pid)) }
    #expect(await handler.run(Commands.invocation()) { _ in }.ending == .stopped)
    await engine.shutdown()
  }

  @Test(.timeLimit(.minutes(2))) func nothingLeaksAtHundredsASecond() async throws {
    await #expect(processExitsWith: .success) {
      let engine = try CommandEngine(keeper: KeeperHandle(executable: Commands.belfry))
      let handler = try Commands.handler(["true"], engine: engine)
      func run(_ count: Int) async {
        await withTaskGroup(of: Void.self) { group in
          for _ in 0..<16 {
            group.addTask {
              for _ in 0..<(count / 16) {
                let result = await handler.run(Commands.invocation(payload: [1, 2, 3])) { _ in }
                #expect(result.ending == .succeeded)
              }
            }
          }
        }
      }
      func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
      }
      await run(32)
      let before = try descriptors()
      await run(800)
      #expect(try descriptors() <= before)
      let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
      var children: [Int32] = []
      for task in tasks {
        let path = "/proc/self/task/\(task)/children"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        children += text.split(separator: " ").compactMap { Int32($0) }
      }
      // The keeper alone.
      #expect(children.count == 1)
      #expect(ChildReaper.shared.watchedCount == 1)
      await engine.shutdown()
    }
  }
}
