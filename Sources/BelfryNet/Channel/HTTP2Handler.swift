package import NIOCore

/// What the layer above learns from a connection. All calls come on the connection's loop.
package protocol HTTP2ConnectionDelegate: HTTP2SessionDelegate {
  /// TLS is done; streams may come (server) or be opened (client).
  func connectionEstablished(_ established: TLSHandler.Established)
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
    /// From the beginning of a header list to its end; looked at by `check`.
    package var headers: TimeAmount = .seconds(5)
    /// How long, and how slowly, a peer may leave what we have for it.
    package var output = OutputWatch.Limits()

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
  private var watch: OutputWatch
  /// Bytes handed to TLS since the beginning.
  private var writtenBytes = 0
  /// Reads since the beginning: a sign of life.
  package private(set) var reads = 0

  package init(
    _ session: HTTP2Session, delegate: any HTTP2ConnectionDelegate, timers: Timers = Timers()
  ) {
    self.session = session
    self.delegate = delegate
    self.timers = timers
    watch = OutputWatch(timers.output)
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

  /// Ends the connection with a GOAWAY that says the peer asks too much.
  package func cut(_ error: HTTP2Error) {
    guard !isClosing else { return }
    session.terminate(.enhanceYourCalm, error)
    close(error)
  }

  /// Looks for what takes too long. To be called every second or so by who has many connections: a
  /// timer for each would cost more than all of them do.
  package func check(now: NIODeadline) {
    guard isEstablished, !isClosing else { return }
    if let began = session.headersSince, now - began >= timers.headers {
      return cut(
        HTTP2Error(.slowHeaders, "no end of a header list within \(timers.headers.text)"))
    }
    let (waiting, taken) = progress
    guard let error = watch.check(now: now, waiting: waiting + session.queuedBytes, taken: taken)
    else { return }
    abort(error)
  }

  /// True while output waits for the socket: nothing is read from the peer then.
  package var isHoldingReads: Bool { isReadHeld }

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
        HTTP2Error(.preface, "no HTTP/2 preface within \(bound.value.timers.settings.text)"))
    }
    delegate?.connectionEstablished(established)
    flushAll()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    let buffer = unwrapInboundIn(data)
    reads &+= 1
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
      awaitDrain(context, taken: progress.taken)
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

  /// Bytes that wait for the socket, and about how many it has taken.
  private var progress: (waiting: Int, taken: Int) {
    // A channel without this option holds nothing back.
    let waiting = (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    return (waiting, max(0, writtenBytes - waiting))
  }

  private func awaitDrain(_ context: ChannelHandlerContext, taken: Int) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    drainTimer = context.eventLoop.scheduleTask(in: timers.output.drain) {
      let (handler, context) = bound.value
      let now = handler.progress.taken
      guard now <= taken else { return handler.awaitDrain(context, taken: now) }
      let time = handler.timers.output.drain.text
      handler.abort(HTTP2Error(.stalled, "the peer took nothing for \(time)"))
    }
  }

  /// Closes without a last word: the peer would not take it.
  private func abort(_ error: HTTP2Error) {
    if self.error == nil { self.error = error }
    isClosing = true
    context?.close(promise: nil)
  }

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
        // Not kept from one turn to the next: who is idle should hold no memory.
        var output = ByteBuffer()
        more = session.takeOutput(into: &output, limit: Self.pieceBytes)
        guard output.readableBytes > 0 else { break }
        writtenBytes += output.readableBytes
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
