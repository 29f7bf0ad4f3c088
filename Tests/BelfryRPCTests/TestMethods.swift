import BelfryRPC
import NIOCore
import Synchronization

/// One method of each kind.
enum TestMethods {
  static let echo = method("Echo")
  static let echoAsync = method("EchoAsync")
  static let fail = method("Fail")
  static let crash = method("Crash")
  static let hang = method("Hang")
  static let metadata = method("Metadata")
  static let count = method("Count")
  static let concatenate = method("Concatenate")
  static let readLate = method("ReadLate")
  static let chat = method("Chat")
  static let events = method("Events")

  private static func method(_ name: String) -> MethodDescriptor {
    MethodDescriptor(service: "belfry.test.Everything", method: name)
  }

  static func router(_ facts: TestFacts) -> RPCRouter {
    var router = RPCRouter()
    router.register(echo, .unary { _, message in message })
    router.register(
      echoAsync,
      .unaryAsync { context, message in
        await Task.yield()
        facts.add(context.eventLoop.inEventLoop ? "on loop" : "off loop")
        return message
      })
    router.register(
      fail,
      .unary { (_, message) throws(RPCStatus) in
        throw RPCStatus(.aborted, String(buffer: message))
      })
    router.register(crash, .unaryAsync { _, _ in throw TestFailure() })
    router.register(
      hang,
      .unaryAsync { _, message in
        facts.add("hang began")
        do {
          try await Task.sleep(for: .seconds(60))
        } catch {
          facts.add("hang cancelled")
          throw error
        }
        return message
      })
    router.register(
      metadata,
      .unary { context, message in
        var trailing = Metadata()
        for entry in context.metadata.entries {
          switch entry.value {
          case .text(let text): trailing.add("got-" + entry.name, text)
          case .bytes(let bytes): trailing.add("got-" + entry.name, bytes: bytes)
          }
        }
        trailing.add("peer", "\(context.peer.map { "\($0)" } ?? "stranger")")
        context.setTrailingMetadata(trailing)
        var initial = Metadata()
        initial.add("first", "1")
        context.setInitialMetadata(initial)
        return message
      })
    registerStreams(&router, facts)
    return router
  }

  private static func registerStreams(_ router: inout RPCRouter, _ facts: TestFacts) {
    // Sends as many messages as the request says, each of 1 KiB.
    router.register(
      count,
      .serverStream { _, message, writer in
        let number = Int(String(buffer: message)) ?? 0
        for index in 0..<number {
          do {
            try await writer.sendWhenFree(
              ByteBuffer(repeating: UInt8(truncatingIfNeeded: index), count: 1_024))
          } catch {
            facts.add("count stopped")
            throw error
          }
          if index % 100 == 0 { facts.add("count \(index)") }
        }
      })
    router.register(
      concatenate,
      .clientStream { _, messages in
        var all = ByteBuffer()
        for try await message in messages { all.writeImmutableBuffer(message) }
        return all
      })
    // Reads nothing until the test says so; answers how many bytes there were.
    router.register(
      readLate,
      .clientStream { _, messages in
        facts.add("not reading")
        _ = await eventually { facts.has("read now") }
        var bytes = 0
        for try await message in messages { bytes += message.readableBytes }
        return ByteBuffer(string: "\(bytes)")
      })
    router.register(
      chat,
      .bidirectional { _, messages, writer in
        for try await message in messages { try await writer.sendWhenFree(message) }
      })
    router.register(
      events, .events { _, writer in EchoEvents(writer, facts) })
  }
}

struct TestFailure: Error {}

/// Sends back what it gets.
final class EchoEvents: RPCEventHandler {
  private let writer: RPCWriter
  private let facts: TestFacts

  init(_ writer: RPCWriter, _ facts: TestFacts) {
    self.writer = writer
    self.facts = facts
  }

  func messagesReceived(_ messages: [ByteBuffer]) { writer.send(contentsOf: messages) }

  func messagesEnded() {
    facts.add("events ended")
    writer.finish()
  }

  func goingAway() { facts.add("events going away") }

  func closed(_ closure: RPCClosure) { facts.add("events closed \(closure)") }
}

/// Keeps what it gets.
final class CollectingEvents: RPCEventHandler {
  private let facts: TestFacts
  private let received: Mutex<[ByteBuffer]>.Box

  init(_ facts: TestFacts, _ received: Mutex<[ByteBuffer]>.Box) {
    self.facts = facts
    self.received = received
  }

  func messagesReceived(_ messages: [ByteBuffer]) {
    facts.add("batch \(messages.count)")
    received.value.withLock { $0 += messages }
  }

  func messagesEnded() { facts.add("ended") }
  func drained() { facts.add("drained") }
  func goingAway() { facts.add("going away") }
  func closed(_ closure: RPCClosure) { facts.add("closed \(closure)") }
}

extension Mutex where Value == [ByteBuffer] {
  final class Box: Sendable {
    let value = Mutex<[ByteBuffer]>([])
  }
}
