import BelfryNet
import BelfryRPC
import NIOCore
import NIOPosix
import Synchronization

/// A peer that sends whatever bytes a test likes, with TLS or without.
final class RawPeer: Sendable {
  private let channel: any Channel
  private let inbox: Inbox

  private final class Inbox: Sendable {
    let state = Mutex((bytes: ByteBuffer(), error: String?.none, isEstablished: false))
  }

  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let inbox: Inbox

    init(_ inbox: Inbox) { self.inbox = inbox }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if event is TLSHandler.Established { inbox.state.withLock { $0.isEstablished = true } }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let buffer = unwrapInboundIn(data)
      inbox.state.withLock { _ = $0.bytes.writeImmutableBuffer(buffer) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      inbox.state.withLock { $0.error = "\(error)" }
      context.close(promise: nil)
    }
  }

  /// - Parameter tls: nil: no TLS at all.
  static func connect(_ port: Int, tls: TLSConfiguration?) async throws -> RawPeer {
    let context = try tls.map { try TLSContext.client($0) }
    let inbox = Inbox()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let context {
            try channel.pipeline.syncOperations.addHandler(
              TLSHandler(TLSMachine.connecting(context), timeout: .seconds(60)))
          }
          try channel.pipeline.syncOperations.addHandler(Collector(inbox))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    let peer = RawPeer(channel, inbox)
    if context != nil {
      _ = await eventually { !channel.isActive || inbox.state.withLock { $0.isEstablished } }
    }
    return peer
  }

  private init(_ channel: any Channel, _ inbox: Inbox) {
    self.channel = channel
    self.inbox = inbox
  }

  /// Errors are of no interest: the server may have hung up already.
  func send(_ bytes: ByteBuffer) async { try? await channel.writeAndFlush(bytes).get() }

  func close() async { try? await channel.close().get() }

  func stopReading() async { try? await channel.setOption(.autoRead, value: false).get() }

  var isOpen: Bool { channel.isActive }

  /// Everything received so far, taken out.
  func take() -> ByteBuffer {
    inbox.state.withLock { state in
      defer { state.bytes = ByteBuffer() }
      return state.bytes
    }
  }
}

/// A client that makes requests no proper client makes; sees the answers as they are.
final class CrookedClient {
  private let peer: RawPeer
  private let machine: HTTP2ClientMachine
  private let seen = SeenEvents()
  var answers: [(stream: Int32, headers: HTTP2HeaderBlock)] { seen.answers }
  var endings: [Int32: HTTP2ErrorCode] { seen.endings }
  var goAway: HTTP2ErrorCode? { seen.goAway }
  /// The highest stream that each GOAWAY has named.
  var goAwayStreams: [Int32] { seen.goAwayStreams }

  init(_ port: Int, tls: TLSConfiguration, limits: HTTP2Limits = HTTP2Limits()) async throws {
    machine = HTTP2ClientMachine(limits: limits, now: .now())
    machine.session.delegate = seen
    peer = try await RawPeer.connect(port, tls: tls)
  }

  /// The head of a proper request with some fields changed; an empty value leaves a field out.
  static func fields(
    _ changes: [String: String] = [:], extra: [(name: String, value: String)] = []
  ) -> HTTP2FieldBlock {
    let usual: [(name: String, value: String)] = [
      (":method", "POST"), (":scheme", "https"), (":path", TestMethods.echo.path),
      (":authority", "test"), ("te", "trailers"), ("content-type", "application/grpc+belfry"),
    ]
    let changed = usual.map { (name: $0.name, value: changes[$0.name] ?? $0.value) }
    let added = changes.filter { change in !usual.contains { $0.name == change.key } }
      .map { (name: $0.key, value: $0.value) }
    return HTTP2FieldBlock(changed.filter { !$0.value.isEmpty } + added + extra)
  }

  /// Opens a stream; messages get their proper prefix.
  @discardableResult
  func request(
    _ fields: HTTP2FieldBlock, messages: [ByteBuffer] = [ByteBuffer(string: "x")], end: Bool = true
  ) -> HTTP2Stream? {
    guard let stream = machine.request(fields) else { return nil }
    for message in messages { machine.session.send(message, on: stream) }
    if end { machine.session.end(stream, trailers: nil) }
    return stream
  }

  func reset(_ stream: HTTP2Stream) { machine.session.reset(stream, .cancel) }

  func ping() { machine.session.ping() }

  /// The bytes that wait to be sent, taken out.
  func output() -> ByteBuffer {
    var all = ByteBuffer()
    while machine.session.takeOutput(into: &all, limit: all.readableBytes + 65_536) {}
    return all
  }

  func send(_ bytes: ByteBuffer) async { await peer.send(bytes) }

  func flush() async { await peer.send(output()) }

  /// What has come and was not taken in, taken out.
  func received() -> ByteBuffer { peer.take() }

  /// Takes in what has come.
  func pump() async {
    let bytes = peer.take()
    if bytes.readableBytes > 0 { try? machine.session.receive(bytes, now: .now()) }
    await flush()
  }

  /// Sends, then waits until the stream has ended.
  func exchange(_ stream: HTTP2Stream?) async -> Bool {
    guard let stream else { return false }
    await flush()
    return await eventually {
      await pump()
      return endings[stream.id] != nil
    }
  }

  /// Waits for the status. For requests whose end the machine does not know, since it was sent raw.
  func answered(_ stream: HTTP2Stream?) async -> Bool {
    await eventually {
      await pump()
      return value("grpc-status", on: stream) != nil
    }
  }

  /// Waits until the server hangs up.
  func isCutOff() async -> Bool {
    await eventually {
      // Asked first: what came before the end is taken in below.
      let isOpen = peer.isOpen
      await pump()
      return !isOpen
    }
  }

  func value(_ name: String, on stream: HTTP2Stream?) -> String? {
    for answer in answers where answer.stream == stream?.id {
      if let value = answer.headers.first(name) { return value }
    }
    return nil
  }

  /// All values under a name, in order.
  func values(_ name: String, on stream: HTTP2Stream?) -> [String] {
    answers.filter { $0.stream == stream?.id }.flatMap { answer in
      answer.headers.fields.filter { answer.headers.name(of: $0).elementsEqual(name.utf8) }
        .map { answer.headers.text(of: $0) }
    }
  }

  func stopReading() async { await peer.stopReading() }

  func close() async { await peer.close() }
}

/// What a client has seen of its server.
private final class SeenEvents: HTTP2SessionDelegate {
  private(set) var answers: [(stream: Int32, headers: HTTP2HeaderBlock)] = []
  private(set) var endings: [Int32: HTTP2ErrorCode] = [:]
  private(set) var goAway: HTTP2ErrorCode?
  private(set) var goAwayStreams: [Int32] = []

  func headersReceived(_ headers: HTTP2HeaderBlock, on stream: HTTP2Stream) {
    answers.append((stream.id, headers))
  }
  func streamClosed(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) { endings[stream.id] = code }
  func goAwayReceived(lastStreamID: Int32, _ code: HTTP2ErrorCode) {
    goAway = code
    goAwayStreams.append(lastStreamID)
  }
  func settingsReceived() {}
  func dataReceived(_ chunk: ByteBuffer, on stream: HTTP2Stream) {}
  func peerEnded(_ stream: HTTP2Stream) {}
  func drained(_ count: Int, on stream: HTTP2Stream) {}
  func pingAnswered() {}
}
