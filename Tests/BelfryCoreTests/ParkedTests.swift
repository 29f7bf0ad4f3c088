import BelfryCore
import Testing

/// When a lane's parked queue is read, beside once a minute: as soon as a worker is there that may be the one.
@Suite struct ParkedTests {
  private static let parked = QueueTopology.parked(.default)

  private func label(_ key: String) -> Label? { Label(key: key, value: "1") }

  private func opened(_ worker: String, session: UInt64, labels: String...) -> Input {
    .sessionOpened(
      SessionID(session),
      Hello(
        worker: NodeName(trusted: worker), boot: ClusterScene.boot(session), slots: 2,
        kinds: [ClusterScene.kind], labels: labels.compactMap(label)),
      from: "10.0.0.1")
  }

  private func isMeasured(_ ready: Ready) -> Bool {
    ready.commands.contains(.measure([Self.parked]))
  }

  /// Workers with one of two labels each, and a round that found the parked queue empty.
  private func scene() -> ClusterScene {
    let scene = ClusterScene()
    scene.begin()
    scene.feed(opened("a", session: 2, labels: "gpu"))
    scene.feed(opened("b", session: 3, labels: "ssd"))
    scene.feed(.tick)
    scene.feed(.queue(.depth(queue: Self.parked, ready: 0)))
    return scene
  }

  @Test("at once when a worker has in one what others have between them")
  func together() {
    let scene = scene()
    scene.feed(opened("ab", session: 4, labels: "gpu", "ssd"))
    #expect(isMeasured(scene.feed(.tick, after: 100)))
  }

  @Test("not for a worker that can do no more than one that is there")
  func covered() {
    let scene = scene()
    scene.feed(opened("a2", session: 4, labels: "gpu"))
    #expect(!isMeasured(scene.feed(.tick, after: 100)))
  }

  @Test("again when the only one returns that may take it")
  func returns() {
    let scene = scene()
    scene.feed(.sessionClosed(SessionID(2), why: "reset"))
    #expect(!isMeasured(scene.feed(.tick, after: 100)))
    scene.feed(opened("a", session: 4, labels: "gpu"))
    #expect(isMeasured(scene.feed(.tick, after: 100)))
  }

  @Test("anew when the connection was lost before the answer")
  func cut() {
    let scene = scene()
    scene.feed(opened("ab", session: 4, labels: "gpu", "ssd"))
    #expect(isMeasured(scene.feed(.tick, after: 100)))
    scene.feed(.queue(.consumingDown(scene.channel, reason: "closed")))
    #expect(!isMeasured(scene.feed(.tick, after: 100)))
    scene.feed(.queue(.consumingUp(ChannelGeneration(2))))
    #expect(isMeasured(scene.feed(.tick, after: 100)))
    scene.feed(.queue(.depth(queue: Self.parked, ready: 0)))
    #expect(!isMeasured(scene.feed(.tick, after: 100)))
  }
}
