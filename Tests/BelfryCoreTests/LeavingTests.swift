import BelfryCore
import BelfryTestKit
import Testing

/// A worker that leaves as planned is not lost, whatever is on its way to it.
@Suite struct LeavingTests {
  @Test(
    "an Assign that crosses the farewell goes to another worker, uncharged and without an alert")
  func crossingAssign() throws {
    let scene = ClusterScene()
    scene.begin()
    let given = scene.arrives(ClusterScene.job())
    #expect(given.sends.count == 1, "assigned")
    scene.said(1, .leaving)
    let closed = scene.feed(.sessionClosed(SessionID(1), why: "session ended"))
    #expect(closed.lookups.map(\.job.text) == ["j0"], "nobody knows but the store")
    let lookup = try #require(closed.lookups.first)
    scene.join("w1", session: 2)
    let again = scene.feed(.lookedUp([(ticket: lookup.ticket, answer: .absent)]))
    #expect(assigned(again) == [1])
    for _ in 0..<20 {
      let alerts = scene.feed(.tick, after: 500).alerts
      #expect(!alerts.contains { $0.subject == "w0" })
    }
  }

  @Test("one whose job had started is lost when its connection goes: leaving is no excuse")
  func diesWhileLeaving() {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job())
    scene.said(1, scene.started("j0", ClusterScene.assignment(1)), .leaving)
    scene.feed(.sessionClosed(SessionID(1), why: "connection lost"))
    let rules = (0..<20).flatMap { _ in scene.feed(.tick, after: 500).alerts.map(\.rule) }
    #expect(rules == ["node-lost"])
  }

  /// The attempts that are given out.
  private func assigned(_ ready: Ready) -> [Int] {
    ready.sends.compactMap { send in
      if case .assign(let assign) = send.message { assign.attempt } else { nil }
    }
  }
}
