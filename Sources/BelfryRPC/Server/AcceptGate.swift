internal import BelfryNet
internal import Logging
internal import NIOCore

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// Stops accepting for a moment when too many handshakes are under way, or no file descriptor is left.
///
/// New connections wait in the kernel's queue meanwhile. A descriptor is kept in reserve: when the
/// last one is used up it is given up, so that one waiting peer can be taken and closed, and learns
/// that nobody listens. Without the pause the loop would spin on an `accept` that cannot succeed.
final class AcceptGate: ChannelDuplexHandler {
  typealias InboundIn = any Channel
  typealias InboundOut = any Channel
  typealias OutboundIn = Never

  private static let pause = TimeAmount.milliseconds(10)
  private static let pauseWithoutFiles = TimeAmount.milliseconds(100)

  private let shared: RPCServer.Shared
  private var started: TokenBucket
  private var isPaused = false
  private var reserve: Int32

  init(_ shared: RPCServer.Shared) {
    self.shared = shared
    let rate = shared.limits.handshakesPerSecond
    started = TokenBucket(burst: max(1, rate / 10), perSecond: rate, now: .now())
    reserve = Self.openReserve()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    giveUpReserve()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard reserve >= 0 else {
      shared.refusals.refused(
        "refused a connection", ServerRefusals.Reason.files.rawValue, metadata: [:])
      unwrapInboundIn(data).close(promise: nil)
      return pause(context, Self.pauseWithoutFiles)
    }
    _ = started.take(now: .now())
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    if !mayAccept { pause(context, Self.pause) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? IOError, [EMFILE, ENFILE].contains(error.errnoCode) {
      if reserve < 0 { pause(context, Self.pauseWithoutFiles) }
      giveUpReserve()
    }
    context.fireErrorCaught(error)
  }

  private var mayAccept: Bool {
    started.hasToken(now: .now()) && shared.handshaking < shared.limits.handshakesMax
  }

  private func pause(_ context: ChannelHandlerContext, _ time: TimeAmount) {
    guard !isPaused else { return }
    isPaused = true
    setReading(false, context)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: time) {
      let (gate, context) = bound.value
      gate.resume(context)
    }
  }

  private func resume(_ context: ChannelHandlerContext) {
    guard isPaused, context.channel.isActive else { return }
    if reserve < 0 { reserve = Self.openReserve() }
    isPaused = false
    if mayAccept { setReading(true, context) } else { pause(context, Self.pause) }
  }

  private func setReading(_ reads: Bool, _ context: ChannelHandlerContext) {
    // Fails only when the channel is closed, which ends all reading.
    try? context.channel.syncOptions?.setOption(.autoRead, value: reads)
  }

  private func giveUpReserve() {
    if reserve >= 0 { _ = closeFile(reserve) }
    reserve = -1
  }

  private static func openReserve() -> Int32 {
    unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
  }
}

/// Of the C library; inside a channel handler its name means something else.
private func closeFile(_ file: Int32) -> Int32 { close(file) }
