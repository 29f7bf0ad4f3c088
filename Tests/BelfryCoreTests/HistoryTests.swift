import BelfryCore
import Testing

/// What a job carries of its past: one line an assignment, joined without counting any twice.
@Suite struct HistoryTests {
  static let boot = BootID(high: 1 << 16, low: 0)

  static func line(_ number: UInt64, _ what: HistoryLine.What = .failed) -> HistoryLine {
    HistoryLine(
      assignment: AssignmentID(boot: boot, counter: number), attempt: Int(number), what: what,
      worker: NodeName(trusted: "w1"), boot: boot, at: WallTime(milliseconds: 0))
  }

  @Test("an assignment has one line, whoever adds it")
  func once() {
    var history = History()
    history.add(Self.line(1))
    history.add(Self.line(1, .lost))
    #expect(history.lines == [Self.line(1)])
    history.formUnion(History(lines: [Self.line(1, .timeout), Self.line(2)]))
    #expect(history.lines == [Self.line(1), Self.line(2)])
  }

  @Test("failures and time-outs are tries, losses are none")
  func tries() {
    let history = History(
      lines: [Self.line(1), Self.line(2, .timeout), Self.line(3, .lost)], triesCut: 4)
    #expect(history.tries == 6)
    #expect(history.losses == 1)
    #expect(history.lostLines == [Self.line(3, .lost)])
  }

  @Test("of failures the newest 16 stay and all are counted; losses all stay")
  func cut() {
    var history = History()
    for number in 1...40 as ClosedRange<UInt64> {
      history.add(Self.line(number, number % 2 == 0 ? .lost : .failed))
    }
    #expect(history.tries == 20)
    #expect(history.triesCut == 4)
    #expect(history.losses == 20)
    let failures = history.lines.filter { $0.what == .failed }.map(\.attempt)
    #expect(failures == Array(stride(from: 9, through: 39, by: 2)))
  }

  @Test("the union of a message with a copy of itself counts nothing twice")
  func union() {
    var history = History()
    for number in 1...20 as ClosedRange<UInt64> { history.add(Self.line(number)) }
    let copy = history
    history.formUnion(copy)
    #expect(history == copy)
    #expect(history.tries == 20)
  }

  @Test("an older copy of a long history brings back no try that was cut")
  func olderCopy() {
    var older = History()
    for number in 1...3 as ClosedRange<UInt64> { older.add(Self.line(number)) }
    older.add(Self.line(50, .lost))
    var newer = older
    for number in 4...20 as ClosedRange<UInt64> { newer.add(Self.line(number)) }
    for (a, b) in [(older, newer), (newer, older)] {
      var joined = a
      joined.formUnion(b)
      #expect(joined.tries == 20)
      #expect(joined.losses == 1)
    }
  }

  @Test("a header of nonsense does not count backwards")
  func nonsense() {
    #expect(History(triesCut: -5).tries == 0)
  }
}
