import Testing

@testable import BelfryCore

/// The one rule by which outcomes are recorded: insert, read the winner, again while unknown.
@Suite struct OutcomeRecorderTests {
  static let zero = Instant(nanoseconds: 0)

  static func outcome(
    _ id: String, _ number: UInt64 = 1, state: Outcome.State = .succeeded, bytes: Int = 0
  ) -> Outcome {
    Outcome(
      id: JobID(trusted: id), state: state, kind: nil, lane: .default, attempt: 1,
      assignment: AssignmentID(boot: BootID(high: 1, low: 1), counter: number),
      finishedAt: WallTime(milliseconds: 0),
      result: JobResult(bytes: Payload([UInt8](repeating: 0, count: bytes))))
  }

  @Test("an idle recorder sends at once; while it waits the next batch gathers")
  func batches() {
    var recorder = OutcomeRecorder()
    #expect(recorder.nextRequest(at: Self.zero) == nil)
    let a = Self.outcome("a")
    let ticket = recorder.record(a)
    #expect(recorder.nextRequest(at: Self.zero) == .insert(batch: 1, [a]))
    let b = Self.outcome("b")
    let c = Self.outcome("c")
    _ = recorder.record(b)
    _ = recorder.record(c)
    #expect(recorder.nextRequest(at: Self.zero) == nil)
    let recorded = recorder.inserted(batch: 1, [.inserted], at: Self.zero)
    #expect(recorded == [.init(ticket: ticket, outcome: a, isOwn: true)])
    #expect(recorder.nextRequest(at: Self.zero) == .insert(batch: 2, [b, c]))
    #expect(recorder.count == 2)
  }

  @Test("a duplicate key reads the winner, and the winner is what is reported")
  func duplicate() {
    var recorder = OutcomeRecorder()
    let ticket = recorder.record(Self.outcome("a", 2))
    _ = recorder.nextRequest(at: Self.zero)
    #expect(recorder.inserted(batch: 1, [.duplicate], at: Self.zero) == [])
    #expect(recorder.nextRequest(at: Self.zero) == .find(batch: 2, [JobID(trusted: "a")]))
    let winner = Self.outcome("a", 1, state: .cancelled)
    let recorded = recorder.found(batch: 2, [.found(winner)], at: Self.zero)
    #expect(recorded == [.init(ticket: ticket, outcome: winner, isOwn: false)])
    #expect(recorder.count == 0)
  }

  @Test("an insert whose answer was lost finds itself")
  func ownDuplicate() {
    var recorder = OutcomeRecorder()
    let mine = Self.outcome("a", 2)
    _ = recorder.record(mine)
    _ = recorder.nextRequest(at: Self.zero)
    _ = recorder.inserted(batch: 1, [.duplicate], at: Self.zero)
    _ = recorder.nextRequest(at: Self.zero)
    #expect(recorder.found(batch: 2, [.found(mine)], at: Self.zero).first?.isOwn == true)
  }

  @Test("absent after a duplicate (rolled back, or a stale read) means insert again")
  func absent() {
    var recorder = OutcomeRecorder()
    let a = Self.outcome("a")
    _ = recorder.record(a)
    _ = recorder.nextRequest(at: Self.zero)
    _ = recorder.inserted(batch: 1, [.duplicate], at: Self.zero)
    _ = recorder.nextRequest(at: Self.zero)
    #expect(recorder.found(batch: 2, [.absent], at: Self.zero) == [])
    #expect(recorder.nextRequest(at: Self.zero) == .insert(batch: 3, [a]))
  }

  @Test(
    "unknown is never reported: the same step again, after a pause",
    arguments: [false, true])
  func unknown(inFind: Bool) {
    var recorder = OutcomeRecorder()
    let a = Self.outcome("a")
    _ = recorder.record(a)
    _ = recorder.nextRequest(at: Self.zero)
    var again = OutcomeRecorder.Request.insert(batch: 2, [a])
    if inFind {
      _ = recorder.inserted(batch: 1, [.duplicate], at: Self.zero)
      _ = recorder.nextRequest(at: Self.zero)
      #expect(recorder.found(batch: 2, [.unknown("no primary")], at: Self.zero) == [])
      again = .find(batch: 3, [a.id])
    } else {
      #expect(recorder.inserted(batch: 1, [.unknown("time-out")], at: Self.zero) == [])
    }
    #expect(recorder.nextDeadline == Self.zero + OutcomeRecorder.pause)
    #expect(recorder.nextRequest(at: Self.zero + .milliseconds(199)) == nil)
    #expect(recorder.nextRequest(at: Self.zero + .milliseconds(200)) == again)
  }

  @Test("an answer that is missing is unknown; one to another batch is ignored")
  func missing() {
    var recorder = OutcomeRecorder()
    _ = recorder.record(Self.outcome("a"))
    _ = recorder.record(Self.outcome("b"))
    _ = recorder.nextRequest(at: Self.zero)
    #expect(recorder.inserted(batch: 7, [.inserted, .inserted], at: Self.zero) == [])
    #expect(recorder.inserted(batch: 1, [.inserted], at: Self.zero).count == 1)
    #expect(recorder.count == 1)
  }

  @Test("a document that the store never takes is recorded as unrecordable")
  func refused() throws {
    var recorder = OutcomeRecorder()
    let ticket = recorder.record(Self.outcome("a"))
    _ = recorder.nextRequest(at: Self.zero)
    #expect(recorder.inserted(batch: 1, [.refused("too large")], at: Self.zero) == [])
    guard case .insert(2, let outcomes) = recorder.nextRequest(at: Self.zero) else {
      Issue.record("nothing is inserted in its place")
      return
    }
    let instead = try #require(outcomes.first)
    #expect(instead.state == .failed)
    #expect(instead.reason == "unrecordable")
    #expect(instead.result == nil)
    #expect(instead.error?.message == "too large")
    let recorded = recorder.inserted(batch: 2, [.inserted], at: Self.zero)
    #expect(recorded.map(\.ticket) == [ticket])
  }

  @Test("a batch is bounded in documents and in bytes; one document always goes")
  func bounds() {
    var many = OutcomeRecorder()
    for number in 0..<1_001 { _ = many.record(Self.outcome("j\(number)")) }
    guard case .insert(_, let first) = many.nextRequest(at: Self.zero) else { return }
    #expect(first.count == 1_000)

    var large = OutcomeRecorder()
    for number in 0..<3 { _ = large.record(Self.outcome("j\(number)", bytes: 5 << 20)) }
    guard case .insert(_, let second) = large.nextRequest(at: Self.zero) else { return }
    #expect(second.count == 1)
  }
}
