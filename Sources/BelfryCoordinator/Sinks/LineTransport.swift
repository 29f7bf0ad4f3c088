internal import BelfryNet
internal import NIOCore
internal import NIOPosix

/// Logstash's TCP input with the codec `json_lines`: one ECS document a line, then the end of the
/// stream. That input answers nothing. A delivery is that all of it was handed over, and that then the other
/// side has closed, or, with TLS, has had a quarter of a second to read our last words.
struct LineTransport: SinkTransport {
  let batchMax = 100
  private let place: HTTPPoster

  /// - Parameter place: names host, port and TLS.
  init(_ place: HTTPPoster) { self.place = place }

  func deliver(_ alerts: [SinkAlert]) async throws -> SinkVerdict {
    let lines = alerts.map { AlertECS.document($0) + "\n" }.joined()
    let ended = place.group.next().makePromise(of: Void.self)
    let channel: any Channel
    do {
      channel = try await place.connect { pipeline in
        try pipeline.addHandler(EndHandler(ended))
      }
    } catch {
      ended.fail(error)
      throw error
    }
    let written = channel.eventLoop.makePromise(of: Void.self)
    channel.writeAndFlush(ByteBuffer(string: lines), promise: written)
    // Not before it is written, which with TLS is after the handshake. There the end is a close_notify,
    // which closing does.
    written.futureResult.whenSuccess {
      channel.close(mode: place.tls == nil ? .output : .all, promise: nil)
    }
    // Why nothing could be written is known to the handler first.
    try await ended.futureResult.get()
    try await written.futureResult.get()
    return .delivered
  }
}

private final class EndHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let promise: EventLoopPromise<Void>

  init(_ promise: EventLoopPromise<Void>) { self.promise = promise }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.succeed()
    context.fireChannelInactive()
  }
}
