import BelfryCore
import Testing

/// What every store must do with alert episodes beyond opening and closing them once.
@Suite("Contract of the store: alerts", .timeLimit(.minutes(2)))
struct StoreContractAlertTests {
  private static let me = Acknowledgement(
    by: "operator me", at: WallTime(milliseconds: 1_700_000_001_000), note: "$set größer")

  private func held(_ subject: String = "w1", by holder: String = "s-1") -> Alert {
    var alert = Sample.alert(subject)
    alert.heldBackBy = holder
    alert.coordinator = "c1"
    return alert
  }

  @Test(
    "An open episode is acknowledged by the first who does so, and read so by others",
    arguments: StoreUnderTest.allCases)
  func acknowledge(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let id = Sample.alert().id
    #expect(await store.acknowledgeAlert(id, Self.me) == false, "none is open")
    #expect(await store.openAlert(Sample.alert()) == true)
    #expect(await other.acknowledgeAlert(id, Self.me) == true)
    var you = Self.me
    you.by = "operator you"
    #expect(await store.acknowledgeAlert(id, you) == false)
    var alert = Sample.alert()
    alert.state = .acknowledged
    alert.acknowledgement = Self.me
    #expect(try await store.openAlerts().get() == [alert])
    #expect(await store.openAlert(Sample.alert()) == false, "it is open still")
    #expect(await store.closeAlert(Sample.resolved()) == true)
    #expect(try await other.openAlerts().get() == [])
    #expect(await store.acknowledgeAlert(id, you) == false, "it is over")
    let ended = try await other.resolvedAlerts(since: WallTime(milliseconds: 0), limit: 10).get()
    #expect(ended.map(\.acknowledgement) == [Self.me])
    #expect(ended.map(\.state) == [.resolved])
    #expect(ended.map(\.why) == ["no heartbeat for 4 s"])
    #expect(ended.map(\.resolvedWhy) == ["it is back"])
    // The next episode begins anew.
    #expect(await store.openAlert(Sample.alert()) == true)
    #expect(try await store.openAlerts().get() == [Sample.alert()])
  }

  @Test(
    "Of many that release an episode one does, and hears so again",
    arguments: StoreUnderTest.allCases)
  func release(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(await store.openAlert(held()) == true)
    #expect(await store.openAlert(Sample.alert("w2")) == true)
    #expect(try await other.openAlerts().get().contains(held()))
    let winners = await withTaskGroup(of: String?.self) { tasks in
      for number in 0..<10 {
        let place = number.isMultiple(of: 2) ? store : other
        tasks.addTask {
          await place.releaseAlert(AlertID(rule: "node-lost", subject: "w1"), by: "c\(number)")
            == true ? "c\(number)" : nil
        }
      }
      return await tasks.reduce(into: []) { $0 += $1.map { [$0] } ?? [] }
    }
    #expect(winners.count == 1)
    let id = held().id
    #expect(await other.releaseAlert(id, by: winners.first ?? "") == true, "an answer was lost")
    #expect(await store.releaseAlert(id, by: "c99") == false)
    #expect(await store.releaseAlert(Sample.alert("w2").id, by: "c1") == false, "never held back")
    #expect(await store.releaseAlert(AlertID(rule: "node-lost", subject: "w3"), by: "c1") == false)
    #expect(try await other.openAlerts().get().allSatisfy { !$0.isHeldBack })
  }

  @Test("A new episode is released anew", arguments: StoreUnderTest.allCases)
  func releaseAgain(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    for _ in 0..<2 {
      #expect(await store.openAlert(held()) == true)
      #expect(await other.releaseAlert(held().id, by: "c1") == true)
      #expect(await other.releaseAlert(held().id, by: "c2") == false)
      #expect(await store.closeAlert(Sample.resolved()) == true)
    }
  }

  @Test("Lists are in the order of time, and bounded", arguments: StoreUnderTest.allCases)
  func lists(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    for number in 1...5 {
      let at = Int64(number) * 1_000
      #expect(await store.openAlert(Sample.alert("w\(number)", firedAt: at)) == true)
    }
    for number in 1...3 {
      var end = Sample.resolved("w\(number)")
      end.resolvedAt = WallTime(milliseconds: Int64(number) * 10_000)
      #expect(await store.closeAlert(end) == true)
    }
    #expect(try await other.openAlerts().get().map(\.subject) == ["w5", "w4"])
    let since = WallTime(milliseconds: 20_000)
    #expect(
      try await other.resolvedAlerts(since: since, limit: 10).get().map(\.subject) == ["w3", "w2"])
    #expect(
      try await other.resolvedAlerts(since: since, limit: 1).get().map(\.subject) == ["w3"])
  }

  @Test("Silences are records like others", arguments: StoreUnderTest.allCases)
  func silences(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let now = WallTime(milliseconds: 1_700_000_000_000)
    var silence = Silence(
      id: "s-abc234", match: try #require(AlertMatch("node-lost/gpu-*")), by: "operator me",
      reason: "$x, größer", made: now, ends: now + .seconds(7_200))
    #expect(await store.create(silence.stored(version: 1, at: now)) == true)
    let read = try await other.records(.silences, since: nil, before: nil, limit: 10).get()
    #expect(read.map { Silence($0) } == [silence])
    silence.ends = now + .seconds(1)
    silence.endedBy = "operator you"
    #expect(await other.replace(silence.stored(version: 2, at: now)) == true)
    #expect(try await store.record(.silences, "s-abc234").get().flatMap { Silence($0) } == silence)
  }
}
