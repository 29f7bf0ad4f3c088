import BelfryIdentity
import BelfryNet
import BelfryRPC
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A server that answers with whatever frames a test likes.
///
/// It reads no more of a request than where it ends; what it says then is the test's.
final class CrookedServer: Sendable {
  /// What is sent when a request has ended, and whether the server hangs up then.
  struct Answer: Sendable {
    var frames: [ByteBuffer]
    var closes = false
  }

  /// Makes the answer to the request of this stream, the how-manieth of all connections.
  typealias Script = @Sendable (_ stream: Int32, _ request: Int) -> Answer

  let port: Int
  private let seen = Mutex((connections: 0, requests: 0, pings: 0))
  private let script: Script
  private let answersPings: Bool

  var connections: Int { seen.withLock { $0.connections } }
  var requests: Int { seen.withLock { $0.requests } }
  var pings: Int { seen.withLock { $0.pings } }

  /// Runs `body` with a client of such a server.
  static func with(
    answersPings: Bool = true, options: RPCClient.Options = .patient, _ script: @escaping Script,
    _ body: (RPCClient, CrookedServer) async throws -> Void
  ) async throws {
    let files = try TestServer.certificates.get()
    let group = MultiThreadedEventLoopGroup.singleton
    let tls = try TLSContext.server(files.member(.coordinator, "crook"))
    let server = Place()
    let listener = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let server = server.value.withLock({ $0 }) else { return }
          try channel.pipeline.syncOperations.addHandlers([
            TLSHandler(TLSMachine.accepting(tls)), Connection(server),
          ])
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let crook = CrookedServer(
      port: try #require(listener.localAddress?.port), script, answersPings)
    server.value.withLock { $0 = crook }
    let client = try RPCClient(
      target: RPCTarget(host: "127.0.0.1", port: crook.port),
      tls: files.member(.worker, "w"), eventLoopGroup: group, options: options)
    let result: Result<Void, any Error>
    do { result = .success(try await body(client, crook)) } catch { result = .failure(error) }
    await client.close()
    try await listener.close()
    try result.get()
  }

  /// Where connections find the server, which is made when its port is known.
  private final class Place: Sendable {
    let value = Mutex<CrookedServer?>(nil)
  }

  private init(port: Int, _ script: @escaping Script, _ answersPings: Bool) {
    self.port = port
    self.script = script
    self.answersPings = answersPings
  }

  private final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let server: CrookedServer
    private var input = ByteBuffer()
    private var hasPreface = false

    init(_ server: CrookedServer) { self.server = server }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      guard event is TLSHandler.Established else { return }
      server.seen.withLock { $0.connections += 1 }
      context.writeAndFlush(wrapOutboundOut(RawFrame.settings), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      input.writeImmutableBuffer(unwrapInboundIn(data))
      if !hasPreface {
        guard input.readableBytes >= 24 else { return }
        input.moveReaderIndex(forwardBy: 24)
        hasPreface = true
      }
      while let (type, flags, stream, payload) = nextFrame() {
        received(type, flags, stream, payload, context)
      }
      context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }

    private func nextFrame() -> (UInt8, UInt8, Int32, [UInt8])? {
      let start = input.readerIndex
      guard let high = input.getInteger(at: start, as: UInt8.self),
        let low = input.getInteger(at: start + 1, as: UInt16.self),
        let type = input.getInteger(at: start + 3, as: UInt8.self),
        let flags = input.getInteger(at: start + 4, as: UInt8.self),
        let stream = input.getInteger(at: start + 5, as: Int32.self),
        let payload = input.getBytes(at: start + 9, length: Int(high) << 16 | Int(low))
      else { return nil }
      input.moveReaderIndex(forwardBy: 9 + payload.count)
      return (type, flags, stream, payload)
    }

    private func received(
      _ type: UInt8, _ flags: UInt8, _ stream: Int32, _ payload: [UInt8],
      _ context: ChannelHandlerContext
    ) {
      let isAnswer = flags & 1 != 0
      switch type {
      case 0 where isAnswer, 1 where isAnswer:
        let number = server.seen.withLock { seen -> Int in
          seen.requests += 1
          return seen.requests
        }
        let answer = server.script(stream, number)
        for frame in answer.frames { context.write(wrapOutboundOut(frame), promise: nil) }
        if answer.closes {
          context.flush()
          context.close(promise: nil)
        }
      case 4 where !isAnswer:
        context.write(wrapOutboundOut(RawFrame.settingsAnswer), promise: nil)
      case 6 where !isAnswer:
        server.seen.withLock { $0.pings += 1 }
        if server.answersPings {
          context.write(wrapOutboundOut(RawFrame.ping(payload, answer: true)), promise: nil)
        }
      default: break
      }
    }
  }
}
