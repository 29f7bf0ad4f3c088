import BelfryCore
import BelfryTestKit
import Testing

/// A job that comes back again and again: named, run all the same, never failed for that.
@Suite struct RedeliveryTests {
  @Test("ten deliveries of one job raise one alert, which its end resolves")
  func tenDeliveries() {
    let scene = ClusterScene()
    scene.begin()
    let nine = scene.arrives(ClusterScene.job(), deliveryCount: 9)
    #expect(nine.alerts.isEmpty)
    #expect(nine.sends.count == 1, "assigned")

    // Its holder lost the connection: the broker gives it again, for the tenth time.
    let ten = scene.arrives(ClusterScene.job(), redelivered: true, deliveryCount: 10)
    #expect(ten.alerts.map(\.rule) == ["job-redelivered"])
    #expect(ten.alerts.map(\.subject) == ["j0"])
    #expect(ten.alerts.map(\.state) == [.firing])
    let eleven = scene.arrives(ClusterScene.job(), redelivered: true, deliveryCount: 11)
    #expect(eleven.alerts.isEmpty, "one episode, one alert")

    // It still runs where it was given, and its outcome ends the alert.
    let end = scene.said(1, scene.finished("j0", ClusterScene.assignment(1)))
    #expect(end.publishes.count == 1)
    let acked = scene.feed(.queue(.published([Published(PublishID(1), .confirmed)])))
    #expect(acked.acks.count == 3)
    #expect(acked.alerts.map(\.state) == [.resolved])
  }
}
