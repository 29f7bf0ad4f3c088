import BelfryCore
import Testing

/// What a worker's next process tells of its last one explains the losses in histories.
@Suite struct DeathTests {
  private static func hello(_ worker: String, boot: UInt64, death: Death?) -> Input {
    .sessionOpened(
      SessionID(boot),
      Hello(
        worker: NodeName(trusted: worker), boot: ClusterScene.boot(boot), slots: 2,
        kinds: [ClusterScene.kind], death: death), from: "10.0.0.1")
  }

  private static func scene() -> ClusterScene {
    let scene = ClusterScene()
    scene.feed(.queue(.consumingUp(scene.channel)))
    scene.feed(.queue(.publishingUp))
    return scene
  }

  private static func lost(_ number: UInt64, _ worker: String, boot: UInt64) -> HistoryLine {
    var line = LossWeightTests.lost(number, worker, boot: boot)
    line.code = HistoryLine.lostCode
    return line
  }

  private static let line = lost(1, "w0", boot: 1)

  private static func job(_ lines: [HistoryLine]) -> JobMessage {
    var message = ClusterScene.job()
    message.attempt = lines.count + 1
    message.history = History(lines: lines)
    return message
  }

  @Test("the next run, and so the outcome, knows how its worker died and what it had said")
  func explained() throws {
    let scene = Self.scene()
    let death = Death(
      boot: ClusterScene.boot(1), signal: "SIGSEGV",
      lastWords: [Self.line.assignment: "allocating 9 TB"])
    scene.feed(Self.hello("w0", boot: 5, death: death))
    scene.said(5, .credit(total: 2))
    scene.arrives(Self.job([Self.line]))
    let ready = scene.feed(.lookedUp([(1, .absent)]))
    guard case .assign(let assign)? = ready.sends.first?.message else {
      Issue.record("it is not given out")
      return
    }
    let line = try #require(assign.history.lines.first)
    #expect(line.code == "signal-SIGSEGV" && line.message.contains("SIGSEGV"))
    #expect(line.stderr == "allocating 9 TB")
    #expect(line.what == .lost && line.assignment == Self.line.assignment)
  }

  @Test("a process of which nothing is known stays as it was; one that left no signal is called so")
  func unknown() throws {
    let scene = Self.scene()
    let silent = Death(boot: ClusterScene.boot(2), signal: "")
    scene.feed(Self.hello("w0", boot: 5, death: silent))
    scene.said(5, .credit(total: 2))
    scene.arrives(Self.job([Self.line, Self.lost(2, "w0", boot: 2)]))
    guard case .assign(let assign)? = scene.feed(.lookedUp([(1, .absent)])).sends.first?.message
    else {
      Issue.record("it is not given out")
      return
    }
    #expect(assign.history.lines.map(\.code) == ["lost", "lost-without-signal"])
    #expect(assign.history.lines[1].message.contains("signal unknown"))
  }

  @Test("a dead job says of each of its workers what it died of, and what was said last")
  func poison() throws {
    let scene = Self.scene()
    for boot: UInt64 in 1...3 {
      let words = [Self.lost(boot, "w0", boot: boot).assignment: "words \(boot)"]
      let death = Death(
        boot: ClusterScene.boot(boot), signal: boot == 2 ? "" : "SIGILL", lastWords: words)
      scene.feed(Self.hello("w0", boot: boot + 1, death: death))
    }
    scene.arrives(Self.job((1...3).map { Self.lost($0, "w0", boot: $0) }))
    guard case .insert(_, let outcomes)? = scene.feed(.lookedUp([(1, .absent)])).records.first
    else {
      Issue.record("nothing is recorded")
      return
    }
    let outcome = try #require(outcomes.first)
    #expect(outcome.reason == "poison")
    #expect(
      outcome.history.map(\.code) == ["signal-SIGILL", "lost-without-signal", "signal-SIGILL"])
    #expect(outcome.history.map(\.stderr) == ["words 1", "words 2", "words 3"])
    let error = try #require(outcome.error)
    #expect(error.message.contains("SIGILL") && error.message.contains("signal unknown"))
    #expect(error.stderr == "words 3")
  }
}
