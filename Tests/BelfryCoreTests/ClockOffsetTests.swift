import BelfryCore
import Testing

/// How far a worker's clock is from the cluster's, as its heartbeats say; nothing goes by it.
@Suite struct ClockOffsetTests {
  private let scene = ClusterScene()

  private var offset: Duration? {
    scene.core.health(at: scene.now).nodes.first { $0.role == "worker" }?.clockOffset
  }

  /// A heartbeat that answers the coordinator's last one, which was half the time on its way back.
  @discardableResult
  private func beats(ahead: Int64, roundTrip: Int64 = 20) -> Ready {
    let ready = scene.feed(.tick, after: 600)
    let sent = ready.sends.compactMap { send -> UInt64? in
      if case .heartbeat(let heartbeat) = send.message { heartbeat.sequence } else { nil }
    }
    let wall = scene.now.wall + .milliseconds(ahead + roundTrip / 2)
    return scene.said(
      1, .heartbeat(Heartbeat(sequence: sent.last ?? 1, echo: sent.last ?? 0, wall: wall)),
      after: roundTrip)
  }

  @Test func isSeenInHealth() {
    scene.begin()
    #expect(offset == .zero)
    #expect(beats(ahead: 3_600_000).healthChanged)
    #expect(offset == .seconds(3_600))
    beats(ahead: -1_500)
    #expect(offset == .milliseconds(-1_500))
  }

  @Test("what the network may have done is no change")
  func isNotNoisy() {
    scene.begin()
    beats(ahead: 1_000)
    #expect(!beats(ahead: 1_030).healthChanged)
    beats(ahead: 5_000, roundTrip: 1_200)
    #expect(offset == .milliseconds(1_000), "it was long on its way")
  }
}
