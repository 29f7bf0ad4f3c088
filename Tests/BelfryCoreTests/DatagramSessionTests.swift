import BelfryCore
import BelfryTestKit
import Testing

/// Sessions with datagrams beside them, as coordinator and worker keep them.
@Suite struct DatagramSessionTests {
  static let offer = DatagramOffer(port: 7_443, session: 77)

  // MARK: the coordinator

  static func joins(
    _ scene: ClusterScene, session: UInt64, datagrams: Bool = true, holding: [Holding] = []
  ) -> Ready {
    scene.feed(
      .sessionOpened(
        SessionID(session),
        Hello(
          worker: NodeName(trusted: "w0"), boot: ClusterScene.boot(1), slots: 2,
          kinds: [ClusterScene.kind], holding: holding, datagrams: datagrams),
        from: "10.0.0.1", datagrams: offer))
  }

  static func offered(_ ready: Ready) -> DatagramOffer? {
    for case .welcome(let welcome) in ready.sends.map(\.message) { return welcome.datagrams }
    return nil
  }

  static func state(_ scene: ClusterScene) -> String? {
    scene.core.health(at: scene.now).nodes.last?.state
  }

  /// Time goes by in ticks; the worker is heard by datagram, on its stream, on both or on none.
  static func pass(
    _ scene: ClusterScene, _ milliseconds: Int64, session: UInt64,
    beats: HeardBeat? = HeardBeat(Beat()),
    stream: Bool = false
  ) -> [Ready] {
    var all: [Ready] = []
    for tick in 0..<(milliseconds / 100) {
      if tick % 5 == 0, let beats {
        all.append(scene.feed(.beats([(SessionID(session), beats)]), after: 0))
      }
      if tick % 5 == 0, stream {
        all.append(scene.said(session, .heartbeat(Heartbeat(sequence: 1)), after: 0))
      }
      all.append(scene.feed(.tick, after: 100))
    }
    return all
  }

  @Test(
    "a stuck stream: degraded, no new jobs, none taken away; the fresh session adopts what runs")
  func degraded() throws {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    #expect(Self.offered(Self.joins(scene, session: 2)) == Self.offer)
    scene.said(2, .credit(total: 2))
    let assigned = try #require(scene.arrivesAndIsAssigned("a"))
    scene.said(
      2, .started(job: assigned.job.id, assignment: assigned.assignment, attempt: 1, hazard: false))

    let quiet = Self.pass(scene, 30_000, session: 2)
    #expect(Self.state(scene) == "degraded")
    #expect(quiet.allSatisfy { $0.closes.isEmpty && $0.lookups.isEmpty })
    #expect(scene.arrivesAndIsAssigned("b") == nil, "nothing new is given to it")
    #expect(quiet.flatMap(\.beats).count >= 55, "it is answered")
    #expect(quiet.flatMap(\.beats).contains { $0.beat.streamSilence >= .seconds(3) })

    let fresh = Self.joins(
      scene, session: 3,
      holding: [Holding(job: assigned.job.id, assignment: assigned.assignment, attempt: 1)])
    #expect(fresh.closes.map(\.session) == [SessionID(2)])
    #expect(fresh.beatsOver == [SessionID(2)])
    #expect(Self.state(scene) == "up")
    let after = Self.pass(scene, 5_000, session: 3, stream: true)
    #expect((after + [fresh]).allSatisfy { $0.lookups.isEmpty }, "the job is where it was")
  }

  @Test(
    "silent on both ways: lost after 4 s, its session closed; when it speaks again it is told so")
  func lost() {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    _ = Self.joins(scene, session: 2)
    let silence = Self.pass(scene, 5_000, session: 2, beats: nil)
    #expect(Self.state(scene) == "lost")
    #expect(silence.flatMap(\.closes).count == 1)
    #expect(silence.flatMap(\.beatsOver).isEmpty)
    let answer = scene.feed(.beats([(SessionID(2), HeardBeat(Beat()))]))
    #expect(answer.beats.map(\.session) == [SessionID(2)])
    #expect(answer.beats.first?.beat.isStreamClosed == true)
  }

  @Test("a worker without datagrams is offered none, and what was made ready for it is taken back")
  func withoutDatagrams() {
    let scene = ClusterScene()
    scene.begin(credit: 0)
    let ready = Self.joins(scene, session: 2, datagrams: false)
    #expect(Self.offered(ready) == nil)
    #expect(ready.beatsOver == [SessionID(2)])
    #expect(Self.pass(scene, 1_000, session: 2, stream: true).allSatisfy { $0.beats.isEmpty })
    #expect(Self.state(scene) == "up")
  }

  // MARK: the worker

  struct Bench {
    var core = WorkerCore(
      WorkerCore.Configuration(
        name: NodeName(trusted: "w0"), boot: BootID(high: 1 << 16, low: 0), slots: 2,
        kinds: [Kind(trusted: "k")]))
    var milliseconds: Int64 = 0

    mutating func feed(_ input: WorkerCore.Input, after pause: Int64 = 0) -> WorkerCore.Ready {
      milliseconds += pause
      return core.step(
        input,
        at: Now(
          monotonic: Instant(nanoseconds: milliseconds * 1_000_000),
          wall: WallTime(milliseconds: milliseconds)))
    }

    mutating func open(_ number: UInt64, offer: DatagramOffer?) -> [WorkerCore.Ready] {
      let welcome = Welcome(
        coordinator: NodeName(trusted: "c0"), boot: BootID(high: 2 << 16, low: number),
        datagrams: offer)
      return [
        feed(.connected(SessionID(number), coordinator: "c0")),
        feed(.received(SessionID(number), [.welcome(welcome)])),
      ]
    }

    mutating func pass(
      _ time: Int64, on session: UInt64, beat: HeardBeat? = nil, stream: Bool = false
    ) -> [WorkerCore.Ready] {
      var all: [WorkerCore.Ready] = []
      for tick in 0..<(time / 100) {
        if tick % 5 == 0, let beat { all.append(feed(.beat(SessionID(session), beat))) }
        if tick % 5 == 0, stream {
          all.append(
            feed(.received(SessionID(session), [.heartbeat(Heartbeat(sequence: UInt64(tick + 1)))]))
          )
        }
        all.append(feed(.tick, after: 100))
      }
      return all
    }
  }

  @Test(
    "its hello says that it speaks datagrams; it beats twice a second, and only where it is welcome to"
  )
  func beats() {
    var bench = Bench()
    let opened = bench.open(1, offer: Self.offer)
    guard case .hello(let hello)? = opened.first?.sends.first?.message else {
      Issue.record("no hello")
      return
    }
    #expect(hello.datagrams)
    #expect(bench.pass(10_000, on: 1, stream: true).flatMap(\.beats).count == 20)
    var other = Bench()
    _ = other.open(1, offer: nil)
    #expect(other.pass(10_000, on: 1, stream: true).flatMap(\.beats).isEmpty)
  }

  @Test(
    "a stream without progress for 3 s, here or there, with datagrams that come: a fresh connection"
  )
  func renews() {
    var here = Bench()
    _ = here.open(1, offer: Self.offer)
    #expect(here.pass(2_900, on: 1, beat: HeardBeat(Beat())).flatMap(\.renews).isEmpty)
    #expect(here.pass(200, on: 1, beat: HeardBeat(Beat())).flatMap(\.renews) == [SessionID(1)])
    let later = here.pass(20_000, on: 1, beat: HeardBeat(Beat()))
    #expect(
      (3...5).contains(later.flatMap(\.renews).count), "now and then, until there is a session")
    #expect(later.flatMap(\.closes).isEmpty, "it is heard, and not given up")

    var there = Bench()
    _ = there.open(1, offer: Self.offer)
    let deaf = HeardBeat(Beat(streamSilence: .seconds(3)))
    #expect(there.pass(200, on: 1, beat: deaf, stream: true).flatMap(\.renews) == [SessionID(1)])

    var over = Bench()
    _ = over.open(1, offer: Self.offer)
    let closed = HeardBeat(Beat(isStreamClosed: true))
    #expect(over.pass(100, on: 1, beat: closed, stream: true).flatMap(\.renews) == [SessionID(1)])

    var silent = Bench()
    _ = silent.open(1, offer: Self.offer)
    let nothing = silent.pass(8_100, on: 1)
    #expect(nothing.flatMap(\.renews).isEmpty)
    #expect(!nothing.flatMap(\.closes).isEmpty, "not heard on any way: closed, and called again")
    let closing = silent.feed(.disconnected(SessionID(1))).beats.first?.beat
    #expect(
      closing?.streamSilence ?? .zero >= .seconds(8),
      "it has heard nothing before it gave up either")
  }

  @Test("without its stream it says so at once, and goes on until the next session is welcome")
  func streamless() {
    var bench = Bench()
    _ = bench.open(1, offer: Self.offer)
    let cut = bench.feed(.disconnected(SessionID(1)))
    #expect(cut.beats.map(\.session) == [SessionID(1)])
    #expect(cut.beats.first?.beat.isStreamClosed == true)
    let away = bench.pass(3_000, on: 1)
    #expect(
      away.flatMap(\.beats).count == 6 && away.flatMap(\.beats).allSatisfy(\.beat.isStreamClosed))
    let back = bench.open(2, offer: Self.offer)
    #expect(back.flatMap(\.beatsOver) == [SessionID(1)])
    #expect(
      bench.pass(1_000, on: 2, stream: true).flatMap(\.beats).allSatisfy {
        $0.session == SessionID(2) && !$0.beat.isStreamClosed
      })

    var gone = Bench()
    _ = gone.open(1, offer: Self.offer)
    _ = gone.feed(.disconnected(SessionID(1)))
    #expect(gone.pass(125_000, on: 1).flatMap(\.beatsOver) == [SessionID(1)], "not for ever")
  }
}

extension ClusterScene {
  /// A job arrives; what is assigned of it, at once or with the next tick.
  fileprivate func arrivesAndIsAssigned(_ id: String) -> Assign? {
    let arrived = arrives(Self.job(id))
    let ticked = feed(.tick, after: 100)
    for case .assign(let assign) in (arrived.sends + ticked.sends).map(\.message) { return assign }
    return nil
  }
}
