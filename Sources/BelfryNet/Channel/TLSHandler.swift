package import NIOCore

/// Connects a `TLSMachine` with a channel: ciphertext on its outer side, plaintext on its inner one.
///
/// Nothing but `TLSEstablished` or an error passes inwards before the handshake is done. Writes are
/// encrypted at once and sent at the next flush.
package final class TLSHandler: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer
  package typealias OutboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  /// Tells the inner handlers that the handshake is done.
  package struct Established: Sendable {
    /// Nil: a stranger.
    package let peer: PeerIdentity?
    /// See `TLSMachine.binding`; empty where there is no TLS, or the client has a certificate.
    package var binding: [UInt8] = []
    /// See `TLSMachine.heartbeatKey`; empty where there is no TLS, or one end is a stranger.
    package var heartbeatKey: [UInt8] = []
  }

  private enum State { case handshaking, established, closed }

  /// How long the peer has to read our last words.
  private static let lingerTime = TimeAmount.milliseconds(250)

  private let machine: TLSMachine
  private let timeout: TimeAmount
  private var state = State.handshaking
  private var timer: Scheduled<Void>?
  private var lingerTimer: Scheduled<Void>?

  /// - Parameter timeout: for the whole handshake, from the connection's beginning.
  package init(_ machine: TLSMachine, timeout: TimeAmount = .seconds(3)) {
    self.machine = machine
    self.timeout = timeout
  }

  package func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { begin(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard timer == nil, state == .handshaking else { return }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: timeout) {
      let (handler, context) = bound.value
      handler.fail(
        TLSError(.timedOut, "the TLS handshake took longer than \(handler.timeout.text)"), context)
    }
    handshake(context)
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard state != .closed else { return }
    let buffer = unwrapInboundIn(data)
    do throws(TLSError) {
      machine.receive(buffer)
      if state == .handshaking { handshake(context) }
      guard state == .established else { return }
      var plaintext = context.channel.allocator.buffer(capacity: buffer.readableBytes + 16_384)
      let open = try machine.read(into: &plaintext)
      if plaintext.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(plaintext)) }
      if !open { context.close(promise: nil) }
    } catch {
      fail(error, context)
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    if state == .established { context.fireChannelReadComplete() }
  }

  package func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    lingerTimer?.cancel()
    if state == .handshaking {
      context.fireErrorCaught(
        TLSError(.closed, "the peer closed the connection during the TLS handshake"))
    }
    state = .closed
    context.fireChannelInactive()
  }

  package func write(
    context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
  ) {
    guard state == .established else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    do throws(TLSError) {
      try machine.write(unwrapOutboundIn(data))
      promise?.succeed()
      passCiphertext(context)
    } catch {
      promise?.fail(error)
      fail(error, context)
    }
  }

  package func flush(context: ChannelHandlerContext) {
    passCiphertext(context)
    context.flush()
  }

  package func close(
    context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?
  ) {
    if mode == .all, lingerTimer != nil {
      promise?.succeed()
      return
    }
    guard mode == .all, state == .established, context.channel.isActive else {
      timer?.cancel()
      state = .closed
      context.close(mode: mode, promise: promise)
      return
    }
    state = .closed
    machine.close()
    passCiphertext(context)
    context.flush()
    linger(context)
    promise?.succeed()
  }

  /// Closes our side now and the rest when the peer has, or a little later: closing at once, with
  /// bytes of the peer unread, would destroy what was sent last (an alert, a GOAWAY).
  private func linger(_ context: ChannelHandlerContext) {
    context.close(mode: .output, promise: nil)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    lingerTimer = context.eventLoop.scheduleTask(in: Self.lingerTime) {
      let (handler, context) = bound.value
      handler.lingerTimer = nil
      context.close(promise: nil)
    }
  }

  private func handshake(_ context: ChannelHandlerContext) {
    do throws(TLSError) {
      let done = try machine.handshake()
      passCiphertext(context)
      context.flush()
      guard done else { return }
      state = .established
      timer?.cancel()
      context.fireUserInboundEventTriggered(
        Established(
          peer: machine.peer, binding: machine.binding, heartbeatKey: machine.heartbeatKey))
    } catch {
      fail(error, context)
    }
  }

  private func passCiphertext(_ context: ChannelHandlerContext) {
    if let ciphertext = machine.takeCiphertext() {
      context.write(wrapOutboundOut(ciphertext), promise: nil)
    }
  }

  /// Sends what the machine still has to say (the alert), reports the reason inwards and closes.
  private func fail(_ error: TLSError, _ context: ChannelHandlerContext) {
    guard state != .closed else { return }
    state = .closed
    timer?.cancel()
    passCiphertext(context)
    context.flush()
    if context.channel.isActive { linger(context) }
    context.fireErrorCaught(error)
    if lingerTimer == nil { context.close(promise: nil) }
  }
}

extension TimeAmount {
  /// For messages: "3 s" or "250 ms".
  package var text: String {
    let milliseconds = nanoseconds / 1_000_000
    return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000) s" : "\(milliseconds) ms"
  }
}
