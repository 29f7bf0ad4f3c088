import BelfryCore
import BelfryEmbedded
import Foundation
import Testing

/// What the embedded file promises beyond the ports: it outlives its process, belongs to one, and says
/// what is wrong with it.
@Suite("The embedded file", .timeLimit(.minutes(2))) struct EmbeddedFileTests {
  private static let lane = Lane.default
  private static let normal = QueueTopology.queue(.default, .normal)

  private func queue(_ engine: EmbeddedEngine) -> EmbeddedQueue {
    EmbeddedQueue(engine: engine, lanes: [Self.lane])
  }

  @Test("Jobs, outcomes and what is owed are there when it is opened again")
  func reopens() async throws {
    let path = try EmbeddedPlace.freshFile()
    let first = try EmbeddedEngine(.file(path))
    let owed = Sample.owed(1, dueIn: .seconds(-1), now: wallNow())
    try await RunningQueue.with(queue(first)) { queue in
      try await queue.up()
      let ids = (0..<5).map { queue.publish(.numbered($0), key: Self.normal) }
      for id in ids { #expect(try await queue.result(of: id) == .confirmed) }
    }
    #expect(await EmbeddedStore(engine: first).insert([Sample.full]) == [.inserted])
    #expect(await EmbeddedStore(engine: first).owe([owed]) == [.inserted])
    #expect(await EmbeddedStore(engine: first).claimOwed(limit: 1, claimant: "a") == [owed])
    await first.close()
    #expect(await EmbeddedStore(engine: first).insert([Sample.bare]) != [.inserted], "it is closed")

    let second = try EmbeddedEngine(.file(path))
    #expect(await EmbeddedStore(engine: second).find([Sample.full.id]) == [.found(Sample.full)])
    // The claim was of a process that is gone.
    #expect(await EmbeddedStore(engine: second).claimOwed(limit: 1, claimant: "b") == [owed])
    try await RunningQueue.with(queue(second)) { queue in
      try await queue.up()
      queue.perform(.consume(queue: Self.normal, prefetch: 10))
      let deliveries = try await queue.deliveries(5)
      #expect(deliveries.map(\.message) == (0..<5).map { .numbered($0) })
      #expect(deliveries.allSatisfy { !$0.redelivered }, "nobody had them")
    }
    await second.close()
  }

  /// A copy of the file, taken while it is open, is what a crash leaves.
  private func crashed(_ path: String) throws -> String {
    let copy = try EmbeddedPlace.freshFile()
    for companion in ["", "-wal"] {
      try FileManager.default.copyItem(atPath: path + companion, toPath: copy + companion)
    }
    return copy
  }

  @Test("After a crash what was given out comes again and says so; what was not, does not")
  func redelivers() async throws {
    let path = try EmbeddedPlace.freshFile()
    let engine = try EmbeddedEngine(.file(path))
    let copy = try await RunningQueue.with(queue(engine)) { queue in
      try await queue.up()
      for number in 0..<10 { queue.publish(.numbered(number), key: Self.normal) }
      queue.perform(.consume(queue: Self.normal, prefetch: 4))
      let deliveries = try await queue.deliveries(4)
      queue.perform(.endConsumer(queue: Self.normal), .ack([deliveries[1].tag]))
      // An outcome is committed after the delivery of its job.
      #expect(await EmbeddedStore(engine: engine).insert([Sample.outcome(1)]) == [.inserted])
      return try crashed(path)
    }
    await engine.close()
    let again = try EmbeddedEngine(.file(copy))
    try await RunningQueue.with(queue(again)) { queue in
      try await queue.up()
      queue.perform(.consume(queue: Self.normal, prefetch: 20))
      let deliveries = try await queue.deliveries(9)
      let names = [0, 2, 3, 4, 5, 6, 7, 8, 9].map { "job-\($0)" }
      #expect(deliveries.map(\.message.messageID) == names)
      #expect(deliveries.map(\.redelivered) == (0..<9).map { $0 < 3 })
      #expect(deliveries.map(\.deliveryCount) == (0..<9).map { $0 < 3 ? 1 : 0 })
    }
    await again.close()
  }

  @Test("A backlog that is larger than what is held beside the file comes in its order")
  func backlog() async throws {
    let engine = try EmbeddedEngine(.file(EmbeddedPlace.freshFile()))
    try await RunningQueue.with(queue(engine)) { queue in
      try await queue.up()
      for first in stride(from: 0, to: 6_000, by: 1_000) {
        queue.perform(
          .publish((first..<first + 1_000).map { queue.outgoing(.numbered($0), key: Self.normal) }))
      }
      queue.perform(.consume(queue: Self.normal, prefetch: 300))
      var seen: [String] = []
      while seen.count < 6_000 {
        let deliveries = try await queue.deliveries(1)
        queue.forget()
        seen += deliveries.compactMap(\.message.messageID)
        queue.perform(.ack(deliveries.map(\.tag)))
      }
      #expect(seen == (0..<6_000).map { "job-\($0)" })
      try await queue.depth(of: Self.normal, becomes: 0)
    }
    await engine.close()
  }

  @Test("A second process is refused, and told who has it")
  func locked() async throws {
    let path = try EmbeddedPlace.freshFile()
    let engine = try EmbeddedEngine(.file(path))
    let refusal = #expect(throws: EmbeddedError.self) { try EmbeddedEngine(.file(path)) }
    #expect(refusal?.code == .locked)
    #expect(refusal?.description.contains("\(ProcessInfo.processInfo.processIdentifier)") == true)
    await engine.close()
  }

  @Test("A newer schema, another program's file and no database are each refused")
  func refusals() async throws {
    func refusal(_ prepare: (String) throws -> Void) throws -> EmbeddedError? {
      let path = try EmbeddedPlace.freshFile()
      try prepare(path)
      return #expect(throws: EmbeddedError.self) { try EmbeddedEngine(.file(path)) }
    }
    #expect(
      try refusal { try Data("no database\n".utf8).write(to: URL(filePath: $0)) }?.code == .notOurs)
    let newer = try refusal { path in try shell(path, "PRAGMA user_version=99; CREATE TABLE t(a);")
    }
    #expect(newer?.code == .notOurs, "\(String(describing: newer))")
    let ours = try EmbeddedPlace.freshFile()
    try await EmbeddedEngine(.file(ours)).close()
    try shell(ours, "PRAGMA user_version=99;")
    let refused = #expect(throws: EmbeddedError.self) { try EmbeddedEngine(.file(ours)) }
    #expect(refused?.code == .newer)
    #expect(refused?.description.contains("schema 99") == true)
  }

  @Test("A file of a release that knew less of alerts gets what it lacks, and keeps what it has")
  func widened() async throws {
    let path = try EmbeddedPlace.freshFile()
    let first = try EmbeddedEngine(.file(path))
    #expect(await EmbeddedStore(engine: first).openAlert(Sample.alert()) == true)
    await first.close()
    let columns = [
      "why_resolved", "held_back_by", "released_by", "coordinator", "acknowledged_by",
      "acknowledged_at", "note",
    ]
    try shell(path, columns.map { "ALTER TABLE alerts DROP COLUMN \($0);" }.joined())
    for _ in 0..<2 {
      let engine = try EmbeddedEngine(.file(path))
      #expect(try await EmbeddedStore(engine: engine).openAlerts().get() == [Sample.alert()])
      await engine.close()
    }
  }

  @Test("A damaged file is refused, or read: never a crash")
  func damaged() async throws {
    let path = try EmbeddedPlace.freshFile()
    let engine = try EmbeddedEngine(.file(path))
    #expect(await EmbeddedStore(engine: engine).insert(Sample.outcomes(0..<2_000)).count == 2_000)
    await engine.close()
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    var codes: Set<String> = []
    var random = QueueRandom(seed: 3)
    for _ in 0..<20 {
      let copy = try EmbeddedPlace.freshFile()
      var damaged = bytes
      let start = Int.random(in: 0..<damaged.count - 512, using: &random)
      for index in start..<start + 512 {
        damaged[index] = UInt8.random(in: 0...255, using: &random)
      }
      try Data(damaged).write(to: URL(filePath: copy))
      do {
        let opened = try EmbeddedEngine(.file(copy))
        _ = await EmbeddedStore(engine: opened).find((0..<2_000).map(Sample.job))
        await opened.close()
      } catch {
        codes.insert("\(error.code)")
      }
    }
    #expect(codes.contains("damaged"), "\(codes)")
  }

  @Test("A full disk: nothing is answered as safe that is not, and it goes on when there is room")
  func full() async throws {
    let path = try EmbeddedPlace.freshFile()
    let engine = try EmbeddedEngine(.file(path), pagesMax: 200)
    let store = EmbeddedStore(engine: engine)
    try await RunningQueue.with(queue(engine)) { queue in
      try await queue.up()
      var accepted: [Int] = []
      for number in 0..<100 {
        let id = queue.publish(.numbered(number, bytes: 20_000), key: Self.normal)
        guard try await queue.result(of: id) == .confirmed else { break }
        accepted.append(number)
      }
      #expect((10..<60).contains(accepted.count), "it never filled up")
      try await queue.until("it says so") { seen in
        seen.events.contains { event in
          if case .unavailable(let reason) = event {
            reason.contains("no room left")
          } else {
            false
          }
        }
      }
      // Reading goes on; what was accepted is there, and acking it makes room.
      try await queue.until("it is back") { $0.isPublishing && !$0.generations.isEmpty }
      queue.perform(.consume(queue: Self.normal, prefetch: 100))
      let deliveries = try await queue.deliveries(accepted.count)
      #expect(deliveries.map(\.message.messageID) == accepted.map { "job-\($0)" })
      queue.perform(.ack(deliveries.map(\.tag)))
      let last = queue.publish(.numbered(1_000), key: Self.normal)
      #expect(try await queue.result(of: last) == .confirmed)
    }
    #expect(await store.check() == nil)
    await engine.close()
  }

  /// SQLite's own program: what an operator would use.
  private func shell(_ path: String, _ sql: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [
      "python3", "-c",
      "import sqlite3,sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])", path, sql,
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  @Test("what is asked for as soon as the connection is up is done, however soon that is")
  func askedAtOnce() async throws {
    let engine = try EmbeddedEngine(.memory)
    for number in 0..<500 {
      let lane = Lane(trusted: "l\(number)")
      let queue = EmbeddedQueue(engine: engine, lanes: [lane])
      let (answers, answered) = AsyncStream.makeStream(of: Void.self)
      let task = Task {
        await queue.run { events in
          for event in events {
            switch event {
            case .consumingUp: queue.perform([.measure([QueueTopology.queue(lane, .normal)])])
            case .depth: answered.finish()
            default: break
            }
          }
        }
      }
      let limit = Task {
        try await Task.sleep(for: .seconds(20))
        Issue.record("number \(number) was not answered")
        answered.finish()
      }
      for await _ in answers {}
      limit.cancel()
      task.cancel()
      await task.value
    }
    await engine.close()
  }
}
