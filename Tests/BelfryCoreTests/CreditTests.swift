import BelfryCore
import Testing

/// Credit between one worker and two coordinators: no slot is offered twice, none is kept from who
/// needs it.
@Suite struct CreditTests {
  /// A worker in session with c0 (session 0) and c1 (session 1).
  struct Scene {
    var worker: WorkerCore
    var milliseconds: Int64 = 0
    /// Totals granted so far, by session.
    var credit: [UInt64] = [0, 0]
    var recalled: [Bool] = [false, false]

    init(slots: Int) {
      worker = WorkerCore(
        WorkerCore.Configuration(
          name: NodeName(trusted: "w0"), boot: BootID(high: 1 << 16, low: 0), slots: slots,
          kinds: [Kind(trusted: "k")]))
      for number in 0...1 as ClosedRange<UInt64> { connect(number) }
      for number in 0...1 as ClosedRange<UInt64> { welcome(number) }
    }

    mutating func open(_ number: UInt64) {
      connect(number)
      welcome(number)
    }

    mutating func connect(_ number: UInt64) {
      feed(.connected(SessionID(number), coordinator: "c\(number)"))
    }

    mutating func welcome(_ number: UInt64) {
      let welcome = Welcome(
        coordinator: NodeName(trusted: "c\(number)"), boot: BootID(high: 2 << 16, low: number))
      feed(.received(SessionID(number), [.welcome(welcome)]))
    }

    @discardableResult
    mutating func feed(_ input: WorkerCore.Input) -> WorkerCore.Ready {
      milliseconds += 1
      let ready = worker.step(
        input,
        at: Now(
          monotonic: Instant(nanoseconds: milliseconds * 1_000_000),
          wall: WallTime(milliseconds: milliseconds)))
      for (session, message) in ready.sends {
        switch message {
        case .credit(let total): credit[Int(session.number)] = total
        case .recall: recalled[Int(session.number)] = true
        default: continue
        }
      }
      return ready
    }

    @discardableResult
    mutating func tick(_ number: Int, hears: Bool) -> [WorkerCore.Ready] {
      (0..<number).map { _ in
        milliseconds += 99
        if hears { from(0, .heartbeat(Heartbeat(sequence: 1, echo: 0))) }
        return feed(.tick)
      }
    }

    @discardableResult
    mutating func from(_ session: UInt64, _ messages: CoordinatorMessage...) -> WorkerCore.Ready {
      feed(.received(SessionID(session), messages))
    }

    func assign(_ job: String, by session: UInt64, _ number: UInt64) -> CoordinatorMessage {
      .assign(
        Assign(
          job: Job(id: JobID(trusted: job), kind: Kind(trusted: "k")),
          assignment: AssignmentID(boot: BootID(high: 2 << 16, low: session), counter: number),
          attempt: 1))
    }
  }

  @Test("free slots are shared out, and no more than there are", arguments: [1, 2, 3, 8])
  func shares(slots: Int) {
    let scene = Scene(slots: slots)
    #expect(scene.credit.reduce(0, +) == UInt64(slots))
    #expect(scene.credit[0] >= scene.credit[1])
    #expect(scene.credit[0] <= UInt64((slots + 1) / 2) || slots == 1)
  }

  @Test("a wish recalls what the other does not use, and is served only after it was returned")
  func wish() {
    var scene = Scene(slots: 2)
    #expect(scene.credit == [1, 1])
    scene.from(0, scene.assign("a", by: 0, 1))
    scene.from(0, .want(slots: 1))
    #expect(scene.recalled == [false, true])
    #expect(scene.credit == [1, 1], "nothing is offered twice")
    scene.from(1, .returned(total: 1))
    #expect(scene.credit == [2, 1])
  }

  @Test("with one slot the one that asked gets it, not the one that gave it back")
  func oneSlot() {
    var scene = Scene(slots: 1)
    #expect(scene.credit == [1, 0])
    scene.from(1, .want(slots: 1))
    #expect(scene.recalled == [true, false])
    scene.from(0, .returned(total: 1))
    #expect(scene.credit == [1, 1])
  }

  @Test("a recall that crosses an Assign returns nothing, and can be made again")
  func crossing() {
    var scene = Scene(slots: 1)
    scene.from(1, .want(slots: 1))
    let started = scene.from(0, scene.assign("a", by: 0, 1), .returned(total: 0))
    #expect(started.starts.count == 1)
    #expect(scene.worker.slotsTaken == 1)
    let failure = Failure(
      error: JobError(code: "exit-1", message: ""), startedAt: WallTime(milliseconds: 0),
      finishedAt: WallTime(milliseconds: 0))
    scene.feed(
      .handlerEnded(
        AssignmentID(boot: BootID(high: 2 << 16, low: 0), counter: 1), .failed(failure)))
    #expect(scene.credit == [1, 1], "the wish was kept until there was something to give")
    scene.recalled = [false, false]
    scene.from(0, .want(slots: 1))
    #expect(scene.recalled == [false, true])
  }

  @Test("two that always want more get it in turn")
  func turns() {
    var scene = Scene(slots: 1)
    scene.from(0, scene.assign("j0", by: 0, 1))
    var order: [Int] = []
    for number in 2...7 as ClosedRange<UInt64> {
      scene.from(0, .want(slots: 5))
      scene.from(1, .want(slots: 5))
      let before = scene.credit
      let last = AssignmentID(
        boot: BootID(high: 2 << 16, low: UInt64(order.last ?? 0)), counter: number - 1)
      scene.feed(
        .handlerEnded(
          last, .ended(startedAt: WallTime(milliseconds: 0), finishedAt: WallTime(milliseconds: 0)))
      )
      let next = scene.credit[0] > before[0] ? 0 : 1
      #expect(scene.credit[next] == before[next] + 1)
      order.append(next)
      scene.from(UInt64(next), scene.assign("j\(number)", by: UInt64(next), number))
    }
    #expect(order == [1, 0, 1, 0, 1, 0])
  }

  @Test("a new session starts at nothing, and what the old one was offered is offered anew")
  func newSession() {
    var scene = Scene(slots: 4)
    #expect(scene.credit == [2, 2])
    scene.feed(.disconnected(SessionID(1)))
    #expect(scene.credit[0] == 4)
    scene.open(1)
    #expect(scene.credit == [4, 0] || scene.credit == [4, 2])
    #expect(scene.worker.creditOffered(to: SessionID(0)) == 4)
    #expect(scene.worker.creditOffered(to: SessionID(1)) == 0)
  }

  @Test("a refusal gives the credit back")
  func refused() {
    var scene = Scene(slots: 1)
    var assign = Assign(
      job: Job(id: JobID(trusted: "a"), kind: Kind(trusted: "other")),
      assignment: AssignmentID(boot: BootID(high: 2 << 16, low: 0), counter: 1), attempt: 1)
    assign.hazard = true
    let ready = scene.from(0, .assign(assign))
    #expect(ready.starts.isEmpty)
    #expect(scene.credit == [2, 0])
    #expect(scene.worker.slotsTaken == 0)
  }

  @Test("jobs that come one by one go to all workers in turn")
  func oneByOne() {
    let scene = ClusterScene()
    scene.begin(worker: "w0", session: 1, credit: 8)
    for number in 1..<4 as Range<UInt64> {
      scene.join("w\(number)", session: number + 1, credit: 8)
    }
    let sessions = (0..<8).map { number in
      scene.arrives(ClusterScene.job("j\(number)")).sends
        .filter { if case .assign = $0.message { true } else { false } }.map(\.session.number)
    }
    #expect(sessions == [[1], [2], [3], [4], [1], [2], [3], [4]])
  }
}
