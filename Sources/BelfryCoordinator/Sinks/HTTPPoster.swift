internal import BelfryNet
internal import BelfryRPC
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// What a server of the web answered.
struct HTTPAnswer: Sendable, Equatable {
  let status: Int
  var retryAfter: Duration?
  /// At most ``HTTPPoster/answerBytesMax`` of it.
  var body: [UInt8] = []
}

/// Why there is no answer.
struct HTTPFailure: Error, CustomStringConvertible {
  let description: String
}

/// Sends single POST requests, each on a connection of its own: alerts are rare, and a connection
/// that was kept would be found dead when one is needed.
struct HTTPPoster: Sendable {
  static let answerBytesMax = 256 << 10
  static let connectTimeout = TimeAmount.seconds(5)
  static let timeout = TimeAmount.seconds(10)

  let host: String
  let port: Int
  /// Nil: without TLS.
  let tls: TLSContext?
  let group: any EventLoopGroup

  func post(_ request: SinkRequest) async throws -> HTTPAnswer {
    let promise = group.next().makePromise(of: HTTPAnswer.self)
    do {
      let channel = try await connect { pipeline in
        try pipeline.addHTTPClientHandlers()
        try pipeline.addHandler(AnswerHandler(promise))
      }
      var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: request.path)
      head.headers.add(name: "Host", value: authority)
      head.headers.add(name: "Connection", value: "close")
      head.headers.add(name: "Content-Length", value: String(request.body.count))
      for header in request.headers { head.headers.add(name: header.name, value: header.value) }
      channel.write(HTTPClientRequestPart.head(head), promise: nil)
      channel.write(
        HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: request.body))), promise: nil)
      channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    } catch {
      promise.fail(error)
    }
    do {
      return try await promise.futureResult.get()
    } catch let error as HTTPFailure {
      throw error
    } catch {
      throw RPCConnectError(target: authority, error)
    }
  }

  private var authority: String {
    (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
  }

  /// A connection with these handlers inside TLS; what is written waits for the handshake. After ``timeout``
  /// it is closed, with an ``HTTPFailure``.
  func connect(
    _ addHandlers: @escaping @Sendable (ChannelPipeline.SynchronousOperations) throws -> Void
  ) async throws -> any Channel {
    try await ClientBootstrap(group: group)
      .connectTimeout(Self.connectTimeout)
      .channelInitializer { [tls, host] channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls {
            try pipeline.addHandler(TLSHandler(.connecting(tls, host: host)))
            try pipeline.addHandler(WriteAfterHandshake())
          }
          try pipeline.addHandler(Deadline(Self.timeout))
          try addHandlers(pipeline)
        }
      }
      .connect(host: host, port: port).get()
  }
}

/// Ends a connection that is still open after its time.
private final class Deadline: ChannelInboundHandler {
  typealias InboundIn = NIOAny

  private let time: TimeAmount
  private var timer: Scheduled<Void>?

  init(_ time: TimeAmount) { self.time = time }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: time) { [time] in
      bound.value.fireErrorCaught(HTTPFailure(description: "not done within \(time.text)"))
      bound.value.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }
}

/// Keeps what is written until TLS is there.
private final class WriteAfterHandshake: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer

  private var waiting: [(NIOAny, EventLoopPromise<Void>?)] = []

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    waiting.append((data, promise))
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is TLSHandler.Established else {
      context.fireUserInboundEventTriggered(event)
      return
    }
    for (data, promise) in waiting { context.write(data, promise: promise) }
    waiting = []
    context.flush()
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    for (_, promise) in waiting { promise?.fail(ChannelError.ioOnClosedChannel) }
    waiting = []
    context.fireChannelInactive()
  }
}

/// Collects one answer, within a size.
private final class AnswerHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let promise: EventLoopPromise<HTTPAnswer>
  private var answer: HTTPAnswer?

  init(_ promise: EventLoopPromise<HTTPAnswer>) { self.promise = promise }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      let seconds = head.headers.first(name: "Retry-After").flatMap { Int($0) }
      answer = HTTPAnswer(
        status: Int(head.status.code), retryAfter: seconds.map { .seconds(max(0, $0)) })
    case .body(let part):
      let room = HTTPPoster.answerBytesMax - (answer?.body.count ?? 0)
      answer?.body.append(contentsOf: part.readableBytesView.prefix(room))
    case .end:
      if let answer { promise.succeed(answer) }
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(HTTPFailure(description: "the connection was closed before an answer came"))
    context.fireChannelInactive()
  }
}
