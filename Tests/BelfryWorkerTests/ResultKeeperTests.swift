import BelfryCore
import BelfryTestKit
import Logging
import Synchronization
import Testing

@testable import BelfryWorker

/// A result that is too large for its outcome is in the store before anybody hears of it.
@Suite struct ResultKeeperTests {
  private static let zero = WallTime(milliseconds: 0)
  private static let mebibyte = JobResult.inlineBytesMax
  private let store = InMemoryStore { zero }
  private let assign = Assign(
    job: Job(id: JobID(trusted: "j"), kind: Kind(trusted: "k")),
    assignment: AssignmentID(boot: BootID(high: 1 << 16, low: 0), counter: 1), attempt: 1,
    left: nil,
    history: History(), hazard: false)

  private func keeper(bytesMax: Int = 64 << 20) -> ResultKeeper {
    ResultKeeper(bytesMax: bytesMax, logger: Logger(label: "test")) { [store] in
      await store.insertChunks($0)
    }
  }

  private func succeeded(_ count: Int) -> WorkerCore.HandlerResult {
    .succeeded(
      JobResult(
        contentType: "x/y",
        bytes: Payload((0..<count).map { UInt8(truncatingIfNeeded: $0 / 1_000 ^ $0) })),
      startedAt: Self.zero, finishedAt: Self.zero)
  }

  private func bytes() async throws -> [UInt8] {
    var bytes: [UInt8] = []
    for number in 0..<store.chunkCount {
      let id = ChunkID(job: assign.job.id, assignment: assign.assignment, number: number)
      bytes += try #require(try await store.chunk(id).get()).bytes
    }
    return bytes
  }

  @Test func whatFitsStaysWithTheOutcome() async {
    let whole = succeeded(Self.mebibyte)
    #expect(await keeper().keep(whole, of: assign, hasStore: true) == whole)
    #expect(store.chunkCount == 0)
  }

  @Test(arguments: [1, (1 << 20) - 1, (9 << 20) + 5])
  func whatDoesNotIsKeptInChunks(more: Int) async throws {
    let whole = succeeded(Self.mebibyte + more)
    guard case .succeeded(let given, _, _) = whole,
      case .succeeded(let result, _, _) = await keeper().keep(whole, of: assign, hasStore: true)
    else { throw Unexpected() }
    let count = (Self.mebibyte + more + Self.mebibyte - 1) / Self.mebibyte
    #expect(result.chunks == ResultChunks(count: count, size: given.bytes.size))
    #expect(result.contentType == "x/y" && result.bytes == .empty)
    #expect(store.chunkCount == count)
    #expect(try await bytes() == given.bytes.bytes)
  }

  @Test func anAnswerThatIsLostIsAskedForAgain() async throws {
    store.loseAnswers(2)
    let whole = succeeded(3 * Self.mebibyte)
    guard case .succeeded(let given, _, _) = whole,
      case .succeeded(let result, _, _) = await keeper().keep(whole, of: assign, hasStore: true)
    else { throw Unexpected() }
    #expect(result.chunks?.count == 3)
    #expect(try await bytes() == given.bytes.bytes)
  }

  @Test func aStoreThatIsAwayIsWaitedForUntilTheRunIsToEnd() async throws {
    store.isDown = true
    let asked = AsyncStream.makeStream(of: Void.self)
    let keeper = ResultKeeper(bytesMax: 64 << 20, logger: Logger(label: "test")) { [store] in
      asked.continuation.yield()
      return await store.insertChunks($0)
    }
    let (whole, assign) = (succeeded(2 * Self.mebibyte), assign)
    let task = Task { await keeper.keep(whole, of: assign, hasStore: true) }
    var times = 0
    for await _ in asked.stream {
      times += 1
      if times == 2 { break }
    }
    task.cancel()
    #expect(await task.value == .ended(startedAt: Self.zero, finishedAt: Self.zero))
  }

  @Test(arguments: [(4 << 20, true, "the limit is 4194304"), (64 << 20, false, "no store to keep")])
  func whatIsAboveTheLimitFails(bytesMax: Int, hasStore: Bool, why: String) async throws {
    let ended = await keeper(bytesMax: bytesMax).keep(
      succeeded(5 << 20), of: assign, hasStore: hasStore)
    guard case .failed(let failure) = ended else { throw Unexpected() }
    #expect(failure.error.code == "result-too-large" && failure.neverAgain)
    #expect(failure.error.message.contains(why), "\(failure.error.message)")
    #expect(store.chunkCount == 0)
  }

  private struct Unexpected: Error {}
}
