import Testing

@testable import BelfryWorker

@Suite struct CommandsMachineTests {
  private let start = ContinuousClock.now

  private func machine(timeout: Duration? = .seconds(10), grace: Duration = .seconds(5))
    -> CommandMachine
  {
    CommandMachine(timeout: timeout, grace: grace, resultBytesMax: 100, startedAt: start)
  }

  private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

  @Test(arguments: [
    (ChildExit.exited(0), CommandResult.Ending.succeeded), (.exited(75), .exited(75)),
    (.signaled(9), .killed(signal: 9)), (.unknown, .killed(signal: 0)),
  ])
  func exitsAsItExits(status: ChildExit, ending: CommandResult.Ending) {
    var machine = machine()
    #expect(machine.finished(status) == ending)
    #expect(machine.deadline == nil)
  }

  @Test func timesOutByTermThenKillThenGivesUp() {
    var machine = machine()
    #expect(machine.deadline == at(10))
    #expect(machine.deadlinePassed(at: at(9)) == .nothing)
    #expect(machine.deadlinePassed(at: at(10)) == .terminate)
    #expect(machine.deadline == at(15))
    #expect(machine.deadlinePassed(at: at(14)) == .nothing)
    #expect(machine.deadlinePassed(at: at(15)) == .kill)
    #expect(machine.deadline == at(25))
    #expect(machine.deadlinePassed(at: at(25)) == .abandon)
    #expect(machine.deadline == nil)
    #expect(machine.finished(nil) == .timedOut(after: .seconds(10)))
  }

  @Test func timedOutIsTimedOutEvenIfItThenExitsWithZero() {
    var machine = machine()
    #expect(machine.deadlinePassed(at: at(10)) == .terminate)
    #expect(machine.finished(.exited(0)) == .timedOut(after: .seconds(10)))
  }

  @Test func stopIsTermThenKill() {
    var machine = machine(timeout: nil)
    #expect(machine.deadline == nil)
    #expect(machine.stopRequested(at: at(1)) == .terminate)
    #expect(machine.stopRequested(at: at(2)) == .nothing)
    #expect(machine.deadline == at(6))
    #expect(machine.deadlinePassed(at: at(6)) == .kill)
    #expect(machine.finished(.signaled(9)) == .stopped)
  }

  @Test func noGraceKillsAtOnce() {
    var machine = machine(grace: .zero)
    #expect(machine.stopRequested(at: at(1)) == .kill)
    #expect(machine.deadline == at(11))
  }

  @Test func overflowKillsAtOnce() {
    var machine = machine()
    #expect(machine.resultOverflowed(at: at(1)) == .kill)
    #expect(machine.stopRequested(at: at(2)) == .nothing)
    #expect(machine.finished(.signaled(9)) == .resultTooLarge(bytesMax: 100))
  }

  @Test func theFirstCauseCounts() {
    var stopped = machine()
    _ = stopped.stopRequested(at: at(1))
    #expect(stopped.resultOverflowed(at: at(2)) == .nothing)
    #expect(stopped.finished(.exited(0)) == .stopped)

    var over = machine()
    _ = over.finished(.exited(0))
    #expect(over.stopRequested(at: at(1)) == .nothing)
    #expect(over.resultOverflowed(at: at(1)) == .nothing)
    #expect(over.deadlinePassed(at: at(99)) == .nothing)
  }
}

@Suite struct CommandsLinesTests {
  private func lines(_ chunks: [String], max: Int = 80) -> [CommandLogLine] {
    var splitter = LineSplitter(lineBytesMax: max)
    var lines: [CommandLogLine] = []
    for chunk in chunks {
      Array(chunk.utf8).withUnsafeBytes { splitter.feed($0) { lines.append($0) } }
    }
    splitter.finish { lines.append($0) }
    return lines
  }

  @Test(arguments: [
    ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\nb\n", ["a", "b"]), ("a\n\nb", ["a", "", "b"]),
    ("a\r\nb\rc\n", ["a", "b\rc"]), ("é\n€", ["é", "€"]),
  ])
  func splitsWhereverTheBytesAreTorn(text: String, expected: [String]) {
    #expect(lines([text]).map(\.text) == expected)
    let bytes = Array(text.utf8)
    for cut in 0...bytes.count {
      var splitter = LineSplitter(lineBytesMax: 80)
      var found: [String] = []
      for part in [bytes[..<cut], bytes[cut...]] {
        part.withUnsafeBytes { splitter.feed($0) { found.append($0.text) } }
      }
      splitter.finish { found.append($0.text) }
      #expect(found == expected, "cut at \(cut)")
    }
  }

  @Test func cutsLongLines() {
    let full = String(repeating: "x", count: 10)
    #expect(
      lines([full + "\n" + full + "y\nz"], max: 10) == [
        CommandLogLine(text: full), CommandLogLine(text: full, isCut: true),
        CommandLogLine(text: "z"),
      ])
    #expect(
      lines([full, full, full, "\nz\n"], max: 10) == [
        CommandLogLine(text: full, isCut: true), CommandLogLine(text: "z"),
      ])
    // A character is not torn.
    #expect(lines(["123456789€\n"], max: 10) == [CommandLogLine(text: "123456789", isCut: true)])
    #expect(lines(["1234567€€\n"], max: 10) == [CommandLogLine(text: "1234567€", isCut: true)])
  }

  @Test func keepsTheTail() {
    var tail = ByteTail(bytesMax: 8)
    for chunk in ["0123", "456789", "ab\n"] {
      Array(chunk.utf8).withUnsafeBytes { tail.feed($0) }
    }
    #expect(tail.text == "56789ab")
    Array("€€€".utf8).withUnsafeBytes { tail.feed($0) }
    #expect(tail.text == "€€")
  }
}
