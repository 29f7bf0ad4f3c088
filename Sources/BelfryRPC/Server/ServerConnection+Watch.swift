internal import BelfryNet
internal import Logging
internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What a connection remembers from one look at its clocks to the next.
struct ServerClocks {
  let beganAt: NIODeadline
  var heardAt: NIODeadline
  var reads = 0
  /// Since when there has been no call; nil while there is one.
  var idleSince: NIODeadline?
  var requests = 0
  var pingedAt: NIODeadline?
  /// When what has been told to leave is ended.
  var leaveBy: NIODeadline?

  init(now: NIODeadline) {
    beganAt = now
    heardAt = now
  }
}

/// Everything that takes too long, looked at once a second or so, on the connection's loop.
extension ServerConnection {
  func check(now: NIODeadline) {
    guard isEstablished, !isClosed, let handler else { return }
    handler.check(now: now)
    if let peer, peer.notAfter <= Int64(time(nil)) {
      return cut(HTTP2Error(.expired, "the peer's certificate has ended"))
    }
    if let leaveBy = clocks.leaveBy {
      if now >= leaveBy { closeNow("the connection was told to leave") }
      return
    }
    checkAge(now)
    checkLife(now, handler)
    let isTight = shared.isReceivingTight
    for call in calls {
      if !isTight, call.isWaiting { call.releaseCredit() }
      call.check(now: now, mayWait: handler.isHoldingReads)
    }
  }

  private func checkAge(_ now: NIODeadline) {
    let limits = shared.limits
    if session.openStreams > 0 || tasksRunning > 0 || clocks.requests != requests {
      clocks.requests = requests
      clocks.idleSince = nil
    } else if let since = clocks.idleSince {
      if now - since >= limits.idleMax { leave(.idle, now) }
    } else {
      clocks.idleSince = now
      workers.rest()
    }
    if limits.ageMax > .zero, now - clocks.beganAt >= limits.ageMax { leave(.age, now) }
  }

  private func leave(_ kind: HTTP2Error.Kind, _ now: NIODeadline) {
    guard clocks.leaveBy == nil else { return }
    clocks.leaveBy = now + shared.limits.leaveMax
    shared.refusals.refused(
      "told a connection to leave", kind.rawValue, level: .debug,
      metadata: ["reason": "\(kind.rawValue)"])
    announceShutdown()
  }

  /// A peer that has calls and is gone would hold them for ever.
  private func checkLife(_ now: NIODeadline, _ handler: HTTP2Handler) {
    if handler.reads != clocks.reads || handler.isHoldingReads || session.openStreams == 0 {
      clocks.reads = handler.reads
      clocks.heardAt = now
      clocks.pingedAt = nil
    } else if let pinged = clocks.pingedAt {
      let time = shared.limits.pingTimeout
      guard now - pinged >= time else { return }
      cut(HTTP2Error(.silent, "the peer did not answer a PING within \(time.text)"))
    } else if now - clocks.heardAt >= shared.limits.quietMax {
      clocks.pingedAt = now
      session.ping()
      setNeedsFlush()
    }
  }

  func cut(_ error: HTTP2Error) { handler?.cut(error) }

  // MARK: Bytes of unfinished messages

  /// A call keeps so many bytes more, or less, of a message that is not complete.
  func kept(_ change: Int) {
    keptBytes.wrappingAdd(change, ordering: .relaxed)
    shared.kept(change)
  }

  /// True when the peer should not get this call's window back now: memory is scarce, and another call
  /// of the connection is served first.
  func mustWait(_ call: ServerCall) -> Bool {
    guard shared.isReceivingTight else { return false }
    if turn == nil { turn = call }
    return turn !== call
  }

  /// A call's message is complete, or the call is over: another may go on.
  func endTurn(of call: ServerCall) {
    guard turn === call else { return }
    turn = nil
    guard let next = calls.filter(\.isWaiting).min(by: { $0.stream.id < $1.stream.id }) else {
      return
    }
    turn = next
    next.releaseCredit()
  }

  /// Ends calls whose messages are not complete, the youngest first, until half of them are gone.
  func shed() {
    eventLoop.execute { [self] in
      let target = keptBytes.load(ordering: .relaxed) / 2
      for call in calls.sorted(by: { $0.stream.id > $1.stream.id }) where call.keptBytes > 0 {
        guard keptBytes.load(ordering: .relaxed) > target else { break }
        refusedCall(call, .receive, "unfinished messages above the server's budget")
        call.fail(RPCStatus(.resourceExhausted, "the server has too many unfinished messages"))
      }
      shared.shedEnded()
    }
  }

  func refusedCall(_ call: ServerCall, _ reason: ServerRefusals.Reason, _ text: String) {
    shared.refusals.refused(
      "ended a call", reason.rawValue,
      metadata: [
        "method": "\(call.context.method)", "peer": "\(peer.map { "\($0)" } ?? "stranger")",
        "reason": "\(text)",
      ])
  }
}
