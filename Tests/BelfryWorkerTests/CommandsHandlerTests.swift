import BelfryCore
import Foundation
import Synchronization
import Testing

@testable import BelfryWorker

/// Real commands, seen from the worker.
@Suite struct CommandsHandlerTests {
  @Test(arguments: [
    ("exit 0", CommandResult.Ending.succeeded, CommandResult.Verdict.succeeded, nil),
    ("exit 75", .exited(75), .tryAgain, "exit-75"),
    ("exit 65", .exited(65), .neverAgain, "exit-65"),
    ("exit 3", .exited(3), .byPolicy, "exit-3"), ("exit 255", .exited(255), .byPolicy, "exit-255"),
    ("kill -SEGV $$", .killed(signal: 11), .byPolicy, "signal-SIGSEGV"),
    ("kill -KILL $$", .killed(signal: 9), .byPolicy, "signal-SIGKILL"),
  ])
  func exitStatusDecides(
    script: String, ending: CommandResult.Ending, verdict: CommandResult.Verdict, reason: String?
  ) async throws {
    let result = try await Commands.shell("echo out; " + script)
    #expect(result.ending == ending)
    #expect(result.verdict == verdict)
    #expect(result.reason == reason)
    #expect(result.output.bytes == (verdict == .succeeded ? Array("out\n".utf8) : []))
    let failure = result.failure(
      startedAt: WallTime(milliseconds: 0), finishedAt: WallTime(milliseconds: 1))
    #expect((failure == nil) == (verdict == .succeeded))
    #expect(failure?.neverAgain ?? false == (verdict == .neverAgain))
  }

  @Test func payloadGoesInAndResultComesOut() async throws {
    let result = try await Commands.shell(
      "tr a-z A-Z", Commands.invocation(payload: Array("hello\0x".utf8)))
    #expect(result.output.bytes == Array("HELLO\0X".utf8))
    let empty = try await Commands.shell("cat")
    #expect(empty.ending == .succeeded)
    #expect(empty.output.bytes.isEmpty)
  }

  @Test(.timeLimit(.minutes(1))) func fourMebibytesThereAndBack() async throws {
    var random = SystemRandomNumberGenerator()
    let payload = (0..<(4 << 20)).map { _ in UInt8.random(in: 0...255, using: &random) }
    let result = try await Commands.shell("cat", Commands.invocation(payload: payload)) {
      $0.resultBytesMax = 4 << 20
    }
    #expect(result.ending == .succeeded)
    #expect(result.output.bytes == payload)
  }

  @Test(arguments: ["exec 0<&-; sleep 0.05; echo ok", "echo ok", "head -c 1 >/dev/null; echo ok"])
  func aCommandNeedNotReadItsPayload(script: String) async throws {
    let payload = [UInt8](repeating: 7, count: 4 << 20)
    let result = try await Commands.shell(script, Commands.invocation(payload: payload))
    #expect(result.ending == .succeeded)
    #expect(result.output.bytes == Array("ok\n".utf8))
  }

  @Test func standardErrorIsLoggedLineByLine() async throws {
    let log = LogSink()
    let result = try await Commands.shell("printf 'one\\ntwo\\nthree' >&2; exit 9", log: log)
    #expect(log.texts == ["one", "two", "three"])
    #expect(result.errorTail == "one\ntwo\nthree")
  }

  @Test func linesAreStreamedWhileItRuns() async throws {
    let log = LogSink()
    let engine = try CommandEngine(keeper: nil)
    let handler = try Commands.handler(["sh", "-c", "echo ready >&2; sleep 300"], engine: engine)
    let task = Task { await handler.run(Commands.invocation(), log: log.add) }
    #expect(await Commands.eventually { log.texts == ["ready"] })
    task.cancel()
    #expect(await task.value.ending == .stopped)
    await engine.shutdown()
  }

  @Test func longLinesAreCutAndTheTailIsKept() async throws {
    let log = LogSink()
    let result = try await Commands.shell(
      "head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 1", log: log)
    #expect(log.lines.map(\.text.utf8.count) == [8192, 3])
    #expect(log.lines.map(\.isCut) == [true, false])
    #expect(result.errorTail.utf8.count == 1023)
    #expect(result.errorTail.hasSuffix("x\nend"))
  }

  @Test func commandSeesItsJobAndLittleElse() async throws {
    await #expect(processExitsWith: .success) {
      setenv("BELFRY_STORE_URL", "mongodb://user:secret@host", 1)
      setenv("SECRET", "canary", 1)
      setenv("WANTED", "yes", 1)
      let before = Int(Date().timeIntervalSince1970)
      let result = try await Commands.shell(
        "env", Commands.invocation(timeout: .seconds(60), contentType: "text/plain")
      ) {
        $0.passThrough = ["WANTED", "ABSENT"]
        $0.environment = ["LANG": "C", "MODE": "a b"]
      }
      let text = String(decoding: result.output.bytes, as: UTF8.self)
      var variables: [String: String] = [:]
      for line in text.split(separator: "\n") {
        let parts = line.split(separator: "=", maxSplits: 1)
        variables[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
      }
      let deadline = try #require(Int(variables.removeValue(forKey: "BELFRY_DEADLINE") ?? ""))
      let after = Int(Date().timeIntervalSince1970)
      #expect((before + 60...after + 61).contains(deadline))
      let job = variables.filter { $0.key.hasPrefix("BELFRY_") }
      #expect(
        job == [
          "BELFRY_JOB_ID": "job-1", "BELFRY_JOB_KIND": "test", "BELFRY_JOB_ATTEMPT": "3",
          "BELFRY_ASSIGNMENT": "00000000000000010000000000000002-7", "BELFRY_LANE": "fast",
          "BELFRY_JOB_CONTENT_TYPE": "text/plain", "BELFRY_PROGRESS_FD": "3",
        ])
      #expect(variables["WANTED"] == "yes")
      #expect(variables["LANG"] == "C")
      #expect(variables["MODE"] == "a b")
      let known = Set(
        CommandEnvironment.allowed + ["WANTED", "MODE", "PWD", "_", "SHLVL", "OLDPWD"])
      #expect(Set(variables.keys).subtracting(job.keys).subtracting(known).isEmpty)
      #expect(!text.contains("canary") && !text.contains("secret"))
    }
  }

  @Test func commandInheritsNoDescriptorAndNoSignalState() async throws {
    let leaky = open("/dev/null", O_RDONLY)  // Without O_CLOEXEC, as a careless library would.
    defer { close(leaky) }
    let result = try await Commands.shell(
      "ls /proc/self/fd; grep -E 'SigBlk|SigIgn' /proc/self/status | cut -f 2")
    let lines = String(decoding: result.output.bytes, as: UTF8.self).split(separator: "\n")
    // 3 is for its progress, 4 is ls's own, open on the folder.
    #expect(lines.prefix(5) == ["0", "1", "2", "3", "4"])
    // 32 and 33 are the C library's own; it ignores them in what it spawns.
    let masks = lines.dropFirst(5).compactMap { UInt64($0, radix: 16) }
    #expect(masks.map { $0 & 0x7FFF_FFFF } == [0, 0])
  }

  @Test func linesOnDescriptor3AreProgress() async throws {
    final class Heard: Sendable { let news = Mutex<[JobProgress]>([]) }
    let heard = Heard()
    var invocation = Commands.invocation()
    invocation.report = { news in heard.news.withLock { $0.append(news) } }
    let result = try await Commands.shell(
      "printf '0.5 half\n1.5\nx\n\n0.7' >&$BELFRY_PROGRESS_FD; exec 3>&-; echo done",
      invocation)
    #expect(String(decoding: result.output.bytes, as: UTF8.self) == "done\n")
    #expect(
      heard.news.withLock { $0 }
        == [JobProgress(permille: 500, text: "half"), JobProgress(permille: 700, text: "")])
  }

  @Test func aLastProgressLineCountsThoughItsStreamStaysOpen() async throws {
    let heard = Mutex<[JobProgress]>([])
    var invocation = Commands.invocation()
    invocation.report = { news in heard.withLock { $0.append(news) } }
    // setsid: it leaves the command's group, so the end of the command does not end it.
    let result = try await Commands.shell(
      "printf 0.7 >&3; setsid sleep 20 >/dev/null 2>&1 & echo $!", invocation)
    let sleeper = Int32(String(decoding: result.output.bytes, as: UTF8.self).dropLast())
    defer { if let sleeper { kill(sleeper, SIGKILL) } }
    #expect(heard.withLock { $0 } == [JobProgress(permille: 700, text: "")])
  }

  @Test func commandLeadsItsOwnGroupAndStandsWhereItIsTold() async throws {
    let result = try await Commands.shell("echo $$; ps -o pgid= -p $$ | tr -d ' '; pwd") {
      $0.workingDirectory = "/usr"
    }
    let lines = String(decoding: result.output.bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.first == lines.dropFirst().first)
    #expect(lines.last == "/usr")
  }

  @Test func whatCannotBeStartedSaysWhy() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }  // Only tidying.
    let engine = try CommandEngine(keeper: nil)

    let gone = "\(folder)/gone"
    try FileManager.default.copyItem(atPath: "/bin/true", toPath: gone)
    let handler = try Commands.handler([gone], engine: engine)
    try FileManager.default.removeItem(atPath: gone)
    let result = await handler.run(Commands.invocation()) { _ in }
    guard case .notStarted(ENOENT, let reason) = result.ending else {
      Issue.record("\(result.ending)")
      return
    }
    #expect(reason.contains(gone) && reason.contains("No such file"))
    #expect(result.verdict == .byPolicy)

    let noProgram = "\(folder)/data"
    try Data("just text".utf8).write(to: URL(filePath: noProgram))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: noProgram)
    let other = try Commands.handler([noProgram], engine: engine)
    // ETXTBSY at first when another test's child, not yet past its exec, holds the file open.
    let isRefused = await Commands.eventually {
      if case .notStarted(ENOEXEC, _) = await other.run(Commands.invocation(), log: { _ in }).ending
      {
        return true
      }
      return false
    }
    #expect(isRefused)
    #expect(throws: CommandError.self) {
      try Commands.handler(["no-such-command-anywhere"], engine: engine)
    }
    await engine.shutdown()
  }
}
