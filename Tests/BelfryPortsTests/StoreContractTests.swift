import BelfryCore
import Testing

/// What every implementation of the port `OutcomeStore` must do.
@Suite("Contract of the store", .timeLimit(.minutes(2))) struct StoreContractTests {
  @Test("An outcome is inserted once, and the first one stays", arguments: StoreUnderTest.allCases)
  func insertsOnce(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let first = Sample.outcome(1, worker: "first")
    #expect(await store.insert([first]) == [.inserted])
    #expect(await other.insert([Sample.outcome(1, worker: "second")]) == [.duplicate])
    #expect(await store.find([first.id]) == [.found(first)])
  }

  @Test("A batch is answered one by one, in its order", arguments: StoreUnderTest.allCases)
  func answersInOrder(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let before = stride(from: 0, to: 1_000, by: 3).map { Sample.outcome($0) }
    #expect(await store.insert(before).allSatisfy { $0 == .inserted })
    let answers = await store.insert(Sample.outcomes(0..<1_000))
    let expected: [InsertAnswer] = (0..<1_000).map { $0 % 3 == 0 ? .duplicate : .inserted }
    #expect(answers == expected)
    let found = await store.find((0..<1_000).map(Sample.job))
    #expect(found == Sample.outcomes(0..<1_000).map { .found($0) })
  }

  @Test("An id twice in one batch goes in once", arguments: StoreUnderTest.allCases)
  func duplicateWithinBatch(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let answers = await store.insert([Sample.outcome(1), Sample.outcome(2), Sample.outcome(1)])
    #expect(answers == [.inserted, .inserted, .duplicate])
  }

  @Test("A batch larger than one bulk goes in", arguments: StoreUnderTest.allCases)
  func largeBatch(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    #expect(await store.insert([]) == [])
    #expect(await store.insert([Sample.outcome(2_300)]) == [.inserted])
    let answers = await store.insert(Sample.outcomes(0..<2_500))
    #expect(answers.indices.filter { answers[$0] != .inserted } == [2_300])
    #expect(answers[2_300] == .duplicate)
    let found = await store.find((0..<2_501).map(Sample.job))
    #expect(found.last == .absent)
    #expect(found.dropLast().allSatisfy { if case .found = $0 { true } else { false } })
  }

  @Test(
    "Of two that insert the same ids at once, one wins each", arguments: StoreUnderTest.allCases)
  func racingInserts(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    async let left = store.insert(Sample.outcomes(0..<1_000, worker: "left"))
    async let right = other.insert(Sample.outcomes(0..<1_000, worker: "right"))
    let answers = await (left, right)
    let found = await store.find((0..<1_000).map(Sample.job))
    for index in 0..<1_000 {
      let winner = answers.0[index] == .inserted ? "left" : "right"
      #expect(
        Set([answers.0[index], answers.1[index]].map { "\($0)" }) == ["inserted", "duplicate"])
      #expect(found[index] == .found(Sample.outcome(index, worker: winner)))
    }
  }

  @Test("Every field comes back as it went in", arguments: StoreUnderTest.allCases)
  func roundTrip(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    var all = [Sample.full, Sample.bare]
    for state in Outcome.State.allCases {
      var outcome = Sample.full
      outcome.id = JobID(trusted: state.rawValue)
      outcome.state = state
      outcome.result = JobResult(bytes: .empty)
      outcome.error = JobError(code: "", message: "")
      all.append(outcome)
    }
    #expect(await store.insert(all) == all.map { _ in .inserted })
    #expect(await other.find(all.map(\.id)) == all.map { .found($0) })
  }

  @Test("Find answers each id as asked", arguments: StoreUnderTest.allCases)
  func findsInOrder(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    _ = await store.insert([Sample.outcome(1), Sample.outcome(2)])
    let found = FindAnswer.found(Sample.outcome(2))
    #expect(
      await store.find([Sample.job(2), Sample.job(9), Sample.job(2)]) == [found, .absent, found])
    #expect(await store.find([]) == [])
  }

  @Test("A document of 17 MB is refused, the rest goes in", arguments: StoreUnderTest.allCases)
  func refusesTooLarge(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    var large = Sample.outcome(1)
    large.result = JobResult(bytes: Payload(Array(repeating: 7, count: 17_000_000)))
    let answers = await store.insert([Sample.outcome(0), large, Sample.outcome(2)])
    #expect(answers[0] == .inserted)
    guard case .refused = answers[1] else { Issue.record("\(answers[1])"); return }
    #expect(answers[2] == .inserted)
    #expect(await store.find([large.id]) == [.absent])
  }

  @Test("Many results of 1 MiB go in together", arguments: StoreUnderTest.allCases)
  func largeResults(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let outcomes = (0..<60).map { number in
      var outcome = Sample.outcome(number)
      outcome.result = JobResult(
        bytes: Payload(Array(repeating: UInt8(number), count: JobResult.inlineBytesMax)))
      return outcome
    }
    #expect(await store.insert(outcomes) == outcomes.map { _ in .inserted })
    let found = await store.find(outcomes.map(\.id))
    #expect(found == outcomes.map { .found($0) })
  }

  @Test("A store that is there has no problem", arguments: StoreUnderTest.allCases)
  func checks(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(await store.check() == nil)
    #expect(await other.check() == nil)
  }
}
