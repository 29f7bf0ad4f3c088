import BelfryCore
import Testing

/// A worker that hears nothing says so within 5 s, and calls again after 8.
@Suite struct WorkerSilenceTests {
  @Test func toldOnceAndGivenUpLater() {
    var scene = CreditTests.Scene(slots: 2)
    #expect(scene.tick(100, hears: true).allSatisfy { !$0.silent.contains("c0") })
    let first = scene.tick(41, hears: false)
    #expect(first.flatMap(\.silent) == ["c0"])
    #expect(first.allSatisfy { !$0.closes.contains(SessionID(0)) })
    #expect(scene.tick(30, hears: false).allSatisfy { $0.silent.isEmpty }, "once")
    scene.tick(1, hears: true)
    let second = scene.tick(85, hears: false)
    #expect(second.flatMap(\.silent) == ["c0"], "and of the next silence again")
    #expect(second.contains { $0.closes.contains(SessionID(0)) })
  }
}
