import BelfryCore
import BelfryTestKit
import Testing

/// Workers that are heard by datagram and cannot be talked to are told of, unless that passes; and who is
/// refused is not heard at all.
@Suite struct StreamTroubleTests {
  private let scene: ClusterScene

  init() {
    scene = ClusterScene()
    scene.begin(credit: 0)
    _ = DatagramSessionTests.joins(scene, session: 2)
  }

  private func pass(
    _ milliseconds: Int64, _ beat: HeardBeat? = HeardBeat(Beat()), stream: Bool = false,
    session: UInt64 = 2
  ) -> [String] {
    DatagramSessionTests.pass(scene, milliseconds, session: session, beats: beat, stream: stream)
      .flatMap(Self.alerts)
  }

  private static func alerts(_ ready: Ready) -> [String] {
    ready.alerts.map { "\($0.id) \($0.state)" }
  }

  private var pending: [String] {
    scene.core.health(at: scene.now).pendingAlerts.map { "\($0.id) \($0.severity)" }
  }

  private static let deaf = HeardBeat(Beat(streamSilence: .seconds(9)), silence: .seconds(9))
  private static let stuck = HeardBeat(Beat(streamSilence: .seconds(9)))

  @Test(
    "degraded or one-way for 5 s: one alert, which ends when its stream gets through",
    arguments: [(stuck, "node-degraded", "degraded"), (deaf, "node-one-way", "one-way")])
  func fires(beat: HeardBeat, rule: String, state: String) {
    #expect(pass(4_900, beat, stream: true) == [])
    #expect(DatagramSessionTests.state(scene) == state)
    #expect(pending.contains("\(rule)/w0 warning"), "\(pending)")
    #expect(pass(5_000, beat, stream: true) == ["\(rule)/w0 firing"])
    let alert = scene.core.firingAlerts.last
    #expect(alert?.severity == .warning && alert?.why.isEmpty == false)
    #expect(pass(600, stream: true) == ["\(rule)/w0 resolved"])
    #expect(DatagramSessionTests.state(scene) == "up" && pending.isEmpty)
  }

  @Test("what passes within 5 s is nobody's concern")
  func passes() {
    #expect(pass(4_000, Self.stuck, stream: true) == [])
    #expect(pass(4_000, stream: true) == [])
    #expect(pass(4_000, Self.deaf, stream: true) == [], "its time begins anew")
  }

  @Test("of the two there is one at a time, and none when it is lost")
  func changes() {
    #expect(pass(6_000, Self.stuck, stream: true) == ["node-degraded/w0 firing"])
    #expect(
      pass(1_000, Self.deaf, stream: true)
        == ["node-degraded/w0 resolved", "node-one-way/w0 firing"])
    // It falls silent: suspect for a while, then lost.
    let lost = pass(9_000, nil)
    #expect(lost == ["node-one-way/w0 resolved", "node-lost/w0 firing"])
  }

  @Test("a fresh session is the end of it, and the next process begins with a clean slate")
  func freshSession() {
    #expect(pass(8_500) == ["node-degraded/w0 firing"])
    #expect(scene.core.firingAlerts.last?.why.contains("since 8.0 s") == true)
    let fresh = DatagramSessionTests.joins(scene, session: 3)
    #expect(Self.alerts(fresh).contains("node-degraded/w0 resolved"))
    let wedged = Heartbeat(sequence: 1, stuck: .seconds(6))
    #expect(
      Self.alerts(scene.said(3, .heartbeat(wedged))).contains("node-wedged/w0 firing"))
    // The same process: its next heartbeat says how it is.
    #expect(
      !Self.alerts(DatagramSessionTests.joins(scene, session: 4)).contains { $0.contains("wedged") }
    )
    #expect(
      Self.alerts(scene.said(4, .heartbeat(Heartbeat(sequence: 1))))
        == ["node-wedged/w0 resolved"])
    scene.said(4, .heartbeat(wedged))
    let another = scene.feed(
      .sessionOpened(
        SessionID(5),
        Hello(worker: NodeName(trusted: "w0"), boot: ClusterScene.boot(2), slots: 2, kinds: []),
        from: "10.0.0.1"))
    #expect(Self.alerts(another).contains("node-wedged/w0 resolved"))
  }

  @Test("node-lost holds both back; so does a partition")
  func heldBack() {
    for rule in ["node-degraded", "node-one-way"] {
      let id = AlertID(rule: rule, subject: "w0")
      let lost = AlertID(rule: "node-lost", subject: "w0")
      let others = AlertID(rule: "node-lost", subject: "w1")
      let partition = AlertID(rule: "partition-suspected", subject: "cluster")
      #expect(Inhibition.cause(of: id, among: [others, lost]) == lost)
      #expect(Inhibition.cause(of: id, among: [others, partition]) == partition)
      #expect(Inhibition.cause(of: id, among: [others]) == nil)
    }
  }

  @Test(
    "what an earlier process of this coordinator left open ends when the worker's stream gets through"
  )
  func leftover() {
    func left(by coordinator: String) -> Alert {
      var alert = Alert(
        rule: "node-degraded", subject: "w0", severity: .warning, summary: "", why: "",
        firedAt: scene.now.wall)
      alert.coordinator = coordinator
      return alert
    }
    scene.feed(.tick)
    #expect(Self.alerts(scene.feed(.alertsRead([left(by: "c0")]))) == [], "it has said nothing yet")
    scene.said(2, .heartbeat(Heartbeat(sequence: 1)))
    #expect(
      Self.alerts(scene.feed(.alertsRead([left(by: "c7")]))) == [], "c7 may hear otherwise")
    #expect(
      Self.alerts(scene.feed(.alertsRead([left(by: "c0")]))) == ["node-degraded/w0 resolved"])
  }

  // MARK: who is refused

  @Test(
    "who is refused is lost in a moment, whatever its datagrams say; who is not, is heard by them")
  func refused() {
    _ = pass(1_000, stream: true)
    let closed = scene.feed(.sessionClosed(SessionID(2), why: "revoked", .refused))
    #expect(closed.beatsOver == [SessionID(2)])
    let saying = HeardBeat(Beat(isStreamClosed: true))
    #expect(pass(500, saying) == ["node-lost/w0 firing"])
    _ = DatagramSessionTests.joins(scene, session: 3)
    #expect(scene.feed(.sessionClosed(SessionID(3), why: "connection lost")).beatsOver.isEmpty)
    #expect(pass(1_000, saying, session: 3) == [])
  }

  // MARK: how far away it is

  /// Every heartbeat comes back after half a second.
  private func echoes(_ count: Int, beats: HeardBeat? = nil) {
    for _ in 0..<count {
      var sent: UInt64 = 0
      for _ in 0..<5 {
        if let beats { scene.feed(.beats([(SessionID(2), beats)]), after: 0) }
        for case .heartbeat(let heartbeat) in scene.feed(.tick, after: 100).sends.map(\.message) {
          sent = heartbeat.sequence
        }
      }
      scene.said(2, .heartbeat(Heartbeat(sequence: sent, echo: sent)), after: 450)
    }
  }

  @Test("where datagrams are offered and none comes, the stream says how far away a worker is")
  func distanceByStream() {
    echoes(4)
    scene.feed(.sessionClosed(SessionID(2), why: "connection lost"))
    #expect(pass(1_500, nil) == [], "four times half a second may pass before it is back")
    #expect(pass(3_000, nil).contains("node-lost/w0 firing"))
  }

  @Test("where they come, they say it: a stuck stream is no distance")
  func distanceByDatagram() {
    echoes(4, beats: HeardBeat(Beat(), roundTrip: .milliseconds(1)))
    scene.feed(.sessionClosed(SessionID(2), why: "connection lost"))
    #expect(pass(700, nil).contains("node-lost/w0 firing"))
  }

  // MARK: all at once

  @Test(
    "under the mass-loss brake each that is lost is told of too, to be held back by the partition")
  func brake() {
    let scene = ClusterScene()
    scene.begin()
    for number in 1...4 { scene.join("w\(number)", session: UInt64(number) + 1) }
    var fired: [Alert] = []
    for _ in 0..<60 { fired += scene.feed(.tick, after: 100).alerts.filter { $0.state == .firing } }
    let subjects = fired.filter { $0.rule == "node-lost" }.map(\.subject)
    #expect(subjects == ["w0", "w1", "w2", "w3", "w4"])
    #expect(fired.filter { $0.rule == "partition-suspected" }.map(\.subject) == ["cluster"])
  }

  @Test(
    "cut off together: no loss is charged, not of the first ones either, and jobs move one a second"
  )
  func brakeHoldsFromTheFirst() {
    let scene = ClusterScene()
    scene.begin(credit: 1)
    for number in 1...7 { scene.join("w\(number)", session: UInt64(number) + 1, credit: 1) }
    for number in 0...7 { scene.arrives(ClusterScene.job("j\(number)")) }
    var moved: [Int] = []
    // Three are heard; w3 to w7 are not.
    for _ in 0..<22 {
      var asked = 0
      for _ in 0..<5 { asked += scene.feed(.tick, after: 100).lookups.count }
      for session in 1...3 as ClosedRange<UInt64> {
        scene.said(session, .heartbeat(Heartbeat(sequence: 1, echo: 0)))
      }
      moved.append(asked)
    }
    #expect(moved.reduce(0, +) == 5, "all move in the end")
    #expect(moved.allSatisfy { $0 <= 1 }, "\(moved)")
    let tickets = (0..<20).map { UInt64($0) }
    let next = scene.feed(.lookedUp(tickets.map { ($0, .absent) }))
    for session in 1...3 as ClosedRange<UInt64> { scene.said(session, .credit(total: 9)) }
    _ = next
    let places = scene.core.places(limit: 20) { _, _ in true }
    #expect(places.allSatisfy { $0.place.attempt == 1 }, "\(places)")
  }
}
