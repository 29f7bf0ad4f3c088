import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A receiver of alerts that answers as it is told, and keeps what came.
final class SinkServer: Sendable {
  struct Request: Sendable {
    let path: String
    let headers: [String: String]
    let body: String
  }

  struct Answer: Sendable {
    var status = 200
    var body = "{}"
    var headers: [(String, String)] = []
    /// What holds this text is answered by 400.
    var refuses: String?
    /// Nothing is answered.
    var hangs = false
  }

  private let channel: any Channel
  private let shared: Shared

  final class Shared: Sendable {
    let requests = Mutex<[Request]>([])
    let answers: Mutex<[Answer]>
    init(_ answers: [Answer]) { self.answers = Mutex(answers) }
  }

  /// - Parameter answers: in their order; the last one is for all that follow.
  init(_ answers: [Answer] = [Answer()], port: Int = 0) async throws {
    let shared = Shared(answers)
    self.shared = shared
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(shared))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
  }

  var port: Int { channel.localAddress?.port ?? 0 }
  var url: String { "http://127.0.0.1:\(port)" }
  var requests: [Request] { shared.requests.withLock { $0 } }

  func stop() async { try? await channel.close().get() }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let shared: Shared
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(_ shared: Shared) { self.shared = shared }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): self.head = head
      case .body(var part): body.writeBuffer(&part)
      case .end: answer(context)
      }
    }

    private func answer(_ context: ChannelHandlerContext) {
      guard let head else { return }
      let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
      let request = Request(
        path: head.uri, headers: Dictionary(headers) { $1 }, body: String(buffer: body))
      shared.requests.withLock { $0.append(request) }
      var answer = shared.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
      if let text = answer.refuses, request.body.contains(text) { answer.status = 400 }
      if answer.hangs { return }
      var response = HTTPResponseHead(
        version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status))
      for (name, value) in answer.headers { response.headers.add(name: name, value: value) }
      response.headers.add(name: "Content-Length", value: String(answer.body.utf8.count))
      context.write(wrapOutboundOut(.head(response)), promise: nil)
      context.write(
        wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
