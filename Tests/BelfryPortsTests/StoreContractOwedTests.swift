import BelfryCore
import Testing

/// What every store must do with publishes that are owed, and with alert episodes.
@Suite("Contract of the store: what is owed", .timeLimit(.minutes(2))) struct StoreContractOwedTests
{
  @Test(
    "What is due is claimed, oldest first, and as it went in", arguments: StoreUnderTest.allCases)
  func claimsDue(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let now = wallNow()
    let late = Sample.owed(1, dueIn: .seconds(-10), now: now)
    let later = Sample.owed(2, dueIn: .seconds(-60), now: now)
    var event = Sample.owed(3, dueIn: .seconds(-30), now: now)
    event.what = .event
    event.job = nil
    event.message = QueueMessage()
    let notYet = Sample.owed(4, dueIn: .seconds(600), now: now)
    #expect(await store.owe([late, later, event, notYet]) == Array(repeating: .inserted, count: 4))
    #expect(await other.claimOwed(limit: 2, claimant: "$a") == [later, event])
    #expect(await store.claimOwed(limit: 10, claimant: "$a") == [late])
    #expect(await store.claimOwed(limit: 10, claimant: "$a") == [])
  }

  @Test("An owed id is not taken twice", arguments: StoreUnderTest.allCases)
  func owedTwice(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let now = wallNow()
    #expect(await store.owe([Sample.owed(1, now: now)]) == [.inserted])
    let answers = await store.owe([Sample.owed(1, now: now), Sample.owed(2, now: now)])
    guard case .unknown = answers[0] else { Issue.record("\(answers[0])"); return }
    #expect(answers[1] == .inserted)
  }

  @Test("Of two claimants each publish has one", arguments: StoreUnderTest.allCases)
  func claimedOnce(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let now = wallNow()
    let all = (0..<500).map { Sample.owed($0, dueIn: .milliseconds(-1_000), now: now) }
    #expect(await store.owe(all).allSatisfy { $0 == .inserted })
    var claimed: [OwedID] = []
    for _ in 0..<50 where claimed.count < all.count {
      async let left = store.claimOwed(limit: 100, claimant: "same")
      async let right = other.claimOwed(limit: 100, claimant: "same")
      claimed += await (left + right).map(\.id)
    }
    #expect(claimed.count == all.count)
    let isEach = Set(claimed) == Set(all.map(\.id))
    #expect(isEach, "some twice, some not at all")
  }

  @Test("What is claimed belongs to its claimant", arguments: StoreUnderTest.allCases)
  func claimHolds(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open(claim: .seconds(600))
    let owed = Sample.owed(1, dueIn: .seconds(-1), now: wallNow())
    #expect(await store.owe([owed]) == [.inserted])
    #expect(await store.claimOwed(limit: 10, claimant: "a") == [owed])
    #expect(await other.claimOwed(limit: 10, claimant: "b") == [])
    #expect(await store.claimOwed(limit: 10, claimant: "a") == [])
  }

  @Test("A claim ends by itself, and settling ends it all", arguments: StoreUnderTest.allCases)
  func claimExpires(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open(claim: .milliseconds(100))
    let owed = Sample.owed(1, dueIn: .seconds(-1), now: wallNow())
    #expect(await store.owe([owed]) == [.inserted])
    #expect(await store.claimOwed(limit: 10, claimant: "a") == [owed])
    let isBack = await eventually(within: .seconds(20)) {
      await other.claimOwed(limit: 10, claimant: "b") == [owed]
    }
    #expect(isBack)
    await other.settleOwed([owed.id])
    await other.settleOwed([])
    // Another one that is claimed twice shows that time enough has passed for the settled one.
    let witness = Sample.owed(2, dueIn: .seconds(-1), now: wallNow())
    #expect(await store.owe([witness]) == [.inserted])
    for _ in 0..<2 {
      var claimed: [OwedPublish] = []
      let isThere = await eventually(within: .seconds(20)) {
        claimed = await store.claimOwed(limit: 10, claimant: "a")
        return !claimed.isEmpty
      }
      #expect(isThere)
      #expect(claimed == [witness])
    }
  }

  @Test("Of 20 that open an episode at once one does", arguments: StoreUnderTest.allCases)
  func alertsOnce(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    func race(_ body: @escaping @Sendable (any OutcomeStore) async -> Bool?) async -> [Bool?] {
      await withTaskGroup(of: Bool?.self) { group in
        for number in 0..<20 { group.addTask { await body(number % 2 == 0 ? store : other) } }
        return await group.reduce(into: []) { $0.append($1) }
      }
    }
    for round in 0..<3 {
      let opened = await race { await $0.openAlert(Sample.alert(firedAt: Int64(round))) }
      #expect(opened.count { $0 == true } == 1)
      #expect(opened.count { $0 == false } == 19)
      #expect(await store.openAlert(Sample.alert("w2")) == (round == 0))
      let closed = await race { await $0.closeAlert(Sample.resolved()) }
      #expect(closed.count { $0 == true } == 1)
      #expect(closed.count { $0 == false } == 19)
    }
    #expect(await store.closeAlert(Sample.resolved("nobody")) == false)
  }
}
