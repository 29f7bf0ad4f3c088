import BelfryCore
import Testing

/// What every store must do with records: each decision is one atomic write.
@Suite("Contract of the store: records", .timeLimit(.minutes(2)))
struct StoreContractRecordTests {
  private func record(
    _ id: String, version: Int = 1, at milliseconds: Int64 = 1_700_000_000_000,
    _ fields: [String: String] = ["state": "valid"]
  ) -> StoredRecord {
    StoredRecord(
      .tokens, id: id, version: version, writtenAt: WallTime(milliseconds: milliseconds),
      fields: fields)
  }

  @Test(
    "A record is created once, and read as it was written, by others too",
    arguments: StoreUnderTest.allCases)
  func create(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(try await other.record(.tokens, "a").get() == nil)
    let first = record("a", ["state": "$$NOW", "name": "$x.größer\u{0}", "empty": ""])
    #expect(await store.create(first) == true)
    #expect(await other.create(record("a", ["state": "other"])) == false)
    #expect(try await other.record(.tokens, "a").get() == first)
    #expect(try await other.record(.nodes, "a").get() == nil, "collections are apart")
    var node = first
    node.collection = .nodes
    #expect(await other.create(node) == true)
  }

  @Test(
    "A change is made only to the version that was read, and takes nothing of it over",
    arguments: StoreUnderTest.allCases)
  func replace(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(await store.replace(record("a", version: 2)) == false, "there is none")
    #expect(await store.create(record("a", ["state": "valid", "name": "n"])) == true)
    #expect(await store.replace(record("a", version: 3)) == false)
    #expect(await store.replace(record("a", version: 1)) == false)
    let second = record("a", version: 2, ["state": "used"])
    #expect(await other.replace(second) == true)
    #expect(await store.replace(record("a", version: 2, ["state": "late"])) == false)
    #expect(try await store.record(.tokens, "a").get() == second)
  }

  @Test("Of many at once one wins", arguments: StoreUnderTest.allCases)
  func race(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(await store.create(record("a")) == true)
    let winners = await withTaskGroup(of: Bool?.self) { tasks in
      for number in 1...50 {
        let mine = record("a", version: 2, ["state": "used", "by": "\(number)"])
        let place = number.isMultiple(of: 2) ? store : other
        tasks.addTask { await place.replace(mine) }
      }
      return await tasks.reduce(into: [Bool?]()) { $0.append($1) }
    }
    #expect(winners.filter { $0 == true }.count == 1)
    #expect(winners.filter { $0 == false }.count == 49)
  }

  @Test(
    "Lists are in the order of ids, and of what was written since",
    arguments: StoreUnderTest.allCases)
  func list(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(try await other.records(.tokens, since: nil, before: nil, limit: 10).get() == [])
    let all = [record("a", at: 30), record("b", at: 10), record("c", at: 20)]
    for item in all { #expect(await store.create(item) == true) }
    #expect(
      try await other.records(.tokens, since: nil, before: nil, limit: 10).get() == all.reversed())
    #expect(
      try await other.records(.tokens, since: nil, before: nil, limit: 2).get() == [all[2], all[1]])
    let since = WallTime(milliseconds: 20)
    #expect(
      try await other.records(.tokens, since: since, before: nil, limit: 10).get() == [
        all[2], all[0],
      ])
    #expect(try await other.records(.audit, since: nil, before: nil, limit: 10).get() == [])
  }

  @Test("However many there are, all are read, in portions", arguments: StoreUnderTest.allCases)
  func portions(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let all = (0..<7).map { record("r\($0)", at: Int64($0)) }
    for item in all { #expect(await store.create(item) == true) }
    let next = try await other.records(.tokens, since: nil, before: "r5", limit: 2).get()
    #expect(next == [all[4], all[3]])
    for portion in [1, 3, 7, 100] {
      let read = try await other.allRecords(.tokens, portion: portion).get()
      #expect(read == all.reversed(), "portions of \(portion)")
    }
    let since = WallTime(milliseconds: 3)
    #expect(try await other.allRecords(.tokens, since: since, portion: 2).get().count == 4)
  }

  @Test("Only the version that was read is removed", arguments: StoreUnderTest.allCases)
  func remove(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(await store.create(record("a")) == true)
    #expect(await store.create(record("b")) == true)
    #expect(await other.replace(record("a", version: 2)) == true)
    #expect(await store.remove(record("a")) == false, "it has changed since")
    #expect(await store.remove(record("a", version: 2)) == true)
    #expect(await store.remove(record("a", version: 2)) == false)
    #expect(try await other.record(.tokens, "a").get() == nil)
    #expect(try await other.record(.tokens, "b").get() == record("b"))
    #expect(await store.create(record("a")) == true, "and begins anew")
  }
}
