package import NIOCore

/// What the layer above learns from a connection. All calls come on the connection's loop.
package protocol HTTP2ConnectionDelegate: HTTP2SessionDelegate {
  /// TLS is done; streams may come (server) or be opened (client).
  func connectionEstablished(peer: PeerIdentity?)
  /// All that one read brought has been processed; batches may be handed on.
  func turnEnded()
  /// The connection is gone; called exactly once. The error is nil for an orderly end.
  func connectionClosed(_ error: (any Error)?)
}

/// Connects an HTTP/2 machine with a channel: reads what is there, lets the layer above act on it,
/// gathers all frames and flushes once a turn.
///
/// While more than the allowed output waits for the socket, no frames are taken from the machine and
/// nothing is read from the peer; if that lasts too long the connection is closed.
package final class HTTP2Handler: ChannelDuplexHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundIn = Never
  package typealias OutboundOut = ByteBuffer

  package struct Timers: Sendable {
    /// From the end of the TLS handshake to the peer's SETTINGS.
    package var settings: TimeAmount = .seconds(2)
    /// How long a peer may leave a full output untouched.
    package var drain: TimeAmount = .seconds(10)

    package init() {}
  }

  /// Frames are gathered into pieces of this size before they are encrypted.
  private static let pieceBytes = 65_536

  private let session: HTTP2Session
  /// Held until the connection is closed: connection and layer above live and end together.
  private var delegate: (any HTTP2ConnectionDelegate)?
  private let timers: Timers
  private var context: ChannelHandlerContext?

  private var isEstablished = false
  private var isClosing = false
  private var isCloseRequested = false
  private var needsFlush = false
  private var isFlushScheduled = false
  private var isInTurn = false
  private var isReadHeld = false
  private var error: (any Error)?
  private var settingsTimer: Scheduled<Void>?
  private var drainTimer: Scheduled<Void>?
  private var output = ByteBuffer()

  package init(
    _ session: HTTP2Session, delegate: any HTTP2ConnectionDelegate, timers: Timers = Timers()
  ) {
    self.session = session
    self.delegate = delegate
    self.timers = timers
  }

  // MARK: Asked for by the layer above

  /// Something waits in the machine: it is sent at the end of this turn of the loop.
  package func setNeedsFlush() {
    needsFlush = true
    guard !isInTurn, !isFlushScheduled, let context else { return }
    isFlushScheduled = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute {
      let handler = bound.value
      handler.isFlushScheduled = false
      handler.flushAll()
    }
  }

  /// Sends what waits, then closes. The layer above hears `connectionClosed` with this error.
  package func close(_ error: (any Error)?) {
    guard !isClosing else { return }
    if self.error == nil { self.error = error }
    isCloseRequested = true
    guard isEstablished else {
      isClosing = true
      context?.close(promise: nil)
      return
    }
    setNeedsFlush()
    if !isInTurn { flushAll() }
  }

  // MARK: Channel events

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    session.delegate = delegate
  }

  package func handlerRemoved(context: ChannelHandlerContext) { ended() }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let established = event as? TLSHandler.Established else {
      context.fireUserInboundEventTriggered(event)
      return
    }
    isEstablished = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    settingsTimer = context.eventLoop.scheduleTask(in: timers.settings) {
      bound.value.close(
        HTTP2Error(.timedOut, "no HTTP/2 preface within \(bound.value.timers.settings.text)"))
    }
    delegate?.connectionEstablished(peer: established.peer)
    flushAll()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    let buffer = unwrapInboundIn(data)
    isInTurn = true
    defer { isInTurn = false }
    do throws(HTTP2Error) {
      try session.receive(buffer, now: .now())
      if session.hasSettings, let timer = settingsTimer {
        timer.cancel()
        settingsTimer = nil
      }
    } catch {
      isInTurn = false
      close(error)
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    isInTurn = true
    delegate?.turnEnded()
    isInTurn = false
    flushAll()
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      drainTimer?.cancel()
      drainTimer = nil
      flushAll()
      releaseRead(context)
    } else if drainTimer == nil {
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      drainTimer = context.eventLoop.scheduleTask(in: timers.drain) {
        let (handler, context) = bound.value
        handler.error = HTTP2Error(
          .stalled, "the peer took nothing for \(handler.timers.drain.text)")
        handler.isClosing = true
        context.close(promise: nil)
      }
    }
  }

  package func read(context: ChannelHandlerContext) {
    if !isEstablished || context.channel.isWritable {
      context.read()
    } else {
      isReadHeld = true
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if self.error == nil { self.error = error }
    isClosing = true
    context.close(promise: nil)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    ended()
    context.fireChannelInactive()
  }

  // MARK: Private

  private func releaseRead(_ context: ChannelHandlerContext) {
    guard isReadHeld, context.channel.isWritable else { return }
    isReadHeld = false
    context.read()
  }

  /// Takes frames as long as the socket takes them; what that sets free may queue more.
  private func flushAll() {
    guard isEstablished, !isClosing, !isInTurn, let context else { return }
    isInTurn = true
    var wrote = false
    repeat {
      needsFlush = false
      var more = true
      while more, context.channel.isWritable {
        output.clear()
        more = session.takeOutput(into: &output, limit: Self.pieceBytes)
        guard output.readableBytes > 0 else { break }
        context.write(wrapOutboundOut(output), promise: nil)
        wrote = true
      }
    } while needsFlush && context.channel.isWritable && !isClosing
    isInTurn = false
    if wrote { context.flush() }
    if isCloseRequested || session.isFinished, !isClosing {
      isClosing = true
      if error == nil { error = session.failure }
      context.close(promise: nil)
    }
  }

  private func ended() {
    settingsTimer?.cancel()
    drainTimer?.cancel()
    context = nil
    guard let delegate else { return }
    self.delegate = nil
    session.delegate = nil
    delegate.connectionClosed(error)
  }
}
