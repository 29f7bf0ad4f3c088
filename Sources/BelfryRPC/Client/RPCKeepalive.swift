internal import NIOCore

/// When a client asks a silent server whether it is still there.
///
/// A dead machine or a cut wire is noticed after at most twice `time` and once `timeout`; without this
/// only when TCP gives up, many minutes later. A client that is told that it asks too often (GOAWAY with
/// ENHANCE_YOUR_CALM) waits twice as long on its later connections.
package struct RPCKeepalive: Sendable, Equatable {
  /// Silence after which a PING is sent. gRPC servers allow one each 5 minutes unless set otherwise
  /// (`HTTP2Limits.pingIntervalMin`), and end the connection of who asks more often.
  package var time: Duration
  /// How long the server has for anything to be heard then.
  package var timeout: Duration
  /// Ask also while no call is open.
  package var withoutCalls: Bool

  package init(time: Duration, timeout: Duration = .seconds(20), withoutCalls: Bool = false) {
    self.time = time
    self.timeout = timeout
    self.withoutCalls = withoutCalls
  }

  /// gRPC's rule; it ends at 2 hours, so that no server can make us count without end.
  mutating func slowDown() { time = max(time, min(time * 2, .seconds(7_200))) }
}

/// The decisions of one connection's keepalive; its owner has the timer.
struct KeepaliveMachine {
  enum Directive: Equatable {
    case wait(Duration)
    case ping(thenWait: Duration)
    case giveUp
  }

  private let options: RPCKeepalive
  private var hasHeard = false
  private var isAsked = false

  init(_ options: RPCKeepalive) { self.options = options }

  /// The timer's first wait.
  var first: Duration { options.time }
  var timeout: Duration { options.timeout }

  /// Something came from the peer, whatever it was.
  mutating func heard() { hasHeard = true }

  /// A PING was answered: how long to wait now, nil when none was sent.
  mutating func answered() -> Duration? {
    guard isAsked else { return nil }
    isAsked = false
    hasHeard = false
    return options.time
  }

  mutating func timerFired(hasCalls: Bool) -> Directive {
    if hasHeard {
      hasHeard = false
      isAsked = false
      return .wait(options.time)
    }
    if isAsked { return .giveUp }
    guard hasCalls || options.withoutCalls else { return .wait(options.time) }
    isAsked = true
    return .ping(thenWait: options.timeout)
  }
}
