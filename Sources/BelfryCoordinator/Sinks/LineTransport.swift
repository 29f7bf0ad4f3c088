internal import BelfryNet
internal import NIOCore
internal import NIOPosix

/// Logstash's TCP input with the codec `json_lines`: one ECS document a line, then the end of the
/// stream. That input answers nothing; a delivery is that the other side has taken everything and
/// closed, within 10 s.
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
        try pipeline.addHandler(EndHandler(ended, within: HTTPPoster.timeout))
      }
    } catch {
      ended.fail(error)
      throw error
    }
    channel.writeAndFlush(ByteBuffer(string: lines), promise: nil)
    // With TLS the end is a close_notify, which closing does.
    channel.close(mode: place.tls == nil ? .output : .all, promise: nil)
    try await ended.futureResult.get()
    return .delivered
  }
}

private final class EndHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let promise: EventLoopPromise<Void>
  private let timeout: TimeAmount
  private var timer: Scheduled<Void>?

  init(_ promise: EventLoopPromise<Void>, within timeout: TimeAmount) {
    self.promise = promise
    self.timeout = timeout
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: timeout) { [timeout] in
      let (handler, context) = bound.value
      handler.promise.fail(HTTPFailure(description: "it has not closed for \(timeout.text)"))
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    promise.succeed()
    context.fireChannelInactive()
  }
}
