import BelfryCore
import Testing

/// What every store must do with results in chunks, and with what is old enough to go.
@Suite("Contract of the store: chunks and retention", .timeLimit(.minutes(2)))
struct StoreContractRetentionTests {
  private static let age = Duration.seconds(1)

  /// An outcome whose result is in chunks, and the chunks.
  private static func chunked(_ number: Int, chunks count: Int) -> (Outcome, [ResultChunk]) {
    var outcome = Sample.outcome(number)
    let assignment = AssignmentID(boot: BootID(high: 7 << 16, low: 0), counter: UInt64(number))
    outcome.assignment = assignment
    outcome.result = JobResult(
      contentType: "image/png", chunks: ResultChunks(count: count, size: count * 3))
    let chunks = (0..<count).map { index in
      ResultChunk(
        id: ChunkID(job: outcome.id, assignment: assignment, number: index),
        bytes: Payload([UInt8(truncatingIfNeeded: index), 0, 255]))
    }
    return (outcome, chunks)
  }

  /// Until the store's clock, which may count seconds, calls them old.
  private static func purged(
    _ store: any ClusterStore, limit: Int = 10
  ) async throws -> Int {
    var count = 0
    _ = try await eventually(within: .seconds(30)) {
      count = try #require(await store.purge(olderThan: age, at: wallNow(), limit: limit))
      return count > 0
    }
    return count
  }

  @Test("A result in chunks comes back as it was kept", arguments: StoreUnderTest.allCases)
  func chunks(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let (outcome, chunks) = Self.chunked(1, chunks: 12)
    #expect(await store.insertChunks(chunks).allSatisfy { $0 == .inserted })
    // Written again by who did not hear the answer.
    #expect(await store.insertChunks(Array(chunks.suffix(2))) == [.duplicate, .duplicate])
    #expect(await store.insert([outcome]) == [.inserted])
    #expect(await other.find([outcome.id]) == [.found(outcome)])
    for chunk in chunks { #expect(try await other.chunk(chunk.id).get() == chunk.bytes) }
    let beyond = ChunkID(job: outcome.id, assignment: chunks[0].id.assignment, number: 12)
    #expect(try await other.chunk(beyond).get() == nil)
  }

  @Test(
    "Old outcomes go with their chunks, oldest first, young ones stay",
    arguments: StoreUnderTest.allCases)
  func purge(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let (outcome, chunks) = Self.chunked(5, chunks: 3)
    #expect(await store.insertChunks(chunks).allSatisfy { $0 == .inserted })
    let all = Sample.outcomes(1..<5) + [outcome]
    #expect(await store.insert(all).allSatisfy { $0 == .inserted })
    let day = Duration.seconds(86_400)
    #expect(await store.purge(olderThan: day, at: wallNow(), limit: 3) == 0)
    // A clock of ours that is a year ahead is not believed.
    #expect(
      await store.purge(olderThan: day, at: wallNow() + .seconds(366 * 86_400), limit: 3) == 0)
    #expect(try await Self.purged(store, limit: 3) == 3)
    #expect(
      try await store.search(OutcomeFilter(), limit: 10).get().map(\.id)
        == [Sample.job(5), Sample.job(4)])
    #expect(try await store.chunk(chunks[2].id).get() == chunks[2].bytes)
    #expect(try await Self.purged(store) == 2)
    for chunk in chunks { #expect(try await store.chunk(chunk.id).get() == nil) }
  }

  @Test(
    "A worker's wrong clock keeps no outcome for ever, and lets none go early",
    arguments: StoreUnderTest.allCases)
  func wrongClocks(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    var (ahead, behind) = (Sample.outcome(1), Sample.outcome(2))
    ahead.finishedAt = wallNow() + .seconds(10 * 365 * 86_400)
    behind.finishedAt = WallTime(milliseconds: 0)
    #expect(await store.insert([ahead, behind]) == [.inserted, .inserted])
    #expect(await store.purge(olderThan: .seconds(3_600), at: wallNow(), limit: 10) == 0)
    #expect(try await Self.purged(store) == 2)
  }

  @Test(
    "An outcome that is forgotten takes its chunks along, and no others",
    arguments: StoreUnderTest.allCases)
  func forget(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let (outcome, chunks) = Self.chunked(1, chunks: 2)
    // Another attempt of the same job is at it.
    let rival = ResultChunk(
      id: ChunkID(
        job: outcome.id, assignment: AssignmentID(boot: BootID(high: 8 << 16, low: 0), counter: 1),
        number: 0), bytes: Payload([1]))
    #expect(await store.insertChunks(chunks + [rival]).allSatisfy { $0 == .inserted })
    #expect(await store.insert([outcome, Sample.outcome(2)]) == [.inserted, .inserted])
    #expect(await store.forget([outcome.id, Sample.job(2), Sample.job(3)]) == nil)
    #expect(await store.find([outcome.id, Sample.job(2)]) == [.absent, .absent])
    for chunk in chunks { #expect(try await store.chunk(chunk.id).get() == nil) }
    #expect(try await store.chunk(rival.id).get() == rival.bytes)
  }

  @Test(
    "Chunks that no outcome names go when they are old, those of an outcome stay",
    arguments: StoreUnderTest.allCases)
  func orphans(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let (outcome, chunks) = Self.chunked(1, chunks: 2)
    let lost = ResultChunk(
      id: ChunkID(
        job: outcome.id, assignment: AssignmentID(boot: BootID(high: 8 << 16, low: 0), counter: 1),
        number: 0), bytes: Payload([1]))
    let (_, orphans) = Self.chunked(2, chunks: 3)
    #expect(
      await store.insertChunks(chunks + [lost] + orphans).allSatisfy { $0 == .inserted })
    #expect(await store.insert([outcome]) == [.inserted])
    #expect(await store.purgeChunks(olderThan: .seconds(3_600), at: wallNow(), limit: 100) == 0)
    let ahead = wallNow() + .seconds(366 * 86_400)
    #expect(await store.purgeChunks(olderThan: .seconds(3_600), at: ahead, limit: 100) == 0)
    var removed = 0
    #expect(
      try await eventually(within: .seconds(30)) {
        removed += try #require(
          await store.purgeChunks(olderThan: Self.age, at: wallNow(), limit: 100))
        return removed >= 4
      })
    #expect(removed == 4)
    for chunk in chunks { #expect(try await store.chunk(chunk.id).get() == chunk.bytes) }
    for chunk in [lost] + orphans { #expect(try await store.chunk(chunk.id).get() == nil) }
  }
}
