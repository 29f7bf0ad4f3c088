import BelfryAPI
import BelfryRPC
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

/// The session stream with types: batches, and what happens to bytes that are no message.
@Suite struct TypedEventTests {
  /// What an end of a stream has heard, in order, for a test to look at from outside.
  final class Heard: Sendable {
    let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  /// Answers each Started with a Stop of the same job; ends when the worker has ended.
  final class Coordinator: TypedEventHandler {
    let writer: TypedWriter<Belfry_V1_CoordinatorMessage>
    let heard: Heard

    init(_ writer: TypedWriter<Belfry_V1_CoordinatorMessage>, _ heard: Heard) {
      self.writer = writer
      self.heard = heard
    }

    func messagesReceived(_ messages: [Belfry_V1_WorkerMessage]) {
      for message in messages { heard.add(message.started.job) }
      writer.send(
        contentsOf: messages.map { message in .with { $0.stop.job = message.started.job } })
    }

    func messagesEnded() { writer.finish() }
    func closed(_ closure: RPCClosure) { heard.add("closed \(closure.status.code)") }
  }

  final class Worker: TypedEventHandler {
    let heard: Heard
    init(_ heard: Heard) { self.heard = heard }

    func messagesReceived(_ messages: [Belfry_V1_CoordinatorMessage]) {
      for message in messages { heard.add(message.stop.job) }
    }

    func closed(_ closure: RPCClosure) { heard.add("closed \(closure.status.code)") }
  }

  static func started(_ job: Int) -> Belfry_V1_WorkerMessage { .with { $0.started.job = "\(job)" } }

  @Test(arguments: MessageEncoding.allCases)
  func messagesGoBothWaysInOrder(encoding: MessageEncoding) async throws {
    let (atCoordinator, atWorker) = (Heard(), Heard())
    try await TestServer.with { router in
      router.events(SessionService.connect) { (_, writer) throws(RPCStatus) in
        Coordinator(writer, atCoordinator)
      }
    } _: { client in
      let writer = SessionClient(client).connect(options: TypedCallTests.options(encoding)) { _ in
        Worker(atWorker)
      }
      writer.send(contentsOf: [])
      writer.send(contentsOf: (1...1_000).map(Self.started))
      writer.send(Self.started(1_001))
      writer.finish()
      let expected = (1...1_001).map(String.init) + ["closed ok"]
      #expect(await eventually { atWorker.all.count >= expected.count })
      #expect(atWorker.all == expected)
      #expect(await eventually { atCoordinator.all.count >= expected.count })
      #expect(atCoordinator.all == expected)
    }
  }

  @Test func aWorkersBytesThatAreNoMessageEndItsSession() async throws {
    let (atCoordinator, atWorker) = (Heard(), Heard())
    try await TestServer.with { router in
      router.events(SessionService.connect) { (_, writer) throws(RPCStatus) in
        Coordinator(writer, atCoordinator)
      }
    } _: { client in
      let writer = SessionClient(client).connect { _ in Worker(atWorker) }
      let good = [1, 2, 3].map { MessageEncoding.belfry.bytes(of: Self.started($0)) }
      writer.writer.send(
        contentsOf: [good[0], good[1], ByteBuffer(bytes: [9, 9, 9, 9, 9]), good[2]])
      #expect(await eventually { atWorker.all.last == "closed invalidArgument" })
      #expect(atWorker.all == ["1", "2", "closed invalidArgument"])
      #expect(await eventually { atCoordinator.all.last == "closed invalidArgument" })
      #expect(atCoordinator.all == ["1", "2", "closed invalidArgument"])
    }
  }

  @Test func aCoordinatorsBytesThatAreNoMessageEndTheSessionToo() async throws {
    let atWorker = Heard()
    try await TestServer.with { router in
      router.register(
        SessionService.connect.descriptor,
        .bidirectional { _, messages, writer in
          let good = MessageEncoding.belfry.bytes(
            of: Belfry_V1_CoordinatorMessage.with { $0.stop.job = "1" })
          try await writer.sendWhenFree(good)
          try await writer.sendWhenFree(ByteBuffer(bytes: [9]))
          try await writer.sendWhenFree(good)
          for try await _ in messages {}
        })
    } _: { client in
      SessionClient(client).connect { _ in Worker(atWorker) }
      #expect(await eventually { atWorker.all.last == "closed internal" })
      #expect(atWorker.all == ["1", "closed internal"])
    }
  }
}
